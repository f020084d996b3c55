import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import {
  type EventLookupRequest,
  nextEventLookup,
  uncachedPodRecheckMs,
} from '../../../../controller/decide/event-lookups.ts';
import type { EventLookupResult, Snapshot } from '../../../../controller/decide/types.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at, completed, container, NOW, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';
import { eventLook, JOB_UID, observedPod, POD_NAME, podTermination } from '../../../support/pods.ts';

const idle = observedJob(1, { metadata: { creationTimestamp: at(0) }, status: { startTime: at(1) } });
const active = observedJob(1, { status: { active: 1, startTime: at(1) } });
const pulling = { reason: 'ErrImagePull', message: 'not found' };
const waiting = observedPod({ waitingSince: at(2) });

/** The words of schedulers of 1.20 and of 1.36, and of a claim that waits for its Pod (WaitForFirstConsumer). */
const UNBOUND = [
  '0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.',
  '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found. preemption: 0/1 nodes are available',
  "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind.",
  'running PreBind plugin "VolumeBinding": binding volumes: timed out waiting for the condition',
] as const;
const unscheduled = (message: string): ObservedPod =>
  observedPod({ metadata: { creationTimestamp: at(0) }, obstacle: { reason: 'Unschedulable', message } });
const claiming: Partial<SequentialJob['spec']> = {
  steps: [container('extract', { volumeMounts: [{ name: 'work', mountPath: '/work' }] })],
  volumeClaimTemplates: [{ metadata: { name: 'work' }, spec: {} }],
};

interface World {
  readonly job?: ObservedJob;
  readonly pods?: readonly ObservedPod[];
  readonly look?: EventLookupResult;
  readonly spec?: Partial<SequentialJob['spec']>;
  readonly suspended?: 'True' | 'False';
}

function question({ job, pods = [], look, spec, suspended }: World): EventLookupRequest | undefined {
  const condition = { type: 'Suspended', status: suspended ?? 'False', reason: 'x', message: '' } as const;
  const status: SequentialJobStatus =
    suspended === undefined ? {} : { conditions: [{ ...condition, lastTransitionTime: at(20) }] };
  const object = sequentialJob({ ...(spec === undefined ? {} : { spec }), status });
  const snapshot: Snapshot = {
    object,
    jobs: [],
    findings: {},
    pods,
    ...(look === undefined ? {} : { eventLookup: look }),
  };
  return nextEventLookup(
    deepFreeze({ snapshot, draft: recordedDraft(snapshot), now: NOW, nowMs: NOW_MS + 60_000 }),
    job,
  );
}

/** Of whom it is asked, and how many seconds after ten o'clock. */
const brief = (world: World): unknown => {
  const asked = question(world);
  return asked === undefined ? undefined : [asked.subject.kind, (asked.dueMs - Date.parse(at(0))) / 1000];
};

describe('Events are listed', () => {
  const failedOnce = { ...idle, status: { ...idle.status, failed: 1 } };
  const past = observedPod({ failed: true, termination: podTermination({ at: at(10) }) });
  const secrets = { template: { spec: { containers: [], imagePullSecrets: [{ name: 'x' }] } } };

  it.each<readonly [string, World, unknown]>([
    ['never, if there is no Job', {}, undefined],
    ['for a Job without a Pod, 2 s after its startTime', { job: idle }, ['Job', 3]],
    ['for a Job without a startTime, 2 s after its creation', { job: { ...idle, status: {} } }, ['Job', 2]],
    ['never, for a Job with an active Pod', { job: active }, undefined],
    [
      'never, for a Job with a running Pod that its status does not count yet',
      { job: idle, pods: [observedPod()] },
      undefined,
    ],
    [
      'after a failed Pod, 2 s after the backoff of 10 s for the next Pod',
      { job: failedOnce, pods: [past] },
      ['Job', 22],
    ],
    [
      'after the third failed Pod, 2 s after the backoff of 40 s',
      { job: { ...idle, status: { ...idle.status, failed: 3 } }, pods: [past] },
      ['Job', 52],
    ],
    ['for a Pod that has not started a container, after 15 s', { job: active, pods: [waiting] }, ['Pod', 17]],
    [
      'never, for a Pod whose status has the reason',
      { job: active, pods: [observedPod({ obstacle: pulling })] },
      undefined,
    ],
    [
      'at once, for a Pod whose image cannot be pulled, if the spec has pull secrets',
      { job: active, pods: [observedPod({ obstacle: pulling })], spec: secrets },
      ['Pod', (0 - Date.parse(at(0))) / 1000],
    ],
    [
      'only once, for a Pod whose image cannot be pulled',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}`, isImagePull: true }),
      },
      undefined,
    ],
    [
      'at once again, if they were listed before the image pull failed',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}` }),
      },
      ['Pod', (0 - Date.parse(at(0))) / 1000],
    ],
    [
      'with a delay again, for a Pod whose image cannot be pulled, if the list request failed',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}`, isImagePull: true, retryMs: Date.parse(at(35)) }),
      },
      ['Pod', 35],
    ],
    [
      'with a delay again, for a Job without a Pod, if the list request failed',
      { job: idle, look: eventLook([], { retryMs: Date.parse(at(45)) }) },
      ['Job', 45],
    ],
    [
      'never, for another obstacle than the image, even with pull secrets',
      { job: active, pods: [observedPod({ obstacle: { ...pulling, reason: 'Unschedulable' } })], spec: secrets },
      undefined,
    ],
    ...UNBOUND.map((message): readonly [string, World, unknown] => [
      `5 s after the creation of a Pod that is not scheduled: ${message}`,
      { job: active, pods: [unscheduled(message)], spec: claiming },
      ['Pod', 5],
    ]),
    ['never, for such a Pod that has no claim', { job: active, pods: [unscheduled(UNBOUND[0])] }, undefined],
    [
      'never, for a Pod with a claim that is not scheduled for another reason',
      { job: active, pods: [unscheduled('0/3 nodes are available: 3 Insufficient cpu.')], spec: claiming },
      undefined,
    ],
    [
      'about the claims at once, if those about the Pod were listed before',
      { job: active, pods: [unscheduled(UNBOUND[0])], spec: claiming, look: eventLook([], { uid: `uid-${POD_NAME}` }) },
      ['Pod', 5],
    ],
    [
      'about the claims again after 5 s, and later after longer',
      {
        job: active,
        pods: [unscheduled(UNBOUND[0])],
        spec: claiming,
        look: eventLook([], { uid: `uid-${POD_NAME}`, claims: ['work-etl'], requestedMs: Date.parse(at(65)) }),
      },
      ['Pod', 80],
    ],
    ['never, for a suspended Job', { job: { ...idle, suspended: { byOperator: true } } }, undefined],
    ['never, for a Job that is being terminated', { job: { ...idle, deadlineSeconds: 0 } }, undefined],
    ['never, for a Job whose Pod has succeeded', { job: { ...idle, status: { succeeded: 1 } } }, undefined],
    ['never, for a finished Job', { job: observedJob(1, { status: completed() }) }, undefined],
    [
      'never, for a Job that is being deleted',
      { job: observedJob(1, { metadata: { deletionTimestamp: at(1) } }) },
      undefined,
    ],
    ['2 s after the end of a suspension', { job: idle, suspended: 'False' }, ['Job', 22]],
    ['2 s from now, after a suspension whose end is not recorded yet', { job: idle, suspended: 'True' }, ['Job', 62]],
    [
      'again 2 s after the first response',
      { job: idle, look: eventLook([], { requestedMs: Date.parse(at(6)) }) },
      ['Job', 8],
    ],
    [
      'again with a growing delay',
      { job: idle, look: eventLook([], { requestedMs: Date.parse(at(43)) }) },
      ['Job', 53],
    ],
    [
      'again every 30 s in the long run',
      { job: idle, look: eventLook([], { requestedMs: Date.parse(at(0)) + 3_600_000 }) },
      ['Job', 3630],
    ],
    [
      'for a Pod, again after 5 s at the earliest',
      {
        job: active,
        pods: [waiting],
        look: eventLook([], { uid: `uid-${POD_NAME}`, requestedMs: Date.parse(at(17)) }),
      },
      ['Pod', 22],
    ],
    [
      'for another Pod, with the initial delay',
      { job: active, pods: [waiting], look: eventLook([], { uid: JOB_UID, requestedMs: Date.parse(at(59)) }) },
      ['Pod', 17],
    ],
  ])('%s', (_says, world, expected) => {
    expect(brief(world)).toEqual(expected);
  });
});

describe('a Job with an active Pod that is not cached is checked again', () => {
  const ended = observedPod({ failed: true, termination: podTermination({ at: at(10) }) });
  const retried = { ...active, status: { ...active.status, failed: 1 } };

  it.each<readonly [string, ObservedJob, Partial<Snapshot>, boolean]>([
    ['in 5 s', active, { pods: [] }, true],
    ['after a failed Pod, too', retried, { pods: [ended] }, true],
    ['not if the Pod is cached', active, { pods: [observedPod()] }, false],
    ['not if the cached Pod has failed and the Job does not count the failure yet', active, { pods: [ended] }, false],
    ['not if the Job counts no Pod', idle, { pods: [] }, false],
    ['not if listing Pods is forbidden', active, { pods: [], podsForbidden: true }, false],
    ['not if the Job is suspended', { ...active, suspended: { byOperator: true } }, { pods: [] }, false],
  ])('%s', (_says, job, seen, isLookedAt) => {
    const snapshot: Snapshot = { object: sequentialJob(), jobs: [job], findings: {}, ...seen };
    const context = { snapshot, draft: recordedDraft(snapshot), now: NOW, nowMs: NOW_MS };
    expect(uncachedPodRecheckMs(context, job)).toBe(isLookedAt ? NOW_MS + 5_000 : undefined);
  });
});
