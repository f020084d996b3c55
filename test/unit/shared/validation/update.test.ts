import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { formatFieldError, updateWarnings, validateUpdate } from '../../../../shared/validation/index.ts';
import { deepFreeze } from '../../../support/freeze.ts';

type Json = Readonly<Record<string, unknown>>;

const step = (name: string, changes: Json = {}): Json => ({ name, image: 'busybox:1.36', ...changes });

const A = step('extract');
const B = step('transform');
const C = step('load');
const STEPS = [A, B, C];

const NEW = {};
const STARTED = { startTime: '2026-11-02T10:00:00Z', progress: { currentIndex: 1, currentStep: 'transform' } };
const FAILED = { ...STARTED, conditions: [{ type: 'Failed', status: 'True' }] };
const JOB_REJECTED = { ...FAILED, progress: { ...STARTED.progress, failedIndex: 1, failureReason: 'JobRejected' } };
const COMPLETED = { startTime: STARTED.startTime, progress: { summary: '3/3' } };

const object = (spec: unknown, status: unknown, metadata: Json = {}): Json => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name: 'etl', ...metadata },
  spec,
  status,
});

const lines = (before: unknown, after: unknown): readonly string[] =>
  validateUpdate(deepFreeze(before), deepFreeze(after)).map(formatFieldError);

const update = (status: unknown, was: Json, is: Json): readonly string[] =>
  lines(object({ containers: STEPS, ...was }, status), object({ containers: STEPS, ...is }, status));

type Row = readonly [sentence: string, was: Json, is: Json, expected: readonly string[]];

const ANEW = 'to change it, delete the SequentialJob and create it anew';
const REACHED = `field is immutable once the sequence has reached the step; ${ANEW}`;
const AHEAD = 'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change';
const ALWAYS = `field is immutable after the sequence has started; ${ANEW}`;

const FUTURE = { updatePolicy: 'FutureSteps' };
const containers = (...list: readonly Json[]): Json => ({ containers: list });
const future = (...list: readonly Json[]): Json => ({ containers: list, ...FUTURE });

const IMMUTABLE: readonly Row[] = [
  ['the same is legal', {}, {}, []],
  [
    'how it goes on may change',
    { activeDeadlineSeconds: 5 },
    { suspend: true, ttlSecondsAfterFinished: 0, activeDeadlineSeconds: 9, ...FUTURE },
    [],
  ],
  [
    'what may change may be taken away',
    { suspend: true, ttlSecondsAfterFinished: 1, activeDeadlineSeconds: 5 },
    {},
    [],
  ],
  [
    'the current step is held',
    {},
    containers(A, step('transform', { image: 'busybox:2' }), C),
    [`spec.containers[1].image: Invalid value: "busybox:2": ${REACHED}`],
  ],
  [
    'a later step is held, and the way out is named',
    {},
    containers(A, B, step('load', { image: 'busybox:2' })),
    [`spec.containers[2].image: Invalid value: "busybox:2": ${AHEAD}`],
  ],
  [
    'every changed field has its own path',
    {
      containers: [
        step('extract', { args: ['a'], env: [{ name: 'X', value: '1' }], workingDir: '/a', securityContext: {} }),
      ],
    },
    {
      containers: [
        step('extract', {
          args: ['a', 'b'],
          env: [{ name: 'X', value: '2' }],
          resources: { limits: { cpu: 1 } },
          tty: true,
        }),
      ],
    },
    [
      `spec.containers[0].args: Invalid value: ${REACHED}`,
      `spec.containers[0].env[0].value: Invalid value: "2": ${REACHED}`,
      `spec.containers[0].workingDir: Invalid value: null: ${REACHED}`,
      `spec.containers[0].securityContext: Invalid value: null: ${REACHED}`,
      `spec.containers[0].resources: Invalid value: ${REACHED}`,
      `spec.containers[0].tty: Invalid value: true: ${REACHED}`,
    ],
  ],
  [
    'a step is not added at the end',
    {},
    containers(A, B, C, step('report')),
    [
      'spec.containers[3]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may, after the current one, "transform"',
    ],
  ],
  [
    'steps are not removed',
    {},
    containers(B),
    [
      'spec.containers: Forbidden: a step may not be removed once the sequence has reached it: "extract"',
      'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "load"',
    ],
  ],
  [
    'no containers at all is their removal',
    {},
    { containers: null },
    [
      'spec.containers: Forbidden: a step may not be removed once the sequence has reached it: "extract", "transform"',
      'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "load"',
    ],
  ],
  [
    'a step in front is one fault, not one for every step behind it',
    {},
    containers(step('prepare'), A, B, C),
    [
      'spec.containers[0]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may, after the current one, "transform"',
    ],
  ],
  [
    'the order is held',
    {},
    containers(A, C, B),
    ['spec.containers: Forbidden: steps may not change places after the sequence has started'],
  ],
  [
    'a name is held',
    {},
    containers(A, step('convert'), C),
    [`spec.containers[1].name: Invalid value: "convert": ${REACHED}`],
  ],
  [
    'the template and the backoff limit are held, the template first',
    {},
    { backoffLimit: 5, template: { metadata: { labels: { app: 'x' } }, spec: { restartPolicy: 'OnFailure' } } },
    [
      `spec.template.spec.restartPolicy: Invalid value: "OnFailure": ${ALWAYS}`,
      `spec.template.metadata: Invalid value: ${ALWAYS}`,
      `spec.backoffLimit: Invalid value: 5: ${ALWAYS}`,
    ],
  ],
  [
    'labels have paths of their own',
    { template: { metadata: { labels: { a: '', b: 'x', c: '1' } } } },
    { template: { metadata: { labels: { b: 'y', c: '1', d: '' } } } },
    [
      `spec.template.metadata.labels[a]: Invalid value: null: ${ALWAYS}`,
      `spec.template.metadata.labels[b]: Invalid value: "y": ${ALWAYS}`,
      `spec.template.metadata.labels[d]: Invalid value: "": ${ALWAYS}`,
    ],
  ],
  ['a field of a later version is held', {}, { shards: 2 }, [`spec.shards: Invalid value: 2: ${ALWAYS}`]],
  [
    'step policies are held',
    {
      stepPolicies: [
        { name: 'extract', backoffLimit: 1 },
        { name: 'load', backoffLimit: 1 },
      ],
    },
    {
      stepPolicies: [
        { name: 'load', backoffLimit: 0 },
        { name: 'transform', onFailure: 'Continue' },
      ],
    },
    [
      `spec.stepPolicies[0].backoffLimit: Invalid value: 0: ${AHEAD}`,
      'spec.stepPolicies[1]: Forbidden: the policy of a step may not be added once the sequence has reached it: "transform"',
      'spec.stepPolicies: Forbidden: the policy of a step may not be removed once the sequence has reached it: "extract"',
    ],
  ],
  [
    'step policies have no order, and one that says nothing is none',
    {
      stepPolicies: [
        { name: 'extract', backoffLimit: 1 },
        { name: 'load', backoffLimit: 1 },
      ],
    },
    { stepPolicies: [{ name: 'load', backoffLimit: 1 }, { name: 'transform' }, { backoffLimit: 1, name: 'extract' }] },
    [],
  ],
];

const FUTURE_STEPS: readonly Row[] = [
  ['later steps may change', FUTURE, future(A, B, step('load', { image: 'x:1' })), []],
  ['later steps may be removed', FUTURE, future(A, B), []],
  ['steps may be added behind the current one', FUTURE, future(A, B, step('check'), C, step('report')), []],
  ['a later step may be replaced by another', FUTURE, future(A, B, step('publish')), []],
  [
    'policies of later and of new steps may change',
    { ...FUTURE, stepPolicies: [{ name: 'load', backoffLimit: 1 }] },
    { ...future(A, B, step('check')), stepPolicies: [{ name: 'check', backoffLimit: 2 }] },
    [],
  ],
  [
    'the current step and those before it are held',
    FUTURE,
    future(step('extract', { image: 'x:1' }), step('transform', { image: 'x:2' }), step('load', { image: 'x:3' })),
    [
      `spec.containers[0].image: Invalid value: "x:1": ${REACHED}`,
      `spec.containers[1].image: Invalid value: "x:2": ${REACHED}`,
    ],
  ],
  [
    'their policies are held',
    { ...FUTURE, stepPolicies: [{ name: 'transform', backoffLimit: 1 }] },
    {
      ...FUTURE,
      stepPolicies: [
        { name: 'transform', backoffLimit: 2 },
        { name: 'extract', backoffLimit: 2 },
      ],
    },
    [
      `spec.stepPolicies[0].backoffLimit: Invalid value: 2: ${REACHED}`,
      'spec.stepPolicies[1]: Forbidden: the policy of a step may not be added once the sequence has reached it: "extract"',
    ],
  ],
  [
    'nothing goes in front of the current step',
    FUTURE,
    future(A, step('check'), B, C),
    ['spec.containers[1]: Forbidden: a step may only be added after the current one, "transform"'],
  ],
  [
    'no later step either',
    FUTURE,
    future(A, C, B),
    ['spec.containers[1]: Forbidden: a step may only be added after the current one, "transform"'],
  ],
  [
    'the current step is not removed, though another takes its place',
    FUTURE,
    future(A, C),
    ['spec.containers: Forbidden: a step may not be removed once the sequence has reached it: "transform"'],
  ],
  [
    'nor does it go behind',
    FUTURE,
    future(B, A, C),
    ['spec.containers: Forbidden: steps may not change places after the sequence has started'],
  ],
  [
    'what concerns all steps is held',
    FUTURE,
    { ...FUTURE, backoffLimit: 1 },
    [`spec.backoffLimit: Invalid value: 1: ${ALWAYS}`],
  ],
  ['the new policy counts: it may come with the change', {}, future(A, B), []],
  [
    'the new policy counts: it may not go with the change',
    FUTURE,
    containers(A, B),
    [
      'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "load"',
    ],
  ],
];

/** The Job of the second step was refused. */
const REFUSED: readonly Row[] = [
  ['the step may be mended', FUTURE, future(A, step('transform', { image: 'x:2' }), C), []],
  ['with a policy of its own', FUTURE, { ...FUTURE, stepPolicies: [{ name: 'transform', backoffLimit: 0 }] }, []],
  ['or removed', FUTURE, future(A, C), []],
  ['or replaced', FUTURE, future(A, step('convert'), C), []],
  ['another may go in front of it', FUTURE, future(A, step('check'), B, C), []],
  [
    'those before it are held',
    FUTURE,
    future(step('extract', { image: 'x:1' }), step('transform', { image: 'x:2' }), C),
    [`spec.containers[0].image: Invalid value: "x:1": ${REACHED}`],
  ],
  [
    'nothing goes in front of those',
    FUTURE,
    future(step('check'), A, B, C),
    ['spec.containers[0]: Forbidden: a step may only be added after "extract"'],
  ],
  [
    'under Immutable it is held, and the way out is named',
    {},
    containers(A, step('transform', { image: 'x:2' }), C),
    [`spec.containers[1].image: Invalid value: "x:2": ${AHEAD}`],
  ],
  [
    'under Immutable nothing is added, and the way out is named',
    {},
    containers(A, B, C, step('report')),
    [
      'spec.containers[3]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may, after "extract"',
    ],
  ],
];

/** Pairs that mean the same; the first is what is stored. */
const EQUIVALENT: readonly Row[] = [
  [
    'a default that was not there yet',
    {},
    { backoffLimit: 3, suspend: false, updatePolicy: 'Immutable', resume: 0 },
    [],
  ],
  ['a template and policies that were not there yet', {}, { template: {}, stepPolicies: [] }, []],
  ['the restart policy', { template: { spec: {} } }, { template: { spec: { restartPolicy: 'Never' } } }, []],
  ['an empty restart policy', {}, { template: { spec: { restartPolicy: '' } } }, []],
  [
    'what a Go client writes of a template',
    {},
    { template: { metadata: { creationTimestamp: null }, spec: { containers: null } } },
    [],
  ],
  [
    'what a Go client writes of a container',
    {},
    containers(step('extract', { resources: {} }), step('transform', { resources: { limits: {} } }), C),
    [],
  ],
  [
    'what a Go client leaves out',
    containers(
      step('extract', {
        stdin: false,
        workingDir: '',
        env: [{ name: 'X', value: '' }],
        command: [],
        ports: [{ containerPort: 1, hostPort: 0 }],
        livenessProbe: { exec: { command: ['x'] }, initialDelaySeconds: 0 },
      }),
    ),
    containers(
      step('extract', {
        env: [{ name: 'X' }],
        ports: [{ containerPort: 1, protocol: 'TCP' }],
        livenessProbe: { exec: { command: ['x'] } },
      }),
    ),
    [],
  ],
  [
    'empty lists and maps',
    { template: { metadata: { labels: {} }, spec: { volumes: [], nodeSelector: {} } } },
    { template: { metadata: { annotations: null } } },
    [],
  ],
  [
    'quantities written otherwise',
    containers(step('extract', { resources: { limits: { cpu: '0.5', memory: '1024Mi', 'example.com/x': 2 } } })),
    containers(step('extract', { resources: { limits: { memory: '1Gi', cpu: '500m', 'example.com/x': '2' } } })),
    [],
  ],
  [
    'a divisor that nobody set',
    containers(step('extract', { env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }] })),
    containers(
      step('extract', {
        env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } }],
      }),
    ),
    [],
  ],
  [
    'keys in another order, as server-side apply gives them back',
    containers(step('extract', { env: [{ name: 'X', value: '1' }], tty: true })),
    containers({ tty: true, env: [{ value: '1', name: 'X' }], image: 'busybox:1.36', name: 'extract' }),
    [],
  ],
  ['an unknown field that is null', {}, { shards: null }, []],
  ['an unknown field in another order', { shards: { a: 1, b: [2] } }, { shards: { b: [2], a: 1, c: null } }, []],
];

const template = (spec: Json): Json => ({ template: { spec } });
const affinity = (term: Json): Json =>
  template({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', ...term }] } },
  });

/** Pairs that look alike and do not mean the same. */
const DIFFERENT: readonly (readonly [sentence: string, was: Json, is: Json, field: string])[] = [
  [
    'root is not the default user',
    {},
    template({ securityContext: { runAsUser: 0 } }),
    'spec.template.spec.securityContext',
  ],
  [
    'root is not the default user, also beside others',
    template({ securityContext: { fsGroup: 1 } }),
    template({ securityContext: { fsGroup: 1, runAsUser: 0 } }),
    'spec.template.spec.securityContext.runAsUser',
  ],
  [
    'no service account token is not the default',
    {},
    template({ automountServiceAccountToken: false }),
    'spec.template.spec.automountServiceAccountToken',
  ],
  [
    'a selector of everything is not one of nothing',
    affinity({}),
    affinity({ labelSelector: {} }),
    'spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector',
  ],
  [
    'no class is not the default class',
    template({ volumes: [{ name: 'a', ephemeral: { volumeClaimTemplate: { spec: {} } } }] }),
    template({ volumes: [{ name: 'a', ephemeral: { volumeClaimTemplate: { spec: { storageClassName: '' } } } }] }),
    'spec.template.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.storageClassName',
  ],
  ['no retries are not the default', {}, { backoffLimit: 0 }, 'spec.backoffLimit'],
  [
    'an empty argument is an argument',
    containers(step('extract', { args: ['a', ''] })),
    containers(step('extract', { args: ['a'] })),
    'spec.containers[0].args',
  ],
  [
    'the order of arguments counts',
    containers(step('extract', { args: ['a', 'b'] })),
    containers(step('extract', { args: ['b', 'a'] })),
    'spec.containers[0].args[0]',
  ],
  [
    'a request of nothing is a request',
    containers(step('extract', { resources: { requests: { cpu: 1 } } })),
    containers(step('extract', { resources: { requests: { cpu: 1, memory: 0 } } })),
    'spec.containers[0].resources.requests[memory]',
  ],
  [
    'an amount that is not one is compared as it is',
    containers(step('extract', { resources: { requests: { cpu: 'x' } } })),
    containers(step('extract', { resources: { requests: { cpu: 'y' } } })),
    'spec.containers[0].resources.requests[cpu]',
  ],
  [
    'a port by number is not one by name',
    containers(step('extract', { livenessProbe: { tcpSocket: { port: 80 } } })),
    containers(step('extract', { livenessProbe: { tcpSocket: { port: '80' } } })),
    'spec.containers[0].livenessProbe.tcpSocket.port',
  ],
];

const NOT_FAILED = 'spec.resume: Forbidden: may only be raised when the sequence has failed';

const RESUMES: readonly (readonly [
  sentence: string,
  status: Json,
  resumes: readonly [was: unknown, is: unknown],
  expected: readonly string[],
])[] = [
  ['a failed sequence is resumed', FAILED, [0, 1], []],
  ['also the first time, where it was never set', FAILED, [undefined, 1], []],
  ['also by more than one', FAILED, [1, 5], []],
  ['one that was refused before its start is resumed', { conditions: FAILED.conditions }, [0, 1], []],
  ['a running sequence is not resumed', STARTED, [0, 1], [NOT_FAILED]],
  ['nor a new one', NEW, [0, 1], [NOT_FAILED]],
  ['nor a completed one', COMPLETED, [0, 1], [NOT_FAILED]],
  [
    'nor one that has recovered',
    { ...STARTED, conditions: [{ type: 'Failed', status: 'False' }] },
    [0, 1],
    [NOT_FAILED],
  ],
  ['it is lowered, which is ignored', FAILED, [2, 1], []],
  ['it is taken away, which is ignored', FAILED, [1, undefined], []],
  ['it is lowered while the sequence runs', STARTED, [2, 0], []],
  ['it is lowered when the sequence has completed', COMPLETED, [2, 0], []],
  ['it is lowered before the start', NEW, [2, 1], []],
  ['it is raised to what has been acted on, while the sequence runs', { ...STARTED, resumes: 3 }, [0, 3], []],
  ['it is raised beyond that, while the sequence runs', { ...STARTED, resumes: 3 }, [0, 4], [NOT_FAILED]],
  ['it stays', STARTED, [1, 1], []],
  ['what is no count is left to the schema', FAILED, [0, '1'], []],
];

test.each(IMMUTABLE)('once started: %s', (_sentence, was, is, expected) => {
  expect(update(STARTED, was, is)).toEqual(expected);
});
test.each(FUTURE_STEPS)('with FutureSteps: %s', (_sentence, was, is, expected) => {
  expect(update(STARTED, was, is)).toEqual(expected);
});
test.each(REFUSED)('of a step whose Job was refused: %s', (_sentence, was, is, expected) => {
  expect(update(JOB_REJECTED, was, is)).toEqual(expected);
});
test.each(EQUIVALENT)('no change: %s', (_sentence, was, is) => {
  expect(update(STARTED, was, is)).toEqual([]);
  expect(update(STARTED, is, was)).toEqual([]);
});
test.each(DIFFERENT)('a change: %s', (_sentence, was, is, field) => {
  const fields = (a: Json, b: Json): readonly string[] =>
    validateUpdate(object({ containers: STEPS, ...a }, STARTED), object({ containers: STEPS, ...b }, STARTED)).map(
      (fault) => fault.field,
    );
  expect(fields(was, is)).toContain(field);
  expect(fields(is, was)).toContain(field);
});
test.each(RESUMES)('resume: %s', (_sentence, status, resumes, expected) => {
  const [was, is] = resumes;
  expect(update(status, { resume: was }, { resume: is })).toEqual(expected);
});

const SET_IT = (to: number): string => `to resume the sequence when it has failed, set it to ${to}`;
const IGNORED = 'which is ignored: it undoes no resume and asks for none';

test.each<readonly [sentence: string, status: unknown, resumes: readonly [was: unknown, is: unknown], warning: string]>(
  [
    ['raised, which is meant', { ...FAILED, resumes: 1 }, [1, 2], ''],
    ['the same', { ...FAILED, resumes: 1 }, [1, 1], ''],
    ['lowered', { ...FAILED, resumes: 3 }, [3, 0], `lowered from 3 to 0, ${IGNORED}; ${SET_IT(4)}`],
    ['lowered again', { ...FAILED, resumes: 3 }, [2, 1], `lowered from 2 to 1, ${IGNORED}; ${SET_IT(4)}`],
    ['taken away', { ...FAILED, resumes: 1 }, [1, undefined], `lowered from 1 to 0, ${IGNORED}; ${SET_IT(2)}`],
    [
      'lowered before it was acted on',
      { ...FAILED, resumes: 0 },
      [5, 2],
      `lowered from 5 to 2, ${IGNORED}; ${SET_IT(3)}`,
    ],
    ['lowered without a status', undefined, [2, 1], `lowered from 2 to 1, ${IGNORED}; ${SET_IT(2)}`],
    [
      'raised to what has been acted on',
      { ...FAILED, resumes: 3 },
      [0, 3],
      `3 asks for no resume, because status.resumes is 3 already; ${SET_IT(4)}`,
    ],
    ['no count, which is left to the schema', FAILED, [1, '0'], ''],
  ],
)('a warning about resume: %s', (_sentence, status, [was, is], warning) => {
  const of = (resume: unknown): Json => deepFreeze(object({ containers: STEPS, resume }, status));
  expect(updateWarnings(of(was), of(is))).toEqual(warning === '' ? [] : [`spec.resume: ${warning}`]);
});

describe('over the life of an object', () => {
  const all: Json = {
    containers: [step('other')],
    template: { spec: { restartPolicy: 'OnFailure' } },
    backoffLimit: 0,
  };

  test('before the start everything may change', () => {
    for (const status of [NEW, undefined, null, { phase: 'Pending' }, { startTime: null }, { startTime: '' }]) {
      expect(update(status, {}, all)).toEqual([]);
    }
  });

  test('the start that counts is the one that the API server has', () => {
    expect(lines(object({ containers: STEPS }, NEW), object({ containers: [A] }, STARTED))).toEqual([]);
    expect(lines(object({ containers: STEPS }, STARTED), object({ containers: [A] }, NEW))).toHaveLength(2);
  });

  test('an object that is being deleted may change', () => {
    const going = { deletionTimestamp: '2026-11-02T10:00:00Z' };
    const [before, after] = [{ containers: STEPS }, all];
    expect(lines(object(before, STARTED, going), object(after, STARTED))).toEqual([]);
    expect(lines(object(before, STARTED), object(after, STARTED, going))).toEqual([]);
    expect(lines(object(before, STARTED, { deletionTimestamp: null }), object(after, STARTED))).not.toEqual([]);
  });

  test('metadata and status may change', () => {
    const after = { ...object({ containers: STEPS }, FAILED, { labels: { a: 'b' }, finalizers: [] }), status: {} };
    expect(lines(object({ containers: STEPS }, STARTED), after)).toEqual([]);
  });

  test('the failed step is not mended, those behind it may be', () => {
    const mended = step('transform', { image: 'x:2' });
    expect(update(FAILED, FUTURE, { ...future(A, mended, C), resume: 1 })).toEqual([
      `spec.containers[1].image: Invalid value: "x:2": ${REACHED}`,
    ]);
    expect(update(FAILED, FUTURE, { ...future(A, B, step('load', { image: 'x:2' })), resume: 1 })).toEqual([]);
  });

  test('a refused step that had a Job before it was resumed is not mended', () => {
    const mended = future(A, step('transform', { image: 'x:2' }), C);
    const steps = [
      { index: 0, name: 'extract' },
      { index: 1, name: 'transform' },
    ];
    expect(update({ ...JOB_REJECTED, steps: steps.slice(0, 1) }, FUTURE, mended)).toEqual([]);
    expect(update({ ...JOB_REJECTED, steps }, FUTURE, mended)).toHaveLength(1);
  });

  test('where the very first Job was refused, nothing is in front', () => {
    const status = { ...JOB_REJECTED, progress: { currentIndex: 0, failureReason: 'JobRejected' } };
    expect(update(status, FUTURE, future(C))).toEqual([]);
    expect(update(status, {}, containers(A, B, C, step('report')))).toEqual([
      'spec.containers[3]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may',
    ]);
  });

  test('a finished sequence has nothing ahead', () => {
    expect(update(COMPLETED, FUTURE, future(A, B, C, step('report')))).toEqual([
      'spec.containers[3]: Forbidden: a step may not be added after the sequence has started',
    ]);
    expect(update(COMPLETED, FUTURE, future(A, B, step('load', { image: 'x:2' })))).toEqual([
      `spec.containers[2].image: Invalid value: "x:2": ${REACHED}`,
    ]);
  });

  test.each([null, -1, 3, 1.5, '0', {}])('a current index of %j gives no step free', (currentIndex) => {
    const status = { ...STARTED, progress: { currentIndex } };
    expect(update(status, FUTURE, future(A, B, step('load', { image: 'x:2' })))).toHaveLength(1);
    expect(update(status, FUTURE, future(A, B, C, step('report')))).toHaveLength(1);
  });
});

describe('whatever comes', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;

  test('deep nesting is no danger', () => {
    const faults = (was: Json, is: Json): number =>
      validateUpdate(object({ containers: STEPS, ...was }, STARTED), object({ containers: STEPS, ...is }, STARTED))
        .length;
    expect(faults({ x: deep }, { x: deep })).toBe(0);
    expect(faults({ x: deep }, { x: [deep] })).toBe(1);
    expect(faults({ template: { spec: deep } }, containers(step('extract', { env: deep })))).toBeGreaterThan(0);
  });

  test('a hundred faults are enough', () => {
    const many = (image: string): Json => ({
      containers: Array.from({ length: 1000 }, (_, i) => step(`s${i}`, { image })),
    });
    expect(update(STARTED, many('a:1'), many('a:2'))).toHaveLength(100);
  });

  test('names are listed up to the fifth', () => {
    const many = { containers: Array.from({ length: 9 }, (_, i) => step(`s${i}`)) };
    expect(update(STARTED, many, containers(step('s0'), step('s1')))).toEqual([
      'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "s2", "s3", "s4", "s5", "s6" and 2 more',
    ]);
  });

  test('keys of the prototype are ordinary keys', () => {
    const labels = (text: string): Json => ({ template: { metadata: { labels: JSON.parse(text) as unknown } } });
    expect(update(STARTED, labels('{"__proto__":"x"}'), labels('{"__proto__":"x"}'))).toEqual([]);
    expect(update(STARTED, labels('{"__proto__":"x"}'), labels('{"__proto__":"y"}'))).toEqual([
      `spec.template.metadata.labels[__proto__]: Invalid value: "y": ${ALWAYS}`,
    ]);
    expect(update(STARTED, {}, JSON.parse('{"constructor":{"a":1},"toString":1}') as Json)).toHaveLength(2);
    expect(update(STARTED, { stepPolicies: [{ name: '__proto__' }] }, {})).toEqual([]);
  });

  const word = fc.constantFrom(
    'spec',
    'metadata',
    'status',
    'startTime',
    'progress',
    'currentIndex',
    'containers',
    'name',
    'template',
    'stepPolicies',
    'resume',
    'resources',
    'limits',
    'cpu',
    'labels',
    '__proto__',
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 7, depthSize: 'large' },
      fc.constantFrom<unknown>(null, '', 'a', 'b', '1', '1000m', 0, 1, -1, true, false),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(word, tie('value'), { maxKeys: 6 }),
    ),
  })).value;

  test('property: every pair gets a verdict, twice the same', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(lines(a, b)).toEqual(lines(a, b));
        const verdict = lines(object(a, STARTED), object(b, STARTED));
        expect(lines(object(a, STARTED), object(b, STARTED))).toEqual(verdict);
      }),
      { numRuns: 300 },
    );
  });

  test('property: what is unchanged passes, whatever it is', () => {
    const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    fc.assert(
      fc.property(json, fc.array(json, { maxLength: 4 }), json, (spec, list, part) => {
        expect(lines(spec, copy(spec))).toEqual([]);
        expect(lines(object(spec, STARTED), object(copy(spec), STARTED))).toEqual([]);
        const both = { containers: list, stepPolicies: list, template: part };
        expect(update(STARTED, both, copy(both) as Json)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
