/**
 * The rules in CEL, executed by test/support/cel.ts on objects of both versions. test/integration/core-schema-rules.test.ts sends
 * the same updates to an API server.
 */
import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import { V1ALPHA1_VALIDATION_RULES, VALIDATION_RULES } from '../../../../config/generate/validations.ts';
import { KIND } from '../../../../shared/api/group.ts';
import { validateUpdate } from '../../../../shared/validation/index.ts';
import { evaluate } from '../../../support/cel.ts';
import '../../../support/properties.ts';
import {
  ACCEPTED,
  type Case,
  merge,
  OBJECTS,
  type ObjectName,
  REFUSED,
  V1ALPHA1_ACCEPTED,
  V1ALPHA1_REFUSED,
} from '../../../support/rule-cases.ts';
import { withSchemaDefaults } from '../../../support/schema-defaults.ts';
import {
  type AnyVersion,
  edit,
  listOf,
  toV1alpha1,
  toV1beta1,
  V1BETA1,
  v1alpha1Object,
  v1beta1Object,
} from '../../../support/versions.ts';

type Version = 'v1alpha1' | 'v1beta1';

const RULES = { v1beta1: VALIDATION_RULES, v1alpha1: V1ALPHA1_VALIDATION_RULES };
const SCHEMAS = { v1beta1: RESOURCE_SCHEMA, v1alpha1: V1ALPHA1_RESOURCE_SCHEMA };
const CONVERTERS = { v1beta1: toV1beta1, v1alpha1: toV1alpha1 };

/** The object as the API server has it in this version. */
const served = (version: Version, object: unknown): AnyVersion =>
  withSchemaDefaults(CONVERTERS[version](object), SCHEMAS[version]) as AnyVersion;

/** As it is stored, whatever it was written in. */
const stored = (object: AnyVersion): AnyVersion =>
  served('v1beta1', object.apiVersion === V1BETA1 ? object : served('v1alpha1', object));

/** The messages of the rules that refuse the update of an object, which the API server has in this version. */
const refusalsOf = (version: Version, oldSelf: AnyVersion, self: AnyVersion): readonly string[] =>
  RULES[version].filter(({ rule }) => evaluate(rule, { self, oldSelf }) !== true).map(({ message }) => message);

const objectOf = (name: ObjectName): AnyVersion =>
  stored({ apiVersion: V1BETA1, kind: KIND, metadata: { name }, ...OBJECTS[name] });

/** The update of an object in v1beta1, seen in either version. */
function updateInV1beta1(version: Version, name: ObjectName, body: unknown): readonly string[] {
  const before = objectOf(name);
  return refusalsOf(version, served(version, before), served(version, merge(before, body)));
}

function updateInV1alpha1(name: ObjectName, body: unknown): readonly string[] {
  const before = served('v1alpha1', objectOf(name));
  return refusalsOf('v1alpha1', before, served('v1alpha1', merge(before, body)));
}

/** The beginning of a message in the words of this version. */
const inWordsOf = (version: Version, refusal: string): string =>
  version === 'v1beta1'
    ? refusal
    : refusal.replace('spec.steps', 'spec.containers').replace('spec.job.backoffLimit', 'spec.backoffLimit');

const startingWith = (text: string): unknown => expect.stringMatching(new RegExp(`^${text.replaceAll('.', '\\.')}`));

describe.each(['v1beta1', 'v1alpha1'] as const)('%s', (version) => {
  it.each(REFUSED)('refused: %s (%s)', (_sentence, name, body, refusal) => {
    const refusals = updateInV1beta1(version, name, body);
    expect(refusals).toEqual(
      (refusals.length > 0 ? refusals : ['']).map(() => startingWith(inWordsOf(version, refusal))),
    );
  });

  it.each(ACCEPTED)('accepted: %s (%s)', (_sentence, name, body) =>
    expect(updateInV1beta1(version, name, body)).toEqual([]),
  );

  it.each(Object.keys(OBJECTS) as readonly ObjectName[])(
    'accepted: the status of an object changes, or is reset (%s)',
    (name) => {
      const before = objectOf(name);
      for (const status of [
        undefined,
        {},
        { startTime: 'x', steps: [{ index: 999, name: 'gone', state: 'Failed' }] },
      ]) {
        const [oldSelf, self] = [served(version, before), served(version, { ...before, status })];
        expect(refusalsOf(version, oldSelf, self)).toEqual([]);
        expect(refusalsOf(version, self, oldSelf)).toEqual([]);
      }
    },
  );
});

describe('v1alpha1 alone', () => {
  it.each(V1ALPHA1_REFUSED)('refused: %s (%s)', (_sentence, name, body, refusal) =>
    expect(updateInV1alpha1(name, body)).toEqual([startingWith(refusal)]),
  );

  it.each(V1ALPHA1_ACCEPTED)('accepted: %s (%s)', (_sentence, name, body) =>
    expect(updateInV1alpha1(name, body)).toEqual([]),
  );
});

const seen = (cases: readonly Case[], update: (name: ObjectName, body: unknown) => readonly string[]): Set<string> =>
  new Set(cases.flatMap(([, name, body]) => update(name, body)));

test('every rule of each version refuses one of these updates', () => {
  const inV1beta1 = seen(REFUSED, (name, body) => updateInV1beta1('v1beta1', name, body));
  const inV1alpha1 = seen(REFUSED, (name, body) => updateInV1beta1('v1alpha1', name, body));
  expect(VALIDATION_RULES.filter(({ message }) => !inV1beta1.has(message))).toEqual([]);
  const all = new Set([...inV1alpha1, ...seen(V1ALPHA1_REFUSED, updateInV1alpha1)]);
  expect(V1ALPHA1_VALIDATION_RULES.filter(({ message }) => !all.has(message))).toEqual([]);
});

test('the validating webhook refuses whatever a rule refuses', () => {
  const allowed = REFUSED.filter(([, name, body]) => {
    const before = objectOf(name);
    return validateUpdate(before, stored(merge(before, body) as AnyVersion)).length === 0;
  });
  expect(allowed).toEqual([]);
});

const started = (object: AnyVersion): AnyVersion => {
  const names = listOf(object.spec['steps']).map((step) => step['name']);
  return {
    ...object,
    status: {
      startTime: '2026-01-01T00:00:00Z',
      progress: { currentIndex: 1 },
      steps: names.slice(0, 2).map((name, index) => ({ index, name, state: 'Running' })),
    },
  };
};

describe('property', () => {
  it('no rule refuses an object that is applied again as it was written', () => {
    fc.assert(
      fc.property(v1alpha1Object, (written) => {
        const before = started(stored(written));
        const oldSelf = served('v1alpha1', before);
        const self = { ...served('v1alpha1', written), status: before['status'] };
        expect(refusalsOf('v1alpha1', oldSelf, self)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('no rule refuses what the webhook accepts', () => {
    fc.assert(
      fc.property(v1beta1Object, edit, (object, { inV1beta1 }) => {
        const before = started(stored(object));
        const after = stored(inV1beta1(before));
        if (validateUpdate(before, after).length > 0) return;
        for (const version of ['v1beta1', 'v1alpha1'] as const) {
          expect(refusalsOf(version, served(version, before), served(version, after))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
