/** Sequences in the situations that `status` shows, with their Pods. */
import { LABELS } from '../../shared/api/group.ts';
import type { Condition, SequentialJob, StepStatus } from '../../shared/api/types.ts';
import { type StepPod, toStepPod } from '../../cli/status/step-pod.ts';
import { at, container, jobUid, NAMESPACE, type ObjectOptions, sequentialJob, UID } from './objects.ts';

export interface Shown {
  readonly object: SequentialJob;
  /** Undefined: they may not be listed. */
  readonly pods: readonly StepPod[] | undefined;
}

const condition = (type: Condition['type'], status: 'True' | 'False', reason: string, message: string): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: at(-20),
});

const progressing = (message: string, reason = 'JobRunning'): Condition =>
  condition('Progressing', 'True', reason, message);

export const done = (index: number, from: number, to: number, more: Partial<StepStatus> = {}): StepStatus => ({
  index,
  name: ['extract', 'transform', 'load'][index] ?? `step-${index}`,
  jobName: `etl-${index}`,
  jobUID: jobUid(index),
  state: 'Succeeded',
  startTime: at(from),
  completionTime: at(to),
  attempts: 1,
  exitCode: 0,
  ...more,
});

export const running = (index: number, from: number, more: Partial<StepStatus> = {}): StepStatus => {
  const { completionTime: _, exitCode: __, ...rest } = done(index, from, 0);
  return { ...rest, state: 'Running', ...more };
};

export interface PodTimes {
  /** Seconds after NOW, as all here. */
  readonly created: number;
  readonly from?: number;
  readonly to?: number;
  readonly exitCode?: number;
}

/** A Pod of the step; without `from` its container has not started. */
export function podOf(index: number, { created, from, to, exitCode = 0 }: PodTimes, more: object = {}): StepPod {
  const step = ['extract', 'transform', 'load'][index] ?? `step-${index}`;
  const state =
    from === undefined
      ? { waiting: { reason: 'ContainerCreating' } }
      : to === undefined
        ? { running: { startedAt: at(from) } }
        : { terminated: { startedAt: at(from), finishedAt: at(to), exitCode } };
  const pod = toStepPod({
    metadata: {
      name: `etl-${index}-${created}`,
      namespace: NAMESPACE,
      uid: `pod-${index}-${created}`,
      resourceVersion: '1',
      creationTimestamp: at(created),
      labels: { [LABELS.uid]: UID, [LABELS.stepIndex]: String(index), [LABELS.stepName]: step },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: `etl-${index}`, uid: jobUid(index), controller: true },
      ],
    },
    status: {
      phase: to === undefined ? (from === undefined ? 'Pending' : 'Running') : exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [{ name: step, state }],
    },
    ...more,
  });
  if (pod === undefined) throw new Error('the Pod is of no step');
  return pod;
}

const started = { observedGeneration: 1, startTime: at(-300), activeStartTime: at(-300) } as const;
const EXTRACT_PODS = [podOf(0, { created: -300, from: -290, to: -200 })];
const REFUSED = ['connecting to db:5432', 'retrying in 5 s', 'fatal: connection refused', ''].join('\n');

const shown = (options: ObjectOptions, pods: readonly StepPod[] | undefined = []): Shown => ({
  object: sequentialJob(options),
  pods,
});

const last = { finally: [container('notify'), container('clean-up', { when: 'Failed' } as object)] };

const failedStatus = {
  ...started,
  phase: 'Failed' as const,
  completionTime: at(-20),
  progress: { completedIndices: [0], summary: '1/3', failedIndex: 1, failureReason: 'BackoffLimitExceeded' },
  conditions: [
    condition(
      'Failed',
      'True',
      'BackoffLimitExceeded',
      'Step 1 (transform) failed: BackoffLimitExceeded: Job has reached the specified backoff limit; attempt 2 of the container "transform" ended with exit code 3: connecting to db:5432 / retrying in 5 s / fatal: connection refused',
    ),
  ],
  steps: [
    done(0, -300, -198),
    done(1, -197, -21, { state: 'Failed', attempts: 2, exitCode: 3, reason: 'Error', message: REFUSED }),
  ],
};
const TRANSFORM_PODS = [
  podOf(1, { created: -197, from: -180, to: -120, exitCode: 3 }),
  podOf(1, { created: -110, from: -90, to: -25, exitCode: 3 }),
];
const retry = { steps: ['extract', 'transform', 'load'].map((name) => container(name, { job: { backoffLimit: 1 } })) };

/** By what they show. */
export const SHOWN: Readonly<Record<string, Shown>> = {
  'a new object that no controller has seen': shown({ status: { observedGeneration: -1 } }),
  'a running step': shown(
    {
      status: {
        ...started,
        phase: 'Running',
        progress: { completedIndices: [0], summary: '1/3' },
        conditions: [progressing('Running step 1 (transform), 2 of 3')],
        steps: [done(0, -300, -198), running(1, -197)],
      },
    },
    [...EXTRACT_PODS, podOf(1, { created: -197, from: -150 })],
  ),
  'a step whose Pods may not be listed': {
    object: sequentialJob({
      status: {
        ...started,
        phase: 'Running',
        progress: { completedIndices: [], summary: '0/3' },
        conditions: [progressing('Running step 0 (extract), 1 of 3')],
        steps: [running(0, -300)],
      },
    }),
    pods: undefined,
  },
  'a step that waits for a Secret': shown(
    {
      status: {
        ...started,
        phase: 'Running',
        progress: { completedIndices: [0], summary: '1/3' },
        conditions: [
          progressing('Step 1 (transform) cannot start: Secret "database" not found', 'ResourcesUnavailable'),
          condition('ResourcesUnavailable', 'True', 'SecretNotFound', 'Secret "database" not found'),
        ],
        steps: [done(0, -300, -198)],
      },
    },
    EXTRACT_PODS,
  ),
  'a step that is retried': shown(
    {
      spec: retry,
      status: {
        ...started,
        phase: 'Running',
        progress: { completedIndices: [0], summary: '1/3' },
        conditions: [progressing('Running step 1 (transform), 2 of 3, attempt 2')],
        steps: [done(0, -300, -198), running(1, -197, { attempts: 2, exitCode: 3, reason: 'Error', message: REFUSED })],
      },
    },
    [
      ...EXTRACT_PODS,
      podOf(1, { created: -197, from: -180, to: -120, exitCode: 3 }),
      podOf(1, { created: -110, from: -90 }),
    ],
  ),
  'a failed sequence': shown({ spec: retry, status: failedStatus }, [...EXTRACT_PODS, ...TRANSFORM_PODS]),
  'a failed sequence whose Pods are gone': shown({ spec: retry, status: failedStatus }),
  'a failed sequence that is to be resumed': shown({ spec: { ...retry, resume: 1 }, status: failedStatus }),
  'a suspended sequence': shown(
    {
      spec: { suspend: true },
      status: {
        ...started,
        phase: 'Suspended',
        resumes: 2,
        progress: { completedIndices: [0], summary: '1/3' },
        conditions: [
          condition('Suspended', 'True', 'Suspended', 'Suspended at step 1 (transform)'),
          progressing('Suspended at step 1 (transform)', 'Suspended'),
        ],
        steps: [done(0, -300, -198), running(1, -197)],
      },
    },
    EXTRACT_PODS,
  ),
  'a resumed sequence that is being suspended': shown(
    {
      spec: { suspend: true },
      status: {
        ...started,
        activeStartTime: at(-40),
        phase: 'Running',
        resumes: 1,
        progress: { completedIndices: [0], summary: '1/3' },
        conditions: [
          condition('Suspended', 'False', 'Suspending', 'Suspending: waiting for step 1 (transform) to stop'),
          progressing('Suspending: waiting for step 1 (transform) to stop', 'Suspending'),
        ],
        steps: [done(0, -300, -198), running(1, -40)],
      },
    },
    [...EXTRACT_PODS, podOf(1, { created: -40, from: -35 })],
  ),
  'a sequence that finishes': shown(
    {
      spec: { ...retry, ...last },
      status: {
        ...failedStatus,
        phase: 'Finishing',
        completionTime: undefined,
        conditions: [
          progressing('Running step 0 (notify) of finally after the failure of step 1 (transform)', 'Finishing'),
        ],
        finally: [{ ...running(0, -15), name: 'notify', jobUID: 'notify' }],
      } as never,
    },
    [...EXTRACT_PODS, ...TRANSFORM_PODS],
  ),
  'a sequence that is suspended in finally': shown(
    {
      spec: { suspend: true, ...last },
      status: {
        ...started,
        phase: 'Suspended',
        progress: { completedIndices: [0, 1, 2], summary: '3/3' },
        conditions: [condition('Suspended', 'True', 'Suspended', 'Suspended at step 0 (notify) of finally')],
        steps: [done(0, -300, -198), done(1, -197, -100), done(2, -99, -30)],
      },
    } as never,
    EXTRACT_PODS,
  ),
  'a completed sequence': shown(
    {
      spec: {
        ...last,
        steps: [container('extract'), container('transform', { onFailure: 'Continue' }), container('load')],
      },
      status: {
        ...started,
        phase: 'Completed',
        completionTime: at(-20),
        progress: { completedIndices: [0, 1, 2], summary: '3/3' },
        conditions: [condition('Complete', 'True', 'SequenceCompleted', 'All 3 steps completed in 4m40s')],
        steps: [
          done(0, -300, -198),
          done(1, -197, -100, { state: 'Failed', exitCode: 1, reason: 'Error' }),
          done(2, -99, -30),
        ],
        finally: [{ ...done(0, -29, -21), name: 'notify', jobUID: 'notify' }],
      } as never,
    },
    EXTRACT_PODS,
  ),
  'an object that is being deleted': shown({
    metadata: { deletionTimestamp: at(-10) },
    status: {
      ...started,
      phase: 'Running',
      conditions: [progressing('Running step 0 (extract), 1 of 3')],
      steps: [running(0, -300)],
    },
  }),
  'names and texts that are long, wide or hostile': shown(
    {
      spec: { steps: [container('a-step-with-a-name-of-many-characters-that-is-cut'), container('transform')] },
      status: {
        ...started,
        phase: 'Failed',
        completionTime: at(-20),
        progress: { completedIndices: [], summary: '0/2' },
        conditions: [
          condition(
            'Failed',
            'True',
            'Error',
            `Step 0 failed: ${'数据库连接失败'.repeat(8)} \u001B[31mred\u001B[0m \u202Etfel`,
          ),
        ],
        steps: [
          done(0, -300, -21, {
            name: 'a-step-with-a-name-of-many-characters-that-is-cut',
            state: 'Failed',
            exitCode: 137,
            reason: 'AReasonThatIsLongerThanAnyOfKubernetes',
            message: `${'数据库连接失败'.repeat(8)}\n\u001B]0;title\u0007done\u001B[2J`,
          }),
        ],
      },
    },
    undefined,
  ),
};
