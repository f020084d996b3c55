import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../../../shared/validation/field.ts';
import { MAX_VALUES, sizeFaults } from '../../../../shared/validation/size.ts';

const FAULT = 'spec: Invalid value: must not have more than 10 values';

/** What is said of an object with this spec where 10 values are the most. */
const said = (spec: unknown, bytes?: number): readonly string[] =>
  sizeFaults({ spec }, bytes, 10).map((fault) => formatFieldError(fault));

const items = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

describe('sizeFaults', () => {
  it.each<readonly [string, unknown]>([
    ['no spec', undefined],
    ['a spec that is no object', 'text'],
    ['as many items as may be', { a: items(9) }],
    ['as many properties as may be', Object.fromEntries(items(10).map((one, i) => [`p${i}`, one]))],
    ['nulls', { a: [null, null], b: null }],
  ])('takes %s', (_says, spec) => {
    expect(said(spec)).toEqual([]);
  });

  it.each<readonly [string, unknown]>([
    ['an item', { a: items(10) }],
    ['a property', Object.fromEntries(items(11).map((one, i) => [`p${i}`, one]))],
    ['something deep inside', { a: [{ b: { c: [items(2), items(3)] } }] }],
  ])('refuses %s too many', (_says, spec) => {
    expect(said(spec)).toEqual([FAULT]);
  });

  it('counts nothing where the JSON is too short for so many values', () => {
    const spec = { a: items(10) };
    expect(said(spec, 20)).toEqual([]);
    expect(said(spec, 21)).toEqual([FAULT]);
  });

  it('takes no JSON for too short that can have too many values', () => {
    // The shortest JSON for so many: a list of digits, whose property and braces make it longer.
    const spec = { '': items(MAX_VALUES) };
    const text = JSON.stringify({ spec });
    expect(sizeFaults(JSON.parse(text), text.length)).toHaveLength(1);
    const fewer = JSON.stringify({ spec: { '': items(MAX_VALUES - 1) } });
    expect(sizeFaults(JSON.parse(fewer), fewer.length)).toEqual([]);
  });
});
