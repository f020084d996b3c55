/**
 * What a sequence tells on a real Kubernetes 1.36.3: recorded watch events of 17 sequences (test/fixtures/recorded/v1.36.3/watch), brought
 * to the controller as a whole. The stories are in one file, test/golden/recorded.yaml:
 *
 *     UPDATE_GOLDEN=1 make test-unit && git diff test/golden
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { ConditionType, SequentialJobStatus, StepStatus } from '../../../shared/api/types.ts';
import { recordedSequences, recordingOf } from '../../support/recording.ts';
import { type Replay, replay } from '../../support/replay.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/recorded.yaml', import.meta.url));
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

const stories = (): Readonly<Record<string, unknown>> =>
  parse(readFileSync(GOLDEN, 'utf8')) as Readonly<Record<string, unknown>>;

interface Ending {
  readonly phase: SequentialJobStatus['phase'];
  /** The conditions that are True. */
  readonly conditions: Readonly<Partial<Record<ConditionType, string>>>;
  /** The last step that was started. */
  readonly step: Partial<StepStatus>;
}

interface Row {
  readonly sequence: string;
  readonly says: string;
  readonly ends: Ending;
  /** The reasons of a condition that it had on the way, in their order: the same twice in a row counts once. */
  readonly reasons?: Readonly<Partial<Record<ConditionType, readonly string[]>>>;
  /** What was asked about Jobs; one was made, where nothing is said. */
  readonly jobRequests?: readonly string[];
  /** The conditions of the Job when its step was told to be over; undefined: it was not. */
  readonly job: readonly string[] | undefined;
}

const COMPLETE = ['SuccessCriteriaMet', 'Complete'] as const;
const FAILED = ['FailureTarget', 'Failed'] as const;

const completed = (): Ending => ({
  phase: 'Completed',
  conditions: { Available: 'SequenceCompleted', Complete: 'SequenceCompleted' },
  step: { state: 'Succeeded', exitCode: 0 },
});

const failed = (reason: string, step: Partial<StepStatus>): Ending => ({
  phase: 'Failed',
  conditions: { Failed: reason, Stalled: reason },
  step: { state: 'Failed', ...step },
});

const held = (reason: string): Ending => ({
  phase: 'Running',
  conditions: {
    Progressing: 'ResourcesUnavailable',
    Reconciling: 'ResourcesUnavailable',
    ResourcesUnavailable: reason,
  },
  step: { state: 'Running', attempts: 1 },
});

const ROWS: readonly Row[] = [
  {
    sequence: 'success',
    says: 'completes, one Job for each step',
    ends: completed(),
    jobRequests: ['POST jobs', 'POST jobs'],
    job: COMPLETE,
  },
  {
    sequence: 'failure',
    says: 'fails with the exit code and the last words of the last attempt',
    ends: failed('BackoffLimitExceeded', { attempts: 2, exitCode: 3, message: 'no' }),
    job: FAILED,
  },
  {
    sequence: 'suspended',
    says: 'is suspended, goes on with the same Job, and completes',
    ends: completed(),
    reasons: { Suspended: ['NotSuspended', 'Suspending', 'Suspended', 'NotSuspended'] },
    jobRequests: ['POST jobs', 'PATCH jobs', 'PATCH jobs'],
    job: COMPLETE,
  },
  {
    sequence: 'deadline',
    says: 'ends its Job when the time of the sequence is up',
    ends: failed('DeadlineExceeded', { attempts: 1, reason: 'DeadlineExceeded' }),
    jobRequests: ['POST jobs', 'PATCH jobs'],
    job: FAILED,
  },
  {
    sequence: 'step-deadline',
    says: 'fails when the time of the step is up, without asking for it',
    ends: failed('DeadlineExceeded', { attempts: 1, reason: 'DeadlineExceeded' }),
    job: FAILED,
  },
  {
    sequence: 'fail-job',
    says: 'fails at once by its podFailurePolicy',
    ends: failed('PodFailurePolicy', { attempts: 1, exitCode: 42 }),
    job: FAILED,
  },
  {
    sequence: 'evicted',
    says: 'completes with another Pod',
    ends: completed(),
    job: COMPLETE,
  },
  {
    sequence: 'pod-deleted',
    says: 'completes with another Pod, the second attempt',
    ends: { ...completed(), step: { state: 'Succeeded', exitCode: 0, attempts: 2 } },
    job: COMPLETE,
  },
  {
    sequence: 'sidecar',
    says: 'completes by the exit code of the step, whatever that of the sidecar is',
    ends: completed(),
    job: COMPLETE,
  },
  {
    sequence: 'oom',
    says: 'fails, out of memory',
    ends: failed('BackoffLimitExceeded', { attempts: 1, exitCode: 137, reason: 'OOMKilled' }),
    job: FAILED,
  },
  {
    sequence: 'no-image',
    says: 'waits, and says that the image cannot be pulled',
    ends: held('ImagePullBackOff'),
    reasons: { ResourcesUnavailable: ['ResourcesAvailable', ...pulls(4)] },
    job: undefined,
  },
  {
    sequence: 'no-program',
    says: 'fails, and says which program is not there',
    ends: failed('BackoffLimitExceeded', {
      exitCode: 128,
      reason: 'StartError',
      message: expect.stringContaining('stat /no/such/program: no such file or directory') as never,
    }),
    job: FAILED,
  },
  {
    sequence: 'on-failure',
    says: 'fails with the last words of a container that the kubelet had restarted',
    ends: failed('BackoffLimitExceeded', { attempts: 1, exitCode: 4, message: 'again' }),
    job: FAILED,
  },
  {
    sequence: 'restart-rules',
    says: 'fails with the exit code after which the kubelet did not restart the container',
    ends: failed('BackoffLimitExceeded', { attempts: 1, exitCode: 3 }),
    job: FAILED,
  },
  {
    sequence: 'unschedulable',
    says: 'waits, and says that no node takes the Pod',
    ends: held('Unschedulable'),
    job: undefined,
  },
  {
    sequence: 'job-deleted',
    says: 'fails, and does not run the step again',
    ends: failed('JobDeleted', { attempts: 1, reason: 'JobDeleted' }),
    job: [],
  },
];

/** The kubelet tries again and again. */
function pulls(times: number): readonly string[] {
  return Array.from({ length: times }, () => ['ErrImagePull', 'ImagePullBackOff']).flat();
}

function endingOf({ statuses }: Replay): unknown {
  const { phase, conditions = [], steps = [] } = statuses.at(-1) ?? {};
  const isTrue = conditions.filter(({ status }) => status === 'True').map(({ type, reason }) => [type, reason]);
  return { phase, conditions: Object.fromEntries(isTrue) as unknown, step: steps.at(-1) };
}

function reasonsOf(type: string, { statuses }: Replay): readonly (string | undefined)[] {
  const all = statuses.map(({ conditions }) => conditions?.find((condition) => condition.type === type)?.reason);
  return all.filter((reason, i) => i === 0 || reason !== all[i - 1]);
}

describe('a sequence on a recorded Kubernetes 1.36.3', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  it.each(recordedSequences())('%s tells its story', async (sequence) => {
    const { story, log } = await replay(sequence);
    if (UPDATE) {
      const all = recordedSequences().map((one) => [one, one === sequence ? story : stories()[one]] as const);
      writeFileSync(GOLDEN, stringify(Object.fromEntries(all), { lineWidth: 0 }));
    }
    expect(log.filter(({ err }) => err !== undefined)).toEqual([]);
    expect(story).toStrictEqual(stories()[sequence]);
  });

  it('every story belongs to a recording', () => {
    expect(Object.keys(stories())).toEqual(recordedSequences());
  });

  it.each(recordedSequences())('%s never takes an attempt back', async (sequence) => {
    const { statuses } = await replay(sequence);
    const attempts = statuses.map(({ steps = [] }) => steps.reduce((sum, step) => sum + (step.attempts ?? 0), 0));
    expect(attempts.at(-1)).toBeGreaterThan(0);
    expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
  });

  it('hears of its Jobs and Pods, and of no Event but those about Pods that cannot be created', async () => {
    const recorded = recordingOf('failure').map(({ object }) => object.kind);
    const count = (kind: string): number => recorded.filter((one) => one === kind).length;
    const { heard, statuses } = await replay('failure');
    expect(heard).toEqual({ sequentialjobs: 1 + statuses.length, jobs: count('Job'), pods: count('Pod') });
    expect(count('Event')).toBeGreaterThan(0);
  });

  it.each(ROWS)('$sequence $says', async ({ sequence, ends, reasons = {}, jobRequests = ['POST jobs'], job }) => {
    const told = await replay(sequence);
    expect(endingOf(told)).toEqual({ ...ends, step: expect.objectContaining(ends.step) });
    for (const [type, expected] of Object.entries(reasons)) expect(reasonsOf(type, told)).toEqual(expected);
    expect(told.jobRequests).toEqual(jobRequests);
    expect([...told.ends.values()]).toEqual(job === undefined ? [] : jobRequests.filter(isPost).map(() => job));
  });
});

const isPost = (request: string): boolean => request.startsWith('POST');
