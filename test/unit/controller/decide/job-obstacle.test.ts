import { describe, expect, it } from '@jest/globals';
import { obstacleOf } from '../../../../controller/decide/job-obstacle.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import type { ObservedEvent, ObservedPod } from '../../../../shared/api/pod.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at, completed, failed, jobUid, observedJob } from '../../../support/objects.ts';
import {
  eventLook,
  jobWarning,
  observedPod,
  POD_NAME,
  type PodOptions,
  podTermination,
} from '../../../support/pods.ts';

describe('obstacleOf', () => {
  const missing = { reason: 'CreateContainerConfigError', message: 'secret "db" not found' };
  const stuck = observedPod({ obstacle: missing });
  const told = { reason: missing.reason, message: `Pod "${stuck.metadata.name}": secret "db" not found` };
  const idle = observedJob(1, { status: { startTime: at(1) } });
  const active = observedJob(1, { status: { active: 1, startTime: at(1) } });
  const warning = jobWarning();
  const refused = { reason: 'FailedCreate', message: warning.message };
  const pod = (created: number, more: PodOptions = {}): ObservedPod =>
    observedPod({
      metadata: { creationTimestamp: at(created), ...more.metadata },
      ...(more.termination === undefined ? {} : { failed: true, termination: more.termination }),
    });
  const past = { termination: podTermination() };

  type Row = readonly [string, readonly ObservedPod[], readonly ObservedEvent[], ObservedJob | undefined, unknown];
  it.each<Row>([
    ['there is no Job', [stuck], [warning], undefined, undefined],
    ['the Pod has no obstacle', [observedPod()], [], active, undefined],
    ['a Pod cannot start', [stuck], [], active, told],
    ['a Pod cannot start, and an older Event reports that none could be created', [stuck], [warning], active, told],
    ["another Job's Pod cannot start", [{ ...stuck, jobUID: jobUid(2) }], [], active, undefined],
    [
      'of two Pods that cannot start, the newer one is reported',
      [
        observedPod({ metadata: { name: 'a', creationTimestamp: at(9) }, obstacle: { reason: 'x', message: 'y' } }),
        stuck,
      ],
      [],
      active,
      { reason: 'x', message: 'Pod "a": y' },
    ],
    ['the Job controller cannot create a Pod', [], [warning], idle, refused],
    ['the Job controller cannot create a Pod of another Job', [], [], idle, undefined],
    ['an Event with another reason', [], [jobWarning({ reason: 'BackoffLimitExceeded' })], idle, undefined],
    [
      'the newest Event is reported',
      [],
      [jobWarning({ message: 'new', lastSeen: '2026-11-02T10:00:07.500000Z' }), warning],
      idle,
      { ...refused, message: 'new' },
    ],
    ['the Job counts an active Pod that is not cached yet', [], [warning], active, undefined],
    ['a cached Pod runs, which the Job status does not count yet', [pod(5)], [warning], idle, undefined],
    [
      'a Pod runs again after a failure, and the Job status does not count it',
      [pod(5, { termination: podTermination({ restarting: true }) })],
      [warning],
      idle,
      undefined,
    ],
    ['a Pod was created after the Event, and has failed', [pod(6, past)], [warning], idle, undefined],
    ['a Pod failed before the Event, and the next one cannot be created', [pod(4, past)], [warning], idle, refused],
    [
      'a Pod is being deleted, and the next one cannot be created',
      [pod(4, { metadata: { deletionTimestamp: at(4) } })],
      [warning],
      idle,
      refused,
    ],
    [
      'the Job was unsuspended after the Event',
      [],
      [warning],
      observedJob(1, { status: { startTime: at(6) } }),
      undefined,
    ],
    ['the operator has suspended the Job', [stuck], [warning], { ...idle, suspended: { byOperator: true } }, undefined],
    [
      'another client has suspended the Job',
      [],
      [],
      { ...idle, suspended: { byOperator: false, manager: 'queue' } },
      {
        reason: 'JobSuspended',
        message: 'Job "etl-1-transform" was suspended by someone else (field manager "queue")',
      },
    ],
    [
      'the Job is being deleted',
      [stuck],
      [warning],
      observedJob(1, { status: {}, metadata: { deletionTimestamp: at(9) } }),
      undefined,
    ],
    ['the Job has failed', [stuck], [warning], observedJob(1, { status: failed() }), undefined],
    ['the Job has completed', [], [warning], observedJob(1, { status: completed() }), undefined],
  ])('%s', (_says, ...[pods, warnings, job, expected]) => {
    expect(obstacleOf(deepFreeze(pods), deepFreeze(eventLook(warnings)), job)).toEqual(expected);
  });
});

describe('obstacleOf, for a Pod whose Events were listed', () => {
  const POD = `uid-${POD_NAME}`;
  const active = observedJob(1, { status: { active: 1, startTime: at(1) } });
  const preparing = observedPod({ waitingSince: at(2) });
  const noImage = observedPod({ obstacle: { reason: 'ErrImagePull', message: 'not found' } });
  const unbound = observedPod({ obstacle: { reason: 'Unschedulable', message: 'unbound' } });
  const ofClaim = 'PersistentVolumeClaim "work-etl"';
  const provisioning = { reason: 'ProvisioningFailed', message: `${ofClaim}: no class`, lastSeen: at(9) };
  const external = { reason: 'ExternalProvisioning', message: `${ofClaim}: waits`, lastSeen: at(20) };
  const mount = { reason: 'FailedMount', message: 'MountVolume.SetUp failed', lastSeen: at(9) };
  const sandbox = { reason: 'FailedCreatePodSandBox', message: 'no network', lastSeen: at(20) };
  const secret = { reason: 'FailedToRetrieveImagePullSecret', message: 'no pull secret (x)', lastSeen: at(3) };
  const pulling = { reason: 'Pulling', message: 'Pulling image', lastSeen: at(12) };

  it.each<readonly [string, ObservedPod, readonly ObservedEvent[], string, string | undefined]>([
    ['no Events were listed', preparing, [], POD, undefined],
    ['a volume cannot be mounted', preparing, [mount], POD, `Pod "${POD_NAME}": MountVolume.SetUp failed`],
    ['the Events are about another Pod', preparing, [mount], 'another', undefined],
    ['the newest Event is reported', preparing, [sandbox, mount], POD, `Pod "${POD_NAME}": no network`],
    ['the images were pulled after the failure', preparing, [pulling, mount], POD, undefined],
    [
      'the Pod sandbox could not be created after the images were pulled',
      preparing,
      [mount, pulling, sandbox],
      POD,
      `Pod "${POD_NAME}": no network`,
    ],
    ['the pull secret does not exist, but the image has no error', preparing, [secret], POD, undefined],
    [
      'the image cannot be pulled, and the pull secret does not exist',
      noImage,
      [secret],
      POD,
      `Pod "${POD_NAME}": not found; no pull secret (x)`,
    ],
    ['a claim has no volume, and no Events were listed', unbound, [], POD, `Pod "${POD_NAME}": unbound`],
    [
      'a claim has no volume, and its newest Event only waits',
      unbound,
      [external, provisioning],
      POD,
      `Pod "${POD_NAME}": unbound; PersistentVolumeClaim "work-etl": no class`,
    ],
    [
      'a claim waits for an external provisioner',
      unbound,
      [external],
      POD,
      `Pod "${POD_NAME}": unbound; PersistentVolumeClaim "work-etl": waits`,
    ],
    ['the image cannot be pulled, and there are other Events', noImage, [mount], POD, `Pod "${POD_NAME}": not found`],
  ])('%s', (_says, pod, ...[events, uid, expected]) => {
    expect(obstacleOf(deepFreeze([pod]), deepFreeze(eventLook(events, { uid })), active)?.message).toBe(expected);
  });
});
