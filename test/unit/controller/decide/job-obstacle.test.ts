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
    ['all is well', [observedPod()], [], active, undefined],
    ['a Pod cannot start', [stuck], [], active, told],
    ['a Pod cannot start, and none could be created before', [stuck], [warning], active, told],
    ["another Job's Pod cannot start", [{ ...stuck, jobUID: jobUid(2) }], [], active, undefined],
    [
      'of two that cannot start the newer one counts',
      [
        observedPod({ metadata: { name: 'a', creationTimestamp: at(9) }, obstacle: { reason: 'x', message: 'y' } }),
        stuck,
      ],
      [],
      active,
      { reason: 'x', message: 'Pod "a": y' },
    ],
    ['no Pod can be created', [], [warning], idle, refused],
    ["another Job's Pod cannot be created", [], [], idle, undefined],
    ['a warning of another kind', [], [jobWarning({ reason: 'BackoffLimitExceeded' })], idle, undefined],
    [
      'the newest warning counts',
      [],
      [jobWarning({ message: 'new', lastSeen: '2026-11-02T10:00:07.500000Z' }), warning],
      idle,
      { ...refused, message: 'new' },
    ],
    ['the Job has a Pod by now, which the cache has not', [], [warning], active, undefined],
    ['a Pod runs, which the Job has not counted yet', [pod(5)], [warning], idle, undefined],
    [
      'a Pod runs again after a failure, and the Job has not counted it',
      [pod(5, { termination: podTermination({ restarting: true }) })],
      [warning],
      idle,
      undefined,
    ],
    ['a Pod was created since, and failed', [pod(6, past)], [warning], idle, undefined],
    ['a Pod failed before, and the next cannot be created', [pod(4, past)], [warning], idle, refused],
    [
      'a Pod is going, and the next cannot be created',
      [pod(4, { metadata: { deletionTimestamp: at(4) } })],
      [warning],
      idle,
      refused,
    ],
    [
      'the Job went on after a suspension since',
      [],
      [warning],
      observedJob(1, { status: { startTime: at(6) } }),
      undefined,
    ],
    ['the Job is suspended', [stuck], [warning], { ...idle, suspended: { byOperator: true } }, undefined],
    [
      'somebody else has suspended the Job',
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
  const mount = { reason: 'FailedMount', message: 'MountVolume.SetUp failed', lastSeen: at(9) };
  const sandbox = { reason: 'FailedCreatePodSandBox', message: 'no network', lastSeen: at(20) };
  const secret = { reason: 'FailedToRetrieveImagePullSecret', message: 'no pull secret (x)', lastSeen: at(3) };
  const pulling = { reason: 'Pulling', message: 'Pulling image', lastSeen: at(12) };

  it.each<readonly [string, ObservedPod, readonly ObservedEvent[], string, string | undefined]>([
    ['nobody has asked', preparing, [], POD, undefined],
    ['a volume cannot be mounted', preparing, [mount], POD, `Pod "${POD_NAME}": MountVolume.SetUp failed`],
    ['the Events are about another Pod', preparing, [mount], 'another', undefined],
    ['the newest counts', preparing, [sandbox, mount], POD, `Pod "${POD_NAME}": no network`],
    ['the images are pulled by now', preparing, [pulling, mount], POD, undefined],
    ['and then the network went', preparing, [mount, pulling, sandbox], POD, `Pod "${POD_NAME}": no network`],
    ['no pull secret, and no trouble with the image', preparing, [secret], POD, undefined],
    ['no image, and no pull secret', noImage, [secret], POD, `Pod "${POD_NAME}": not found; no pull secret (x)`],
    ['no image, and other Events', noImage, [mount], POD, `Pod "${POD_NAME}": not found`],
  ])('%s', (_says, pod, ...[events, uid, expected]) => {
    expect(obstacleOf(deepFreeze([pod]), deepFreeze(eventLook(events, { uid })), active)?.message).toBe(expected);
  });
});
