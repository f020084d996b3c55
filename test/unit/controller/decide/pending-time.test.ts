import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import { nextPendingDeadlineMs } from '../../../../controller/decide/pending-time.ts';
import type { Context, Snapshot, State } from '../../../../controller/decide/types.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { SequentialJobSpec, SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import { at, container, jobCondition, jobUid, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';
import { eventLook, jobWarning, observedPod, podTermination } from '../../../support/pods.ts';

/** In seconds. */
const LIMIT = 100;

interface Given extends Partial<Omit<Snapshot, 'object' | 'jobs'>> {
  readonly spec?: Partial<SequentialJobSpec>;
  readonly status?: SequentialJobStatus;
  readonly job?: Partial<ObservedJob>;
  readonly state?: State;
}

const ran: StepStatus = { index: 0, name: 'extract', state: 'Succeeded', completionTime: at(10) };
const runs: StepStatus = {
  index: 1,
  name: 'transform',
  jobUID: jobUid(1),
  jobName: 'etl-1-transform',
  state: 'Running',
};

/** In seconds: when the limit of step 1 passes, as seen at second 50. */
function dueSeconds({ spec, status, job, state = 'StepRunning', ...more }: Given): number | undefined {
  const nowMs = NOW_MS + 50_000;
  const steps = state === 'StepPending' ? [ran] : [ran, runs];
  const object = sequentialJob({
    spec: { job: { pendingDeadlineSeconds: LIMIT }, ...spec },
    status: { startTime: at(0), steps, ...status },
  });
  const jobs =
    state === 'StepPending' ? [] : [{ ...observedJob(1, { metadata: { creationTimestamp: at(20) } }), ...job }];
  const snapshot: Snapshot = { object, jobs, findings: {}, pods: [], ...more };
  const draft = { ...recordedDraft(snapshot), state };
  const context: Context = { snapshot, draft, now: toTimestamp(nowMs), nowMs };
  const ms = nextPendingDeadlineMs(context);
  return ms === undefined ? undefined : ms / 1000 + 50;
}

const pod = (created: number, more: Partial<ObservedPod> = {}): ObservedPod => ({
  ...observedPod({ metadata: { name: `pod-${created}`, creationTimestamp: at(created) } }),
  ...more,
});
const pending = (created: number): ObservedPod => pod(created, { neverStarted: true });
const ended = (created: number): ObservedPod =>
  pod(created, { failed: true, termination: podTermination({ at: at(40) }) });
const active = { job: { status: { active: 1, startTime: at(21) } } };
const idle = { job: { status: { startTime: at(21) } } };
const retried = { job: { status: { startTime: at(21), failed: 1 } } };
const unavailable = (seconds: number, reason: string): SequentialJobStatus => ({
  conditions: [{ type: 'ResourcesUnavailable', status: 'True', reason, message: 'x', lastTransitionTime: at(seconds) }],
});
const failedCreate = { eventLookup: eventLook([jobWarning({ lastSeen: at(45) })], { uid: jobUid(1) }) };
const held = (more: Partial<ObservedJob> = {}): Given => ({
  job: { suspended: { byOperator: false }, status: {}, ...more },
});
const suspendedAt = (seconds: number): ObservedJob['status'] => ({
  startTime: at(21),
  conditions: [jobCondition('Suspended', { lastTransitionTime: at(seconds) })],
});

describe('the limit of a step with a Job', () => {
  it.each<readonly [string, Given, number | undefined]>([
    ['counts from the start of a Job without a Pod', idle, 21 + LIMIT],
    ['counts from the creation of a Job that its controller has not started', { job: { status: {} } }, 20 + LIMIT],
    ['counts from the creation of the Pod', { ...active, pods: [pending(25)] }, 25 + LIMIT],
    ['counts from the creation of the newest Pod', { ...retried, pods: [ended(25), pending(44)] }, 44 + LIMIT],
    ['does not count once a container of the newest Pod has started', { ...active, pods: [pod(25)] }, undefined],
    ['does not count between two attempts', { ...retried, pods: [ended(25)] }, undefined],
    ['does not count between two attempts whose Pod is deleted', retried, undefined],
    [
      'counts between two attempts from when the Job controller is known to create no Pod',
      { ...retried, pods: [ended(25)], ...failedCreate, status: unavailable(46, 'FailedCreate') },
      46 + LIMIT,
    ],
    ['counts from now if that is not recorded yet', { ...retried, pods: [ended(25)], ...failedCreate }, 50 + LIMIT],
    [
      'counts from the end of the last Pod if an older obstacle is recorded',
      { ...retried, pods: [ended(25)], ...failedCreate, status: unavailable(30, 'ErrImagePull') },
      40 + LIMIT,
    ],
    ['counts while the Job has a Pod that is not cached, until the Pods are listed', active, 21 + LIMIT],
    [
      'counts from the end of the last Pod while the next one is not cached',
      { job: { status: { active: 1, failed: 1, startTime: at(21) } }, pods: [ended(25)] },
      40 + LIMIT,
    ],
    [
      'does not count while the Job has a Pod that the list of Pods does not show',
      { ...active, findings: { 'etl-1-transform': { type: 'inspected' } } },
      undefined,
    ],
    [
      'does not count while the Job has a Pod that is not cached, and runs elsewhere',
      { job: { ...active.job, managedBy: 'example.com/elsewhere' } },
      undefined,
    ],
    [
      'does not count while the Job has a Pod and Pods cannot be listed, whatever the cache has',
      { ...active, pods: [pending(25)], podsForbidden: true },
      undefined,
    ],
    ['counts where Pods cannot be listed and the Job has none', { ...idle, podsForbidden: true }, 21 + LIMIT],
    [
      "is the step's own where it has one",
      {
        ...idle,
        spec: { steps: [container('extract'), container('transform', { job: { pendingDeadlineSeconds: 60 } })] },
      },
      81,
    ],
    [
      'is that of all steps where a Go client wrote null',
      {
        ...idle,
        spec: {
          job: { pendingDeadlineSeconds: LIMIT },
          steps: [container('extract'), container('transform', { job: { pendingDeadlineSeconds: null as never } })],
        },
      },
      21 + LIMIT,
    ],
    ['is none where the spec has none', { ...idle, spec: { job: {} } }, undefined],
    [
      'does not count for a Job that has ended',
      { job: { status: { failed: 1, conditions: [jobCondition('Failed')] } } },
      undefined,
    ],
    [
      'does not count for a Job that is being ended',
      { job: { deadlineSeconds: 0, status: { startTime: at(21) } } },
      undefined,
    ],
    ['is not followed in a state without a step', { ...idle, state: 'Failed' }, undefined],
  ])('%s', (_says, given, expected) => {
    expect(dueSeconds(given)).toBe(expected);
  });
});

describe('the limit of a suspended step', () => {
  const unsuspended: SequentialJobStatus = {
    conditions: [{ type: 'Suspended', status: 'False', reason: 'x', message: 'x', lastTransitionTime: at(48) }],
  };
  it.each<readonly [string, Given, number | undefined]>([
    [
      'does not count while spec.suspend is true',
      { ...idle, spec: { suspend: true, job: { pendingDeadlineSeconds: LIMIT } } },
      undefined,
    ],
    ['does not count while the operator suspends the Job', held({ suspended: { byOperator: true } }), undefined],
    [
      'counts anew after a suspension, whatever the Job says of its start',
      { ...idle, status: unsuspended },
      48 + LIMIT,
    ],
    ['does not count until the Job controller has continued the Job', { job: { status: suspendedAt(30) } }, undefined],
    ['counts from its creation while another client holds the Job', held(), 20 + LIMIT],
    ['counts from when another client suspended the Job', held({ status: suspendedAt(30) }), 30 + LIMIT],
    [
      'does not count until the Job controller has suspended the Job',
      held({ status: { startTime: at(21) } }),
      undefined,
    ],
    [
      'does not count while a Pod of the suspended Job runs',
      { ...held({ status: suspendedAt(30) }), pods: [pod(25)] },
      undefined,
    ],
    ['counts from the end of that Pod', { ...held({ status: suspendedAt(30) }), pods: [ended(25)] }, 40 + LIMIT],
    [
      'does not count while the suspended Job counts a Pod that is not cached',
      held({ status: { ...suspendedAt(30), terminating: 1 } }),
      undefined,
    ],
    [
      'does not count for a held Job that is being deleted',
      held({ metadata: { ...observedJob(1).metadata, deletionTimestamp: at(40) } }),
      undefined,
    ],
  ])('%s', (_says, given, expected) => {
    expect(dueSeconds(given)).toBe(expected);
  });
});

describe('the limit of a step without a Job', () => {
  const missing = {
    state: 'StepPending',
    findings: { 'etl-1-transform': { type: 'dependencies', missing: [{ kind: 'Secret', name: 'db' }] } },
  } as const;
  const refused = {
    state: 'StepPending',
    findings: { 'etl-1-transform': { type: 'postponed', reason: 'QuotaExceeded', message: 'x' } },
  } as const;
  it.each<readonly [string, Given, number | undefined]>([
    ['counts from now for a missing object that is not recorded yet', missing, 50 + LIMIT],
    [
      'counts from when the obstacle was recorded',
      { ...missing, status: unavailable(12, 'SecretNotFound') },
      12 + LIMIT,
    ],
    [
      'counts from the end of the previous step if that had an obstacle',
      { ...refused, status: unavailable(5, 'ErrImagePull') },
      10 + LIMIT,
    ],
    [
      'counts from a resume',
      { ...refused, status: { ...unavailable(5, 'QuotaExceeded'), activeStartTime: at(30) } },
      30 + LIMIT,
    ],
    ['does not count for a step that nothing holds up', { state: 'StepPending' }, undefined],
    [
      'does not count for a name that is taken',
      {
        state: 'StepPending',
        findings: { 'etl-1-transform': { type: 'nameConflict', owner: 'x', pendingRemoval: 'deleted' } },
      },
      undefined,
    ],
  ])('%s', (_says, given, expected) => {
    expect(dueSeconds(given)).toBe(expected);
  });
});

describe('an external controller', () => {
  const ending = {
    managedBy: 'example.com/elsewhere',
    deadlineSeconds: 0,
    endedBecause: { reason: 'x', message: 'x' },
  };
  it.each<readonly [string, Given, number | undefined]>([
    ['has 30 s to end the Job', { job: { ...ending, status: { active: 1, startTime: at(21) } } }, 21 + LIMIT + 30],
    [
      'is not waited for where it is the Job controller',
      { job: { ...ending, managedBy: undefined as never } },
      undefined,
    ],
  ])('%s', (_says, given, expected) => {
    expect(dueSeconds(given)).toBe(expected);
  });
});
