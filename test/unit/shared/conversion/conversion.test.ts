import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ConversionError, convert } from '../../../../shared/conversion/index.ts';
import { roughObject } from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import '../../../support/properties.ts';
import { LAWS, toV1alpha1, toV1beta1, V1ALPHA1, V1BETA1 } from '../../../support/versions.ts';

const object = (apiVersion: string, spec: unknown) => ({
  apiVersion,
  kind: 'SequentialJob',
  metadata: { name: 'etl' },
  spec,
});
const up = (spec: unknown): unknown => toV1beta1(object(V1ALPHA1, spec)).spec;
const down = (spec: unknown): unknown => toV1alpha1(object(V1BETA1, spec)).spec;

const image = 'busybox:1.36';

const wrongType = (path: string, wanted: string, type: string): string =>
  `${path}: Invalid value: "${type}": ${path} in body must be of type ${wanted}: "${type}"`;

test('the same sequence in both versions', () => {
  const policy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] };
  const v1alpha1 = {
    containers: [
      { name: 'extract', image },
      { name: 'load', image, args: ['--all'] },
    ],
    finally: [{ name: 'report', image }],
    backoffLimit: 2,
    job: { metadata: { labels: { team: 'a' } }, activeDeadlineSeconds: 60 },
    template: { spec: { restartPolicy: 'Never' } },
    stepPolicies: [
      {
        name: 'load',
        backoffLimit: 0,
        podFailurePolicy: policy,
        onFailure: 'Continue',
        pod: { priorityClassName: 'high' },
      },
      { name: 'report', when: 'Failed', job: { pendingDeadlineSeconds: 30 } },
    ],
    suspend: true,
  };
  const v1beta1 = {
    steps: [
      { name: 'extract', image },
      {
        name: 'load',
        image,
        args: ['--all'],
        job: { backoffLimit: 0, podFailurePolicy: policy },
        onFailure: 'Continue',
        pod: { priorityClassName: 'high' },
      },
    ],
    finally: [{ name: 'report', image, when: 'Failed', job: { pendingDeadlineSeconds: 30 } }],
    job: { metadata: { labels: { team: 'a' } }, activeDeadlineSeconds: 60, backoffLimit: 2 },
    template: { spec: { restartPolicy: 'Never' } },
    suspend: true,
  };
  expect(up(v1alpha1)).toEqual(v1beta1);
  expect(down(v1beta1)).toEqual(v1alpha1);
});

describe('laws', () => {
  it.each(Object.entries(LAWS))('%s', (_law, property) =>
    fc.assert(property as fc.IProperty<unknown>, { numRuns: 300 }),
  );
});

describe('an invalid object is converted to one that is as invalid', () => {
  it.each<readonly [string, unknown, unknown]>([
    [
      'a policy without a container becomes a step without an image, which is rejected, too',
      { containers: [{ name: 'a', image }], stepPolicies: [{ name: 'b', backoffLimit: 1 }] },
      {
        steps: [
          { name: 'a', image },
          { name: 'b', job: { backoffLimit: 1 } },
        ],
      },
    ],
    ['a server-side apply of a single field', { suspend: true }, { suspend: true }],
    [
      'a field of a container with the name of a step setting is not converted to that setting',
      { containers: [{ name: 'a', job: { backoffLimit: 9 }, pod: {}, onFailure: 'Continue', when: 'Failed' }] },
      { steps: [{ name: 'a' }] },
    ],
    [
      'a field of a policy with the name of a container field is not converted to that field',
      { containers: [{ name: 'a', image }], stepPolicies: [{ name: 'a', image: 'other', args: ['x'] }] },
      { steps: [{ name: 'a', image }] },
    ],
    [
      '`steps` in a v1alpha1 object are dropped',
      { containers: [{ name: 'a' }], steps: [{ name: 'b' }] },
      { steps: [{ name: 'a' }] },
    ],
    [
      'items that are not objects keep their place',
      { containers: [1, null, { name: 'a' }] },
      { steps: [1, null, { name: 'a' }] },
    ],
    ['a value that is not a list is unchanged', { containers: 'all', finally: 0 }, { steps: 'all', finally: 0 }],
    [
      'a null field that moves counts as absent',
      { containers: [], backoffLimit: null, stepPolicies: null, job: null },
      { steps: [], job: { backoffLimit: null } },
    ],
    ['a spec that is not an object is unchanged', 'none', 'none'],
  ])('%s', (_sentence, v1alpha1, v1beta1) => expect(up(v1alpha1)).toEqual(v1beta1));

  it.each<readonly [string, unknown, unknown]>([
    [
      '`containers` in a v1beta1 object are dropped',
      { steps: [{ name: 'b' }], containers: [{ name: 'a' }] },
      { containers: [{ name: 'b' }], stepPolicies: [] },
    ],
    [
      '`stepPolicies` in a v1beta1 object are dropped',
      { steps: [], stepPolicies: [{ name: 'b' }], backoffLimit: 2 },
      { containers: [], stepPolicies: [] },
    ],
    [
      'a step without a name and settings has no policy',
      { steps: [{ image }] },
      { containers: [{ image }], stepPolicies: [] },
    ],
    ['a job that is not an object is unchanged', { steps: [], job: 1 }, { containers: [], job: 1, stepPolicies: [] }],
  ])('%s', (_sentence, v1beta1, v1alpha1) => expect(down(v1beta1)).toEqual(v1alpha1));
});

describe('what the other version cannot represent is an error with its path', () => {
  it.each<readonly [string, unknown]>([
    [wrongType('spec.stepPolicies', 'array', 'object'), { stepPolicies: {} }],
    [wrongType('spec.stepPolicies[1]', 'object', 'string'), { stepPolicies: [{ name: 'a' }, 'b'] }],
    ['spec.stepPolicies[0].name: Required value', { stepPolicies: [{ backoffLimit: 1 }] }],
    [wrongType('spec.stepPolicies[0].name', 'string', 'integer'), { stepPolicies: [{ name: 1 }] }],
    ['spec.stepPolicies[1].name: Duplicate value: "a"', { stepPolicies: [{ name: 'a' }, { name: 'a' }] }],
    [
      wrongType('spec.stepPolicies[0].job', 'object', 'integer'),
      { stepPolicies: [{ name: 'a', backoffLimit: 1, job: 7 }] },
    ],
    [wrongType('spec.job', 'object', 'array'), { backoffLimit: 1, job: [] }],
    [
      wrongType('spec.containers', 'array', 'string'),
      { containers: 'all', stepPolicies: [{ name: 'a', backoffLimit: 1 }] },
    ],
  ])('%s', (message, spec) => expect(() => up(spec)).toThrow(new ConversionError(message)));

  it.each<readonly [string, unknown, string]>([
    ['must be an object', null, V1BETA1],
    ['kind: must be SequentialJob', { ...object(V1ALPHA1, {}), kind: 'Pod' }, V1BETA1],
    [`apiVersion: must be one of ${V1ALPHA1}, ${V1BETA1}`, object('batch.example.com/v1', {}), V1BETA1],
    [`apiVersion: must be one of ${V1ALPHA1}, ${V1BETA1}`, object(V1BETA1, {}), 'batch/v1'],
    ['spec.steps[1].name: Required value', object(V1BETA1, { steps: [{}, { onFailure: 'Stop' }] }), V1ALPHA1],
    [
      wrongType('spec.steps[0].name', 'string', 'boolean'),
      object(V1BETA1, { steps: [{ name: true, onFailure: 'Stop' }] }),
      V1ALPHA1,
    ],
  ])('%s', (message, given, version) => expect(() => convert(given, version)).toThrow(new ConversionError(message)));
});

test('an object of the desired version is returned unchanged', () => {
  const one = object(V1BETA1, { steps: [] });
  expect(convert(one, V1BETA1)).toBe(one);
});

test('property: every input is converted or rejected, and never mutated', () => {
  fc.assert(
    fc.property(roughObject, (given) => {
      try {
        const there = convert(deepFreeze(given), V1BETA1);
        convert(there, V1ALPHA1);
      } catch (error) {
        expect(error).toBeInstanceOf(ConversionError);
      }
    }),
    { numRuns: 500 },
  );
});
