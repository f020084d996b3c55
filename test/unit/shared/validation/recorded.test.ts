/** Nothing that a real Kubernetes 1.36.3 took is refused, but for what is refused on purpose: its recorded verdicts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  coreCases,
  deliberateRefusals,
  recordedCoreVerdicts,
  recordedFieldVerdicts,
  specOf,
} from '../../../support/core-cases.ts';
import { refusals, sequence } from './refusals.ts';

const MINOR = 36;

const CORE = recordedCoreVerdicts();
const FIELD = recordedFieldVerdicts();

const DELIBERATE = new Map(
  deliberateRefusals().flatMap(({ cases, before = Infinity }) => cases.map((name) => [name, before] as const)),
);

const CASES = coreCases();

describe('the cases of test/fixtures/core-schema', () => {
  it('have the recorded results', () => {
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

describe('what is rejected deliberately', () => {
  it.each([...DELIBERATE.keys()])('is a recorded case, and rejected: %s', (name) => {
    const coreCase = CASES.find((one) => one.name === name);
    expect(coreCase).toBeDefined();
    expect(refusals(sequence(specOf(coreCase ?? {})))).not.toEqual([]);
  });
});

it('docs/validation.md says how much is left to the API server', () => {
  const specs = [
    ...CASES.map((one) => [CORE[one.name], specOf(one)] as const),
    ...Object.values(FIELD).map(({ server, spec }) => [server, spec] as const),
  ];
  const refused = specs.filter(([server]) => server !== '');
  const left = refused.filter(([, spec]) => refusals(sequence(spec)).length === 0);
  const doc = readFileSync(join(import.meta.dirname, '../../../../docs/validation.md'), 'utf8');
  expect(doc).toContain(`refused ${refused.length} of these ${specs.length} specs; ${left.length} of them`);
});
