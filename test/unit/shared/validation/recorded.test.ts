/** Nothing that a real Kubernetes 1.36.3 took is refused, but for what is refused on purpose: its recorded verdicts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { coreCases, deliberateRefusals, type Json, specOf } from '../../../support/core-cases.ts';
import { refusals, sequence } from './refusals.ts';

const FOLDER = join(import.meta.dirname, '../../../fixtures/recorded/v1.36.3');
const MINOR = 36;

const read = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));

/** What the server said; empty where it took the Job. */
const CORE = read('verdicts-core.json') as Readonly<Record<string, string>>;
const FIELD = read('verdicts-field.json') as Readonly<Record<string, { readonly spec: Json; readonly server: string }>>;

const DELIBERATE = new Map(
  deliberateRefusals().flatMap(({ cases, before = Infinity }) => cases.map((name) => [name, before] as const)),
);

const CASES = coreCases();

describe('the cases of test/fixtures/core-schema', () => {
  it('are those that were recorded', () => {
    expect(CASES.map(({ name }) => name).toSorted()).toEqual(Object.keys(CORE).toSorted());
  });

  it.each(CASES.filter(({ name }) => CORE[name] === '').map((one) => [one.name, one] as const))(
    'taken by the server: %s',
    (name, coreCase) => {
      const isDeliberate = (DELIBERATE.get(name) ?? 0) > MINOR;
      expect(refusals(sequence(specOf(coreCase))).length > 0).toBe(isDeliberate);
    },
  );
});

describe('specs from the field', () => {
  it.each(Object.entries(FIELD).filter(([, { server }]) => server === ''))(
    'taken by the server: %s',
    (_name, { spec }) => {
      expect(refusals(sequence(spec))).toEqual([]);
    },
  );
});

describe('what is refused on purpose', () => {
  it.each([...DELIBERATE.keys()])('is a case, and refused: %s', (name) => {
    const coreCase = CASES.find((one) => one.name === name);
    expect(coreCase).toBeDefined();
    expect(refusals(sequence(specOf(coreCase ?? {})))).not.toEqual([]);
  });
});
