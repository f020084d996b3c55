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
import { at, completed, NOW, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';
import { eventLook, JOB_UID, observedPod, POD_NAME, podTermination } from '../../../support/pods.ts';

const idle = observedJob(1, { metadata: { creationTimestamp: at(0) }, status: { startTime: at(1) } });
const active = observedJob(1, { status: { active: 1, startTime: at(1) } });
const pulling = { reason: 'ErrImagePull', message: 'not found' };
const waiting = observedPod({ waitingSince: at(2) });

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
    ['where there is no Job: never', {}, undefined],
    ['about a Job without a Pod, 2 s after its start', { job: idle }, ['Job', 3]],
    ['about a Job that no controller has seen, from its creation', { job: { ...idle, status: {} } }, ['Job', 2]],
    ['not about one that has a Pod', { job: active }, undefined],
    ['not about one whose Pod runs, which it has not counted', { job: idle, pods: [observedPod()] }, undefined],
    ['after a failure when the next Pod is due, 10 s later', { job: failedOnce, pods: [past] }, ['Job', 22]],
    [
      'after the third failure 40 s later',
      { job: { ...idle, status: { ...idle.status, failed: 3 } }, pods: [past] },
      ['Job', 52],
    ],
    ['about a Pod that prepares to start, after 15 s', { job: active, pods: [waiting] }, ['Pod', 17]],
    [
      'not about a Pod whose status says why it waits',
      { job: active, pods: [observedPod({ obstacle: pulling })] },
      undefined,
    ],
    [
      'but at once where it is an image, and there are pull secrets',
      { job: active, pods: [observedPod({ obstacle: pulling })], spec: secrets },
      ['Pod', (0 - Date.parse(at(0))) / 1000],
    ],
    [
      'and of these once',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}`, isImagePull: true }),
      },
      undefined,
    ],
    [
      'also where they were asked for before, about what came before the image',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}` }),
      },
      ['Pod', (0 - Date.parse(at(0))) / 1000],
    ],
    [
      'and of these again at its turn, where there was no answer',
      {
        job: active,
        pods: [observedPod({ obstacle: pulling })],
        spec: secrets,
        look: eventLook([], { uid: `uid-${POD_NAME}`, isImagePull: true, retryMs: Date.parse(at(35)) }),
      },
      ['Pod', 35],
    ],
    [
      'about a Job without a Pod again at its turn, where there was no answer',
      { job: idle, look: eventLook([], { retryMs: Date.parse(at(45)) }) },
      ['Job', 45],
    ],
    [
      'not where it is another obstacle, whatever pull secrets there are',
      { job: active, pods: [observedPod({ obstacle: { ...pulling, reason: 'Unschedulable' } })], spec: secrets },
      undefined,
    ],
    ['not about a Job that is suspended', { job: { ...idle, suspended: { byOperator: true } } }, undefined],
    ['not about one that is being ended', { job: { ...idle, deadlineSeconds: 0 } }, undefined],
    ['not about one that has what it wants', { job: { ...idle, status: { succeeded: 1 } } }, undefined],
    ['not about one that is over', { job: observedJob(1, { status: completed() }) }, undefined],
    ['not about one that goes', { job: observedJob(1, { metadata: { deletionTimestamp: at(1) } }) }, undefined],
    ['after a suspension 2 s after that', { job: idle, suspended: 'False' }, ['Job', 22]],
    ['after one that is not recorded as over, from now on', { job: idle, suspended: 'True' }, ['Job', 62]],
    [
      'again 2 s after the first answer',
      { job: idle, look: eventLook([], { requestedMs: Date.parse(at(6)) }) },
      ['Job', 8],
    ],
    ['later more rarely', { job: idle, look: eventLook([], { requestedMs: Date.parse(at(43)) }) }, ['Job', 53]],
    [
      'every 30 s in the end',
      { job: idle, look: eventLook([], { requestedMs: Date.parse(at(0)) + 3_600_000 }) },
      ['Job', 3630],
    ],
    [
      'about a Pod not before 5 s',
      {
        job: active,
        pods: [waiting],
        look: eventLook([], { uid: `uid-${POD_NAME}`, requestedMs: Date.parse(at(17)) }),
      },
      ['Pod', 22],
    ],
    [
      'about another Pod anew',
      { job: active, pods: [waiting], look: eventLook([], { uid: JOB_UID, requestedMs: Date.parse(at(59)) }) },
      ['Pod', 17],
    ],
  ])('%s', (_says, world, expected) => {
    expect(brief(world)).toEqual(expected);
  });
});

describe('a Job that counts a Pod which the cache does not have is checked again', () => {
  const ended = observedPod({ failed: true, termination: podTermination({ at: at(10) }) });
  const retried = { ...active, status: { ...active.status, failed: 1 } };

  it.each<readonly [string, ObservedJob, Partial<Snapshot>, boolean]>([
    ['in 5 s', active, { pods: [] }, true],
    ['also after a failure', retried, { pods: [ended] }, true],
    ['not where the Pod is in sight', active, { pods: [observedPod()] }, false],
    ['not where that has ended, and the Job has not counted it', active, { pods: [ended] }, false],
    ['not where no Pod is counted', idle, { pods: [] }, false],
    ['not where Pods may not be listed', active, { pods: [], podsForbidden: true }, false],
    ['not where the Job is to stop', { ...active, suspended: { byOperator: true } }, { pods: [] }, false],
  ])('%s', (_says, job, seen, isLookedAt) => {
    const snapshot: Snapshot = { object: sequentialJob(), jobs: [job], findings: {}, ...seen };
    const context = { snapshot, draft: recordedDraft(snapshot), now: NOW, nowMs: NOW_MS };
    expect(uncachedPodRecheckMs(context, job)).toBe(isLookedAt ? NOW_MS + 5_000 : undefined);
  });
});
