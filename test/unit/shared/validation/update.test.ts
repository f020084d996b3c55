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
  apiVersion: 'batch.example.com/v1beta1',
  kind: 'SequentialJob',
  metadata: { name: 'etl', ...metadata },
  spec,
  status,
});

const lines = (before: unknown, after: unknown): readonly string[] =>
  validateUpdate(deepFreeze(before), deepFreeze(after)).map(formatFieldError);

/** Why, by a word of the sentence: the sentences themselves are in test/golden/admission/messages.yaml. */
const REASONS: readonly (readonly [reason: string, words: string])[] = [
  ['reached', 'has reached'],
  ['moved', 'may not change places'],
  ['misplaced', 'may only be added after'],
  ['future', 'FutureSteps'],
  ['finishing', 'the steps of finally run'],
  ['not failed', 'when the sequence has failed'],
];

/** `spec.steps reached "extract"`: the field, why it may not change, and the steps that are named. */
function brief(line: string): string {
  const [, field = '', rest = ''] = /^([^:]+): (.*)$/.exec(line) ?? [];
  const reason = REASONS.find(([, words]) => rest.includes(words))?.[0] ?? 'started';
  const steps = rest.startsWith('Forbidden') ? (rest.match(/"[^"]*"/g) ?? []) : [];
  return [field, reason, ...steps].join(' ');
}

const update = (status: unknown, was: Json, is: Json): readonly string[] =>
  lines(object({ steps: STEPS, ...was }, status), object({ steps: STEPS, ...is }, status)).map(brief);

type Row = readonly [sentence: string, was: Json, is: Json, expected: readonly string[]];

const FUTURE = { updatePolicy: 'FutureSteps' };
const steps = (...list: readonly Json[]): Json => ({ steps: list });
const future = (...list: readonly Json[]): Json => ({ steps: list, ...FUTURE });
const limited = (item: Json, backoffLimit: number): Json => ({ ...item, job: { backoffLimit } });
const labels = (map: Json): Json => ({ template: { metadata: { labels: map } } });
const A2 = step('extract', { image: 'x:1' });
const B2 = step('transform', { image: 'x:2' });
const C2 = step('load', { image: 'x:3' });
const REPORT = step('report');
const CHECK = step('check');

const IMMUTABLE: readonly Row[] = [
  ['an unchanged spec is allowed', {}, {}, []],
  [
    'suspend, the time limits and updatePolicy are mutable',
    { activeDeadlineSeconds: 5 },
    { suspend: true, ttlSecondsAfterFinished: 0, activeDeadlineSeconds: 9, ...FUTURE },
    [],
  ],
  ['mutable fields can be removed', { suspend: true, ttlSecondsAfterFinished: 1, activeDeadlineSeconds: 5 }, {}, []],
  ['the current step is immutable', {}, steps(A, B2, C), ['spec.steps[1].image reached']],
  ['a later step is mutable only under FutureSteps', {}, steps(A, B, C2), ['spec.steps[2].image future']],
  [
    'an error has the path of each changed field',
    steps(step('extract', { args: ['a'], env: [{ name: 'X', value: '1' }], workingDir: '/a', securityContext: {} })),
    steps(step('extract', { args: ['a', 'b'], env: [{ name: 'X', value: '2' }], resources: { limits: { cpu: 1 } } })),
    ['args', 'env[0].value', 'workingDir', 'securityContext', 'resources'].map(
      (field) => `spec.steps[0].${field} reached`,
    ),
  ],
  ['no step can be added at the end', {}, steps(A, B, C, REPORT), ['spec.steps[3] future "transform"']],
  ['no step can be removed', {}, steps(B), ['spec.steps reached "extract"', 'spec.steps future "load"']],
  [
    'no steps at all is the removal of all steps',
    {},
    { steps: null },
    ['spec.steps reached "extract" "transform"', 'spec.steps future "load"'],
  ],
  [
    'a new step in front is one error, not one for every step after it',
    {},
    steps(step('prepare'), A, B, C),
    ['spec.steps[0] future "transform"'],
  ],
  ['the order is fixed', {}, steps(A, C, B), ['spec.steps moved']],
  ['a name is fixed', {}, steps(A, step('convert'), C), ['spec.steps[1].name reached']],
  [
    'the template and the backoff limit are fixed, the template first',
    {},
    {
      job: { backoffLimit: 5 },
      template: { metadata: { labels: { app: 'x' } }, spec: { restartPolicy: 'OnFailure' } },
    },
    ['spec.template.spec.restartPolicy started', 'spec.template.metadata started', 'spec.job.backoffLimit started'],
  ],
  [
    'an error has the path of each changed label',
    labels({ a: '', b: 'x', c: '1' }),
    labels({ b: 'y', c: '1', d: '' }),
    ['a', 'b', 'd'].map((key) => `spec.template.metadata.labels[${key}] started`),
  ],
  ['a field of a later API version is immutable', {}, { shards: 2 }, ['spec.shards started']],
  [
    'settings of steps are immutable, each by its own path',
    steps(limited(A, 1), B, limited(C, 1)),
    steps(A, { ...limited(B, 2), pod: { priorityClassName: 'high' }, onFailure: 'Continue' }, limited(C, 0)),
    [
      'spec.steps[0].job.backoffLimit reached',
      'spec.steps[1].job.backoffLimit reached',
      'spec.steps[1].pod.priorityClassName reached',
      'spec.steps[1].onFailure reached',
      'spec.steps[2].job.backoffLimit future',
    ],
  ],
  ['settings that say nothing are ignored', steps(A, { ...B, job: {}, pod: {}, onFailure: '' }, C), {}, []],
  [
    'finally is immutable',
    { finally: [step('report')] },
    { finally: [step('report', { image: 'x:1', when: 'Failed' })] },
    ['spec.finally[0].image started', 'spec.finally[0].when started'],
  ],
];

const FUTURE_STEPS: readonly Row[] = [
  ['later steps are mutable', FUTURE, future(A, B, C2), []],
  ['later steps can be removed', FUTURE, future(A, B), []],
  ['steps can be added after the current one', FUTURE, future(A, B, CHECK, C, REPORT), []],
  ['a later step can be replaced by another', FUTURE, future(A, B, step('publish')), []],
  [
    'settings of later and of new steps are mutable',
    future(A, B, limited(C, 1)),
    future(A, B, limited(CHECK, 2), C),
    [],
  ],
  ['finally is mutable', { ...FUTURE, finally: [step('report')] }, FUTURE, []],
  [
    'the current step and the steps before it are immutable',
    FUTURE,
    future(A2, B2, C2),
    ['spec.steps[0].image reached', 'spec.steps[1].image reached'],
  ],
  [
    'the settings of the current step and of the steps before it are immutable',
    future(A, limited(B, 1), C),
    future(limited(A, 2), limited(B, 2), C),
    ['spec.steps[0].job.backoffLimit reached', 'spec.steps[1].job.backoffLimit reached'],
  ],
  [
    'no new step can be inserted before the current one',
    FUTURE,
    future(A, CHECK, B, C),
    ['spec.steps[1] misplaced "transform"'],
  ],
  [
    'no later step can be moved before the current one',
    FUTURE,
    future(A, C, B),
    ['spec.steps[1] misplaced "transform"'],
  ],
  ['the current step cannot be replaced', FUTURE, future(A, C), ['spec.steps reached "transform"']],
  ['the current step cannot be moved to an earlier place', FUTURE, future(B, A, C), ['spec.steps moved']],
  [
    'fields that apply to all steps are immutable',
    FUTURE,
    { ...FUTURE, job: { backoffLimit: 1 } },
    ['spec.job.backoffLimit started'],
  ],
  ['the new updatePolicy counts: FutureSteps can be set with the change', {}, future(A, B), []],
  [
    'the new updatePolicy counts: FutureSteps cannot be removed with the change',
    FUTURE,
    steps(A, B),
    ['spec.steps future "load"'],
  ],
];

/** The Job of the second step was rejected. */
const REJECTED: readonly Row[] = [
  ['the step can be changed', FUTURE, future(A, B2, C), []],
  ['the step can get settings', FUTURE, future(A, limited(B, 0), C), []],
  ['the step can be removed', FUTURE, future(A, C), []],
  ['the step can be replaced', FUTURE, future(A, step('convert'), C), []],
  ['a step can be inserted before it', FUTURE, future(A, CHECK, B, C), []],
  ['the steps before it are immutable', FUTURE, future(A2, B2, C), ['spec.steps[0].image reached']],
  ['no step can be inserted before those', FUTURE, future(CHECK, A, B, C), ['spec.steps[0] misplaced "extract"']],
  ['under Immutable the step is immutable', {}, steps(A, B2, C), ['spec.steps[1].image future']],
  ['under Immutable no step can be added', {}, steps(A, B, C, REPORT), ['spec.steps[3] future "extract"']],
];

/** Pairs that mean the same; the first is what is stored. */
const EQUIVALENT: readonly (readonly [sentence: string, was: Json, is: Json])[] = [
  ['a default that is added', {}, { job: { backoffLimit: 3 }, suspend: false, updatePolicy: 'Immutable', resume: 0 }],
  ['an empty template and an empty finally that are added', {}, { template: {}, finally: [] }],
  ['an empty job of all steps that is added', {}, { job: {} }],
  ['empty settings of a step that are added', {}, steps({ ...A, job: {}, pod: {} }, B, C)],
  ['the restart policy', { template: { spec: {} } }, { template: { spec: { restartPolicy: 'Never' } } }],
  ['an empty restart policy', {}, { template: { spec: { restartPolicy: '' } } }],
  [
    'the empty fields of a template that a Go client writes',
    {},
    { template: { metadata: { creationTimestamp: null }, spec: { containers: null } } },
  ],
  [
    'the empty fields of a container that a Go client writes',
    {},
    steps(step('extract', { resources: {} }), step('transform', { resources: { limits: {} } }), C),
  ],
  [
    'the zero values that a Go client omits',
    steps(
      step('extract', {
        stdin: false,
        workingDir: '',
        env: [{ name: 'X', value: '' }],
        command: [],
        ports: [{ containerPort: 1, hostPort: 0 }],
        livenessProbe: { exec: { command: ['x'] }, initialDelaySeconds: 0 },
      }),
    ),
    steps(
      step('extract', {
        env: [{ name: 'X' }],
        ports: [{ containerPort: 1, protocol: 'TCP' }],
        livenessProbe: { exec: { command: ['x'] } },
      }),
    ),
  ],
  [
    'empty lists and maps',
    { template: { metadata: { labels: {} }, spec: { volumes: [], nodeSelector: {} } } },
    { template: { metadata: { annotations: null } } },
  ],
  [
    'another notation of the same quantity',
    steps(step('extract', { resources: { limits: { cpu: '0.5', memory: '1024Mi', 'example.com/x': 2 } } })),
    steps(step('extract', { resources: { limits: { memory: '1Gi', cpu: '500m', 'example.com/x': '2' } } })),
  ],
  [
    'the default divisor',
    steps(step('extract', { env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }] })),
    steps(
      step('extract', {
        env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } }],
      }),
    ),
  ],
  [
    'another order of fields, as server-side apply returns them',
    steps(step('extract', { env: [{ name: 'X', value: '1' }], tty: true })),
    steps({ tty: true, env: [{ value: '1', name: 'X' }], image: 'busybox:1.36', name: 'extract' }),
  ],
  ['another order of fields in an unknown field', { shards: { a: 1, b: [2] } }, { shards: { b: [2], a: 1, c: null } }],
];
const template = (spec: Json): Json => ({ template: { spec } });
const claims = (spec: Json): Json => ({ volumeClaimTemplates: [{ metadata: { name: 'work' }, spec }] });
const affinity = (term: Json): Json =>
  template({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', ...term }] } },
  });

/** Pairs that look alike and do not mean the same. */
const DIFFERENT: readonly (readonly [sentence: string, was: Json, is: Json, field: string])[] = [
  [
    'runAsUser: 0 instead of none',
    {},
    template({ securityContext: { runAsUser: 0 } }),
    'spec.template.spec.securityContext',
  ],
  [
    'runAsUser: 0 instead of none, with other fields',
    template({ securityContext: { fsGroup: 1 } }),
    template({ securityContext: { fsGroup: 1, runAsUser: 0 } }),
    'spec.template.spec.securityContext.runAsUser',
  ],
  [
    'automountServiceAccountToken: false instead of none',
    {},
    template({ automountServiceAccountToken: false }),
    'spec.template.spec.automountServiceAccountToken',
  ],
  [
    'an empty labelSelector, which selects everything, instead of none',
    affinity({}),
    affinity({ labelSelector: {} }),
    'spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector',
  ],
  [
    'more storage of a claim',
    claims({ resources: { requests: { storage: '1Gi' } } }),
    claims({ resources: { requests: { storage: '2Gi' } } }),
    'spec.volumeClaimTemplates[0].spec.resources.requests[storage]',
  ],
  ['one claim more', {}, claims({}), 'spec.volumeClaimTemplates'],
  [
    'an empty storageClassName of a claim instead of none',
    claims({}),
    claims({ storageClassName: '' }),
    'spec.volumeClaimTemplates[0].spec.storageClassName',
  ],
  [
    'an empty storageClassName instead of none',
    template({ volumes: [{ name: 'a', ephemeral: { volumeClaimTemplate: { spec: {} } } }] }),
    template({ volumes: [{ name: 'a', ephemeral: { volumeClaimTemplate: { spec: { storageClassName: '' } } } }] }),
    'spec.template.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.storageClassName',
  ],
  ['backoffLimit: 0 instead of the default', {}, { job: { backoffLimit: 0 } }, 'spec.job.backoffLimit'],
  ['backoffLimit: 0 of a step instead of none', {}, steps(limited(A, 0), B, C), 'spec.steps[0].job.backoffLimit'],
  [
    'an empty argument instead of none',
    steps(step('extract', { args: ['a', ''] })),
    steps(step('extract', { args: ['a'] })),
    'spec.steps[0].args',
  ],
  [
    'a request of 0 instead of none',
    steps(step('extract', { resources: { requests: { cpu: 1 } } })),
    steps(step('extract', { resources: { requests: { cpu: 1, memory: 0 } } })),
    'spec.steps[0].resources.requests[memory]',
  ],
  [
    'a port number instead of a port name',
    steps(step('extract', { livenessProbe: { tcpSocket: { port: 80 } } })),
    steps(step('extract', { livenessProbe: { tcpSocket: { port: '80' } } })),
    'spec.steps[0].livenessProbe.tcpSocket.port',
  ],
];

const NOT_FAILED = ['spec.resume not failed'];
const RECOVERED = { ...STARTED, conditions: [{ type: 'Failed', status: 'False' }] };

const RESUMES: readonly (readonly [
  sentence: string,
  status: Json,
  resumes: readonly [was: unknown, is: unknown],
  expected: readonly string[],
])[] = [
  ['a failed sequence can be resumed', FAILED, [0, 1], []],
  ['a failed sequence can be resumed the first time, if resume was not set', FAILED, [undefined, 1], []],
  ['resume can be raised by more than one', FAILED, [1, 5], []],
  ['a sequence that was rejected before its start can be resumed', { conditions: FAILED.conditions }, [0, 1], []],
  ['a running sequence cannot be resumed', STARTED, [0, 1], NOT_FAILED],
  ['a new sequence cannot be resumed', NEW, [0, 1], NOT_FAILED],
  ['a completed sequence cannot be resumed', COMPLETED, [0, 1], NOT_FAILED],
  ['a sequence with Failed=False cannot be resumed', RECOVERED, [0, 1], NOT_FAILED],
  ['a lower value is ignored', FAILED, [2, 1], []],
  ['the removal of resume is ignored', FAILED, [1, undefined], []],
  ['resume can be raised to status.resumes while the sequence runs', { ...STARTED, resumes: 3 }, [0, 3], []],
  [
    'resume cannot be raised above status.resumes while the sequence runs',
    { ...STARTED, resumes: 3 },
    [0, 4],
    NOT_FAILED,
  ],
  ['a value that is not a count is left to the schema', FAILED, [0, '1'], []],
];

test.each(IMMUTABLE)('once started: %s', (_sentence, was, is, expected) => {
  expect(update(STARTED, was, is)).toEqual(expected);
});
test('the message has an immutable value, but not a structure', () => {
  const was = { steps: STEPS };
  const is = { steps: [step('extract', { image: 'x:1', securityContext: { privileged: true } }), B, C] };
  expect(lines(object(was, STARTED), object(is, STARTED))).toEqual([
    expect.stringMatching(/^spec\.steps\[0\]\.image: Invalid value: "x:1": field is immutable/),
    expect.stringMatching(/^spec\.steps\[0\]\.securityContext: Invalid value: field is immutable/),
  ]);
});
test.each(FUTURE_STEPS)('with FutureSteps: %s', (_sentence, was, is, expected) => {
  expect(update(STARTED, was, is)).toEqual(expected);
});
test.each(REJECTED)('a step whose Job was rejected: %s', (_sentence, was, is, expected) => {
  expect(update(JOB_REJECTED, was, is)).toEqual(expected);
});
const FINISHING = { ...STARTED, finally: [{ index: 0, name: 'cleanup', state: 'Running' }] };
const ENDED = { ...FINISHING, completionTime: '2026-11-02T10:05:00Z' };
const CLEANUP = { finally: [step('cleanup')] };
const CLEANUP2 = { finally: [step('cleanup', { image: 'x:1' })] };

test.each<readonly [sentence: string, status: Json, was: Json, is: Json, expected: readonly string[]]>([
  ['it may change before the start', NEW, CLEANUP, CLEANUP2, []],
  ['it may not change once started', STARTED, CLEANUP, CLEANUP2, ['spec.finally[0].image started']],
  ['with FutureSteps it may change before it runs', STARTED, CLEANUP, { ...CLEANUP2, ...FUTURE }, []],
  ['with FutureSteps it may be added before it runs', STARTED, {}, { ...CLEANUP, ...FUTURE }, []],
  ['with FutureSteps it may be removed before it runs', STARTED, { ...CLEANUP, ...FUTURE }, FUTURE, []],
  [
    'with FutureSteps it may not change while it runs',
    FINISHING,
    CLEANUP,
    { ...CLEANUP2, ...FUTURE },
    ['spec.finally[0].image finishing'],
  ],
  [
    'with FutureSteps it may not change once its start is recorded',
    { ...STARTED, finally: [] },
    CLEANUP,
    { ...CLEANUP2, ...FUTURE },
    ['spec.finally[0].image finishing'],
  ],
  ['with FutureSteps it may change after the end', ENDED, CLEANUP, { ...CLEANUP2, ...FUTURE }, []],
  ['it may not change after the end', ENDED, CLEANUP, CLEANUP2, ['spec.finally[0].image started']],
  [
    'with FutureSteps later steps may change while it runs, for a resume',
    FINISHING,
    CLEANUP,
    { ...CLEANUP, ...future(A, B, C2) },
    [],
  ],
])('finally: %s', (...[, status, was, is, expected]) => {
  expect(update(status, was, is)).toEqual(expected);
});
test.each<readonly [sentence: string, is: Json, expected: readonly string[]]>([
  ['no step may change', future(A, B2, C2), ['spec.steps[1].image finishing', 'spec.steps[2].image finishing']],
  ['no step may be added', future(A, B, C, REPORT), ['spec.steps[3] finishing']],
  ['no step may be removed', future(A, B), ['spec.steps finishing "load"']],
])('while finally runs after a Job was rejected, %s', (_sentence, is, expected) => {
  expect(update({ ...JOB_REJECTED, finally: [] }, {}, is)).toEqual(expected);
});
test('after finally has run, the step whose Job was rejected may change', () => {
  const status = { ...JOB_REJECTED, finally: [], completionTime: '2026-11-02T10:05:00Z' };
  expect(update(status, {}, future(A, B2, C2))).toEqual([]);
});
test.each(EQUIVALENT)('no change: %s', (_sentence, was, is) => {
  expect(update(STARTED, was, is)).toEqual([]);
  expect(update(STARTED, is, was)).toEqual([]);
});
test.each(DIFFERENT)('a change: %s', (_sentence, was, is, field) => {
  for (const [a, b] of [
    [was, is],
    [is, was],
  ] as const) {
    expect(update(STARTED, a, b).map((line) => line.split(' ')[0])).toContain(field);
  }
});
test.each(RESUMES)('resume: %s', (_sentence, status, [was, is], expected) => {
  expect(update(status, { resume: was }, { resume: is })).toEqual(expected);
});

test.each<
  readonly [
    sentence: string,
    status: unknown,
    resumes: readonly [was: unknown, is: unknown],
    ...warnings: readonly RegExp[],
  ]
>([
  ['raised: no warning', { ...FAILED, resumes: 1 }, [1, 2]],
  ['unchanged: no warning', { ...FAILED, resumes: 1 }, [1, 1]],
  ['lowered', { ...FAILED, resumes: 3 }, [3, 0], /lowered from 3 to 0, .* set it to 4$/],
  ['lowered again', { ...FAILED, resumes: 3 }, [2, 1], /lowered from 2 to 1, .* set it to 4$/],
  ['removed', { ...FAILED, resumes: 1 }, [1, undefined], /lowered from 1 to 0, .* set it to 2$/],
  [
    'lowered before the controller acted on it',
    { ...FAILED, resumes: 0 },
    [5, 2],
    /lowered from 5 to 2, .* set it to 3$/,
  ],
  ['lowered without a status', undefined, [2, 1], /lowered from 2 to 1, .* set it to 2$/],
  ['raised to status.resumes', { ...FAILED, resumes: 3 }, [0, 3], /^spec.resume: 3 .* set it to 4$/],
  ['not a count: left to the schema', FAILED, [1, '0']],
])('a warning about resume: %s', (_sentence, status, [was, is], ...warnings) => {
  const of = (resume: unknown): Json => deepFreeze(object({ steps: STEPS, resume }, status));
  expect(updateWarnings(of(was), of(is))).toEqual(warnings.map((one) => expect.stringMatching(one)));
});

describe('over the life of an object', () => {
  const all: Json = {
    steps: [step('other')],
    template: { spec: { restartPolicy: 'OnFailure' } },
    job: { backoffLimit: 0 },
  };

  test('before the start every field can change', () => {
    for (const status of [NEW, undefined, null, { phase: 'Pending' }, { startTime: null }, { startTime: '' }]) {
      expect(update(status, {}, all)).toEqual([]);
    }
  });

  test('the startTime of the stored object counts', () => {
    expect(lines(object({ steps: STEPS }, NEW), object({ steps: [A] }, STARTED))).toEqual([]);
    expect(lines(object({ steps: STEPS }, STARTED), object({ steps: [A] }, NEW))).toHaveLength(2);
  });

  test('every field of an object that is being deleted can change', () => {
    const going = { deletionTimestamp: '2026-11-02T10:00:00Z' };
    const [before, after] = [{ steps: STEPS }, all];
    expect(lines(object(before, STARTED, going), object(after, STARTED))).toEqual([]);
    expect(lines(object(before, STARTED), object(after, STARTED, going))).toEqual([]);
    expect(lines(object(before, STARTED, { deletionTimestamp: null }), object(after, STARTED))).not.toEqual([]);
  });

  test('the failed step is immutable, later steps are mutable', () => {
    expect(update(FAILED, FUTURE, { ...future(A, B2, C), resume: 1 })).toEqual(['spec.steps[1].image reached']);
    expect(update(FAILED, FUTURE, { ...future(A, B, C2), resume: 1 })).toEqual([]);
  });

  test('a rejected step that had a Job before it was resumed is immutable', () => {
    const steps = [
      { index: 0, name: 'extract' },
      { index: 1, name: 'transform' },
    ];
    expect(update({ ...JOB_REJECTED, steps: steps.slice(0, 1) }, FUTURE, future(A, B2, C))).toEqual([]);
    expect(update({ ...JOB_REJECTED, steps }, FUTURE, future(A, B2, C))).toHaveLength(1);
  });

  test('if the very first Job was rejected, all steps are mutable', () => {
    const status = { ...JOB_REJECTED, progress: { currentIndex: 0, failureReason: 'JobRejected' } };
    expect(update(status, FUTURE, future(C))).toEqual([]);
    expect(update(status, {}, steps(A, B, C, REPORT))).toEqual(['spec.steps[3] future']);
  });

  test('a finished sequence has no later steps', () => {
    expect(update(COMPLETED, FUTURE, future(A, B, C, REPORT))).toEqual(['spec.steps[3] started']);
    expect(update(COMPLETED, FUTURE, future(A, B, C2))).toEqual(['spec.steps[2].image reached']);
  });

  test.each([null, -1, 3, 1.5, '0', {}])('a currentIndex of %j makes no step mutable', (currentIndex) => {
    const status = { ...STARTED, progress: { currentIndex } };
    expect(update(status, FUTURE, future(A, B, C2))).toHaveLength(1);
    expect(update(status, FUTURE, future(A, B, C, REPORT))).toHaveLength(1);
  });
});

describe('for any input', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;

  test('deep nesting causes no error', () => {
    const faults = (was: Json, is: Json): number =>
      validateUpdate(object({ steps: STEPS, ...was }, STARTED), object({ steps: STEPS, ...is }, STARTED)).length;
    expect(faults({ x: deep }, { x: deep })).toBe(0);
    expect(faults({ x: deep }, { x: [deep] })).toBe(1);
    expect(faults({ template: { spec: deep } }, steps(step('extract', { env: deep })))).toBeGreaterThan(0);
  });

  test('validation stops after a hundred errors', () => {
    const many = (image: string): Json => ({
      steps: Array.from({ length: 1000 }, (_, i) => step(`s${i}`, { image })),
    });
    expect(update(STARTED, many('a:1'), many('a:2'))).toHaveLength(100);
  });

  test('the message lists at most five names', () => {
    const many = { steps: Array.from({ length: 9 }, (_, i) => step(`s${i}`)) };
    expect(update(STARTED, many, steps(step('s0'), step('s1')))).toEqual([
      'spec.steps future "s2" "s3" "s4" "s5" "s6"',
    ]);
  });

  test('keys of Object.prototype are ordinary keys', () => {
    const parsed = (text: string): Json => labels(JSON.parse(text) as Json);
    expect(update(STARTED, parsed('{"__proto__":"x"}'), parsed('{"__proto__":"x"}'))).toEqual([]);
    expect(update(STARTED, parsed('{"__proto__":"x"}'), parsed('{"__proto__":"y"}'))).toEqual([
      'spec.template.metadata.labels[__proto__] started',
    ]);
    expect(update(STARTED, {}, JSON.parse('{"constructor":{"a":1},"toString":1}') as Json)).toHaveLength(2);
  });

  const WORDS = `spec metadata status startTime progress currentIndex steps finally job pod name template resume
    resources limits cpu labels __proto__`;
  const word = fc.constantFrom(...WORDS.split(/\s+/));
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 7, depthSize: 'large' },
      fc.constantFrom<unknown>(null, '', 'a', 'b', '1', '1000m', 0, 1, -1, true, false),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(word, tie('value'), { maxKeys: 6 }),
    ),
  })).value;

  test('property: every pair of objects gets a result, and twice the same one', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(lines(a, b)).toEqual(lines(a, b));
        const verdict = lines(object(a, STARTED), object(b, STARTED));
        expect(lines(object(a, STARTED), object(b, STARTED))).toEqual(verdict);
      }),
      { numRuns: 300 },
    );
  });

  test('property: an unchanged object is allowed', () => {
    const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    fc.assert(
      fc.property(json, fc.array(json, { maxLength: 4 }), json, (spec, list, part) => {
        expect(lines(spec, copy(spec))).toEqual([]);
        expect(lines(object(spec, STARTED), object(copy(spec), STARTED))).toEqual([]);
        const both = { steps: list, finally: list, job: part, template: part };
        expect(update(STARTED, both, copy(both) as Json)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
