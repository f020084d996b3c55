/** A verdict stops at the first hundred faults, from the schema or from the rules, and loses none that is all there is. */
import { describe, expect, it } from '@jest/globals';
import { formatFieldError, validateSequentialJob, validateSpec } from '../../../../shared/validation/index.ts';
import { container } from '../../../support/objects.ts';
import { sequence } from './refusals.ts';

const LAST = 'spec: Invalid value: has more errors than the 100 that are listed';

const times = <T>(count: number, item: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => item(i));
const badRule = (i: number): object => ({ name: `A=${i}`, value: 'x' });
const badType = (i: number): object => ({ name: `A${i}`, value: i });
const nothing = (i: number): object => ({ name: `A${i}`, value: null });
const env = (...variables: readonly object[]): Readonly<Record<string, unknown>> => ({
  steps: [{ ...container('a'), env: variables }],
});
const said = (spec: Readonly<Record<string, unknown>>, maxErrors?: number): readonly string[] =>
  validateSequentialJob(sequence(spec), maxErrors === undefined ? {} : { maxErrors }).map(formatFieldError);

describe('the errors of an object', () => {
  it.each<readonly [string, readonly object[], number]>([
    ['of the rules', times(100, badRule), 100],
    ['of the schema', times(100, badType), 100],
    ['of both', [...times(50, badRule), ...times(50, badType)], 100],
  ])('%s are all reported up to a hundred', (_, variables, count) => {
    expect(said(env(...variables))).toHaveLength(count);
    expect(said(env(...variables))).not.toContain(LAST);
  });

  it.each<readonly [string, readonly object[]]>([
    ['of the rules', times(101, badRule)],
    ['of the schema', times(101, badType)],
    ['of the schema, tens of thousands of them', times(60_000, badType)],
    ['of both', [...times(51, badRule), ...times(50, badType)]],
    ['of the schema, after thousands of valid fields', [...times(10_000, nothing), ...times(101, badType)]],
  ])('%s are truncated to a hundred, and the last line reports that', (_, variables) => {
    const faults = said(env(...variables));
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toBe(LAST);
    expect(new Set(faults).size).toBe(101);
  });

  it('are found after any number of fields without an error', () => {
    const faults = said(env(...times(10_000, nothing), badType(7)));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^spec\.steps\[0\]\.env\[10000\]\.value: Invalid value: "integer"/);
  });

  it('are empty for any number of valid fields', () => {
    expect(said(env(...times(10_000, nothing)))).toEqual([]);
  });

  it('are reported up to the limit that the caller sets', () => {
    expect(said(env(...times(300, badRule)), 200)).toHaveLength(201);
    expect(said(env(...times(300, badRule)), 300)).toHaveLength(300);
  });

  it('of a spec that bypassed admission have the same limit', () => {
    const faults = validateSpec(env(...times(500, badRule))).map(formatFieldError);
    expect([faults.length, faults.at(-1)]).toEqual([101, LAST]);
  });
});
