/** An object is validated in v1beta1, and its errors and warnings name the fields that the user wrote, in either version. */
import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { formatFieldError, readUserObject } from '../../../../shared/validation/index.ts';
import { objectErrors, objectWarnings } from '../../../../webhook/validate.ts';
import { json, roughObject } from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import '../../../support/properties.ts';
import { toV1beta1, v1alpha1Object } from '../../../support/versions.ts';

type Json = Readonly<Record<string, unknown>>;

const image = 'busybox:1.36';
const extract = { name: 'extract', image };
const load = { name: 'load', image };
const report = { name: 'report', image };
const podFailurePolicy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] };

const v1alpha1 = (spec: unknown): Json => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name: 'etl' },
  spec,
});
const errorsOf = (spec: unknown, maxErrors?: number): readonly string[] =>
  objectErrors(readUserObject(deepFreeze(v1alpha1(spec))), maxErrors === undefined ? {} : { maxErrors }).map(
    formatFieldError,
  );
const warningsOf = (spec: unknown): readonly string[] =>
  objectWarnings(readUserObject(v1alpha1(spec))).map((line) => line.slice(0, line.indexOf(': ')));

const ONLY_NEVER = 'Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified';

const resultOf = (step: string): readonly object[] => [
  { name: 'V', valueFrom: { fieldRef: { fieldPath: `metadata.annotations['results.batch.example.com/${step}']` } } },
];
const NOT_EARLIER = `Invalid value: "metadata.annotations['results.batch.example.com/load']": must name an earlier step`;

const wrongType = (path: string, wanted: string, type: string): string =>
  `${path}: Invalid value: "${type}": ${path} in body must be of type ${wanted}: "${type}"`;

describe('errors of a v1alpha1 object', () => {
  const withPolicies = (...stepPolicies: readonly unknown[]): Json => ({ containers: [extract, load], stepPolicies });

  it.each<readonly [string, Json, readonly string[]]>([
    ['a valid object', { ...withPolicies({ name: 'load', backoffLimit: 1 }), backoffLimit: 2 }, []],
    [
      'a policy for no container',
      withPolicies({ name: 'upload', backoffLimit: 0 }),
      ['spec.stepPolicies[0].name: Not found: "upload"'],
    ],
    [
      'a reference to the result of a later container, in a container and in a policy',
      {
        containers: [{ ...extract, env: resultOf('load') }, load],
        stepPolicies: [{ name: 'load', pod: { initContainers: [{ name: 'wait', image, env: resultOf('load') }] } }],
      },
      [
        `spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: ${NOT_EARLIER}`,
        `spec.stepPolicies[0].pod.initContainers[0].env[0].valueFrom.fieldRef.fieldPath: ${NOT_EARLIER}`,
      ],
    ],
    [
      'a reference to a result in a policy for no container',
      withPolicies({ name: 'upload', pod: { initContainers: [{ name: 'wait', image, env: resultOf('load') }] } }),
      ['spec.stepPolicies[0].name: Not found: "upload"'],
    ],
    [
      'two policies for one container',
      withPolicies({ name: 'load' }, { name: 'load', onFailure: 'Stop' }),
      ['spec.stepPolicies[1].name: Duplicate value: "load"'],
    ],
    [
      'policies without a name',
      withPolicies({ backoffLimit: 0 }, { name: null }, { name: '' }),
      [0, 1, 2].map((i) => `spec.stepPolicies[${i}].name: Required value`),
    ],
    [
      'a policy and a container without a name',
      { containers: [extract, { name: '', image }], stepPolicies: [{ name: '', backoffLimit: -1 }] },
      [
        'spec.stepPolicies[0].backoffLimit: Invalid value: -1: must be greater than or equal to 0',
        'spec.containers[1].name: Required value',
        'spec.stepPolicies[0].name: Required value',
      ],
    ],
    [
      'policies of a wrong type',
      withPolicies('load', null, { name: 7 }),
      [
        wrongType('spec.stepPolicies[0]', 'object', 'string'),
        wrongType('spec.stepPolicies[1]', 'object', 'null'),
        wrongType('spec.stepPolicies[2].name', 'string', 'integer'),
      ],
    ],
    [
      'policies that are not a list',
      { containers: [extract], stepPolicies: { name: 'extract' } },
      [wrongType('spec.stepPolicies', 'array', 'object')],
    ],
    ['null policies', { containers: [extract], stepPolicies: null, backoffLimit: null, job: null }, []],
    [
      '`when` of a container that is not one of finally',
      { ...withPolicies({ name: 'report', when: 'Failed' }, { name: 'load', when: 'Failed' }), finally: [report] },
      ['spec.stepPolicies[1].when: Forbidden: only a container of finally has it'],
    ],
    [
      'an empty `when`, which Go clients write',
      withPolicies({ name: 'load', when: '' }, { name: 'extract', when: null }),
      [],
    ],
    [
      'settings of a wrong type',
      withPolicies({ name: 'load', backoffLimit: '1', job: 'none' }, { name: 'extract', pod: [], podFailurePolicy: 1 }),
      [
        wrongType('spec.stepPolicies[1].podFailurePolicy', 'object', 'integer'),
        wrongType('spec.stepPolicies[1].pod', 'object', 'array'),
        wrongType('spec.stepPolicies[0].backoffLimit', 'integer', 'string'),
        wrongType('spec.stepPolicies[0].job', 'object', 'string'),
      ],
    ],
    [
      'a job of all steps of a wrong type',
      { containers: [extract], job: 'none', backoffLimit: -1 },
      [
        'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
        wrongType('spec.job', 'object', 'string'),
      ],
    ],
    [
      'restarts in spite of a podFailurePolicy',
      {
        ...withPolicies(
          { name: 'report', pod: { restartPolicy: 'OnFailure' } },
          { name: 'load', podFailurePolicy, pod: { restartPolicy: 'OnFailure' } },
          { name: 'extract', pod: { restartPolicy: 'Never' } },
          { name: 'upload', pod: { restartPolicy: 'OnFailure' } },
        ),
        finally: [report],
        job: { podFailurePolicy },
        template: { spec: { restartPolicy: 'OnFailure' } },
      },
      [
        ...[1, 0].map((i) => `spec.stepPolicies[${i}].pod.restartPolicy: ${ONLY_NEVER}`),
        'spec.stepPolicies[3].name: Not found: "upload"',
        `spec.stepPolicies[3].pod.restartPolicy: ${ONLY_NEVER}`,
      ],
    ],
    [
      'a policy without a name that is at odds with the template',
      {
        ...withPolicies({ podFailurePolicy }),
        template: { spec: { restartPolicy: 'OnFailure' } },
      },
      ['spec.stepPolicies[0].name: Required value', `spec.template.spec.restartPolicy: ${ONLY_NEVER}`],
    ],
    [
      'labels of a Pod that the controllers set',
      withPolicies({ name: 'load', pod: { metadata: { labels: { 'controller-uid': '' } } } }),
      ['spec.stepPolicies[0].pod.metadata.labels[controller-uid]: Forbidden: is set by the Job controller'],
    ],
    [
      'a detail that names another field',
      { containers: [extract], template: { spec: { containers: [load] } } },
      ['spec.template.spec.containers: Forbidden: the containers are the steps in spec.containers'],
    ],
  ])('%s', (_sentence, spec, errors) => expect(errorsOf(spec)).toEqual(errors));

  it('are all reported at once', () => {
    const spec = {
      containers: [extract, { name: 'extract', image: 'A B' }],
      finally: [{ name: 'report', job: { backoffLimit: 7 } }],
      activeDeadlineSeconds: 60,
      backoffLimit: 'many',
      job: { activeDeadlineSeconds: 61 },
      template: { spec: { restartPolicy: 'OnFailure' } },
      stepPolicies: [
        { name: 'upload', backoffLimit: -1 },
        { name: 'extract', activeDeadlineSeconds: 61, when: 'Failed', podFailurePolicy },
        { name: 'extract', onFailure: 'Retry' },
        { name: 'report', when: 'Never', job: { metadata: { labels: { 'job-name': '' } } } },
        'load',
        { pod: 'none' },
      ],
    };
    expect(errorsOf(spec)).toEqual([
      'spec.stepPolicies[1].activeDeadlineSeconds: Invalid value: 61: must be less than or equal to spec.activeDeadlineSeconds of 60',
      'spec.containers[1].name: Duplicate value: "extract"',
      'spec.containers[1].image: Invalid value: "A B": invalid reference format',
      'spec.stepPolicies[3].when: Unsupported value: "Never": supported values: "Always", "Failed", "Succeeded"',
      'spec.finally[0].image: Required value',
      'spec.stepPolicies[3].job.metadata.labels[job-name]: Forbidden: is set by the Job controller',
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      wrongType('spec.backoffLimit', 'integer', 'string'),
      'spec.job.activeDeadlineSeconds: Invalid value: 61: must be less than or equal to spec.activeDeadlineSeconds of 60',
      'spec.stepPolicies[2].name: Duplicate value: "extract"',
      wrongType('spec.stepPolicies[4]', 'object', 'string'),
      'spec.stepPolicies[5].name: Required value',
      'spec.stepPolicies[0].name: Not found: "upload"',
      'spec.stepPolicies[1].when: Forbidden: only a container of finally has it',
      'spec.stepPolicies[0].backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.stepPolicies[2].onFailure: Unsupported value: "Retry": supported values: "Continue", "Stop"',
      wrongType('spec.stepPolicies[5].pod', 'object', 'string'),
    ]);
  });

  it('are found in a policy that no container has', () => {
    expect(
      errorsOf({
        containers: [extract],
        activeDeadlineSeconds: 5,
        template: { spec: { restartPolicy: 'OnFailure' } },
        stepPolicies: [
          {
            name: 'upload',
            backoffLimit: -1,
            activeDeadlineSeconds: 6,
            when: 'Never',
            job: { metadata: { labels: { a: 1 } } },
          },
          { name: 'extract' },
          { name: 'extract', onFailure: 'Retry', podFailurePolicy },
        ],
      }),
    ).toEqual([
      'spec.stepPolicies[2].name: Duplicate value: "extract"',
      'spec.stepPolicies[0].name: Not found: "upload"',
      wrongType('spec.stepPolicies[0].job.metadata.labels[a]', 'string', 'integer'),
      'spec.stepPolicies[0].backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.stepPolicies[0].when: Unsupported value: "Never": supported values: "Always", "Failed", "Succeeded"',
      'spec.stepPolicies[2].onFailure: Unsupported value: "Retry": supported values: "Continue", "Stop"',
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ]);
  });

  it('have the limit of other errors', () => {
    const stepPolicies = (count: number): readonly Json[] =>
      Array.from({ length: count }, (_, i) => ({ name: `s${i}` }));
    const spec = { containers: [extract], stepPolicies: stepPolicies(150) };
    expect(errorsOf(spec)).toHaveLength(101);
    expect(errorsOf(spec).at(-1)).toBe('spec: Invalid value: has more errors than the 100 that are listed');
    expect(errorsOf(spec, 150)).toHaveLength(150);
    expect(errorsOf({ containers: [extract], stepPolicies: stepPolicies(60_000) }, 10_000)).toHaveLength(1021);
  });
});

test('a policy that no container has counts for the size of the spec', () => {
  const env = Array.from({ length: 200_000 }, () => ({}));
  const stepPolicies = [{ name: 'upload', pod: { initContainers: [{ env }] } }];
  expect(errorsOf({ containers: [extract], stepPolicies })).toEqual([
    expect.stringMatching(/^spec: Invalid value: must not have more than 200000 values/),
  ]);
});

test('a v1beta1 object is returned itself, with its own paths', () => {
  const object = { apiVersion: 'batch.example.com/v1beta1', kind: 'SequentialJob', spec: { steps: [] } };
  const user = readUserObject(object);
  expect(user.object).toBe(object);
  expect(user.errors).toEqual([]);
  expect(user.textOf('spec.steps[0].job.backoffLimit')).toBe('spec.steps[0].job.backoffLimit');
});

test('warnings name the containers', () => {
  const privileged = { name: 'load', image: 'busybox', securityContext: { privileged: true } };
  const spec = {
    containers: [extract, privileged],
    finally: [report, { ...privileged, name: 'clean-up' }],
    template: { spec: { volumes: [{ name: 'a', hostPath: { path: '/' } }] } },
    stepPolicies: [{ name: 'upload' }],
  };
  expect(warningsOf(spec)).toEqual([
    'spec.containers[1].image',
    'spec.containers[1].securityContext.privileged',
    'spec.finally[1].image',
    'spec.finally[1].securityContext.privileged',
    'spec.template.spec.volumes[0].hostPath',
  ]);
});

test('paths within a text are those of the user', () => {
  const { textOf } = readUserObject(v1alpha1({ containers: [extract, load], stepPolicies: [{ name: 'load' }] }));
  expect(textOf('spec.steps: spec.steps[1].job.backoffLimit, spec.steps[0].image and (spec.job.backoffLimit)')).toBe(
    'spec.containers: spec.stepPolicies[0].backoffLimit, spec.containers[0].image and (spec.backoffLimit)',
  );
});

describe('property', () => {
  it('a valid object is read as conversion converts it, without errors', () => {
    fc.assert(
      fc.property(v1alpha1Object, (object) => {
        const { object: read, errors, leftOver } = readUserObject(deepFreeze(object));
        expect([read, errors, leftOver]).toEqual([toV1beta1(object), [], undefined]);
      }),
    );
  });

  it('every value is read, and no error or warning has a path of the other version', () => {
    fc.assert(
      fc.property(fc.oneof(json, roughObject), (object) => {
        const user = readUserObject(deepFreeze(object));
        const { apiVersion, spec } = (object ?? {}) as { readonly apiVersion?: unknown; readonly spec?: unknown };
        if (apiVersion !== 'batch.example.com/v1alpha1') return;
        const lines = [...objectErrors(user).map(formatFieldError), ...objectWarnings(user)];
        expect(lines.filter((line) => /\bspec\.(steps|job\.backoffLimit)\b/.test(line))).toEqual([]);
        // A field of a policy is only reported if there are policies.
        const policies = (spec as { readonly stepPolicies?: unknown } | undefined)?.stepPolicies;
        const ofPolicies = lines.filter((line) => line.startsWith('spec.stepPolicies['));
        if (!Array.isArray(policies)) expect(ofPolicies).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
