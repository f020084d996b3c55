import { describe, expect, it } from '@jest/globals';
import {
  explainFailure,
  hasUnseenFailedPods,
  latestFailure,
  successOf,
} from '../../../../controller/decide/pod-diagnosis.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import type { ObservedPod, PodTermination } from '../../../../shared/api/pod.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at, jobUid, observedJob } from '../../../support/objects.ts';
import { JOB_UID, observedPod, type PodOptions, podTermination } from '../../../support/pods.ts';

/** A Pod that failed; `word` tells it from others. */
function failure(word: string, created: number, ended?: number, more: PodOptions = {}): ObservedPod {
  const { at: _, ...termination } = podTermination({ message: word });
  return observedPod({
    metadata: { name: `pod-${word}`, creationTimestamp: at(created) },
    failed: true,
    termination: { ...termination, ...(ended === undefined ? {} : { at: at(ended) }) },
    ...more,
  });
}

const success = observedPod({ termination: podTermination({ exitCode: 0, reason: 'Completed', message: '42 rows' }) });

describe('latestFailure', () => {
  it.each<readonly [string, readonly ObservedPod[], string | undefined]>([
    ['no Pods', [], undefined],
    ['a running Pod', [observedPod()], undefined],
    ['a succeeded Pod', [success], undefined],
    ['one failed Pod', [failure('a', 0, 20), success], 'a'],
    ['the Pod that ended last, in any order of the list', [failure('b', 5, 40), failure('a', 10, 20)], 'b'],
    [
      'of two Pods that ended in the same second, the one created later',
      [failure('b', 20, 20), failure('a', 0, 20)],
      'b',
    ],
    [
      'of two Pods created and ended in the same second, the last by name',
      [failure('b', 0, 20), failure('a', 0, 20)],
      'b',
    ],
    ['a Pod without an end time counts from its creation', [failure('b', 30), failure('a', 0, 20)], 'b'],
    [
      'a Pod with an invalid end time counts as the oldest',
      [failure('b', 0, 20), failure('a', 0, 5, { termination: podTermination({ at: 'soon' }) })],
      'b',
    ],
    ['Pods of other Jobs are ignored', [failure('a', 0, 20), failure('b', 0, 40, { jobUID: jobUid(2) })], 'a'],
  ])('%s', (_says, pods, expected) => {
    expect(latestFailure(deepFreeze(pods), JOB_UID)?.message).toBe(expected);
  });
});

describe('successOf', () => {
  it.each<readonly [string, readonly ObservedPod[], string | undefined]>([
    ['no Pods', [], undefined],
    ['no Pod has ended', [observedPod()], undefined],
    ['all Pods have failed', [failure('a', 0, 20)], undefined],
    ['the last Pod has succeeded', [failure('a', 0, 20), success], '42 rows'],
    ['a Pod of another Job has succeeded', [{ ...success, jobUID: jobUid(2) }], undefined],
  ])('%s', (_says, pods, expected) => {
    expect(successOf(deepFreeze(pods), JOB_UID)?.message).toBe(expected);
  });
});

describe('isUnexplained', () => {
  const job = (failed?: number): ObservedJob => observedJob(1, { status: failed === undefined ? {} : { failed } });

  it.each<readonly [string, boolean, readonly ObservedPod[], ObservedJob | undefined]>([
    ['there is no Job', false, [], undefined],
    ['the Job counts no failed Pod, and none is cached', true, [], job()],
    ['the Job counts no failed Pod, and one is cached', false, [failure('a', 0, 20)], job()],
    ['the Job counts a failed Pod that is not cached', true, [], job(1)],
    ['the Job counts a failed Pod that is cached as running', true, [observedPod()], job(1)],
    ['the Job counts one failed Pod, and it is cached', false, [failure('a', 0, 20)], job(1)],
    ['the Job counts two failed Pods, and one is cached', true, [failure('a', 0, 20)], job(2)],
    ['the cached failed Pod belongs to another Job', true, [failure('a', 0, 20, { jobUID: jobUid(2) })], job(1)],
  ])('%s: %s', (_says, expected, pods, job) => {
    expect(hasUnseenFailedPods(deepFreeze(pods), job)).toBe(expected);
  });
});

const LIMIT = { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
const POLICY = {
  reason: 'PodFailurePolicy',
  message:
    'Container transform for pod team-a/etl-1-transform-x7k2p failed with exit code 137 matching FailJob rule at index 0',
};
const oom = podTermination({ exitCode: 137, reason: 'OOMKilled', message: 'loading 3 GiB' });
const { container: _, exitCode: __, ...evicted } = podTermination({ reason: 'Evicted', message: 'low on memory' });
const { exitCode: ___, ...codeless } = podTermination({ reason: 'StartError' });

describe('explainFailure', () => {
  type Row = readonly [
    string,
    { reason: string; message: string },
    number | undefined,
    PodTermination | undefined,
    string,
  ];
  it.each<Row>([
    [
      'all details are known',
      LIMIT,
      4,
      oom,
      `${LIMIT.message}; attempt 4 of the container "transform" ended with exit code 137 (OOMKilled): loading 3 GiB`,
    ],
    [
      'the reason Error is omitted, because every non-zero exit code has it',
      LIMIT,
      1,
      podTermination(),
      `${LIMIT.message}; attempt 1 of the container "transform" ended with exit code 1`,
    ],
    [
      'the number of attempts is unknown',
      LIMIT,
      undefined,
      podTermination(),
      `${LIMIT.message}; the container "transform" ended with exit code 1`,
    ],
    [
      'the number of attempts is 0',
      LIMIT,
      0,
      podTermination(),
      `${LIMIT.message}; the container "transform" ended with exit code 1`,
    ],
    ['the Pod failed as a whole', LIMIT, 2, evicted, `${LIMIT.message}; attempt 2 ended (Evicted): low on memory`],
    [
      'the Pod failed as a whole, and the number of attempts is unknown',
      LIMIT,
      undefined,
      evicted,
      `${LIMIT.message}; the Pod ended (Evicted): low on memory`,
    ],
    [
      'the container has no exit code',
      LIMIT,
      1,
      codeless,
      `${LIMIT.message}; attempt 1 of the container "transform" ended (StartError)`,
    ],
    ['the failed Pod is unknown', LIMIT, 4, undefined, LIMIT.message],
    [
      'the Job has no message',
      { reason: 'X', message: '' },
      4,
      oom,
      'attempt 4 of the container "transform" ended with exit code 137 (OOMKilled): loading 3 GiB',
    ],
    [
      'neither the Job nor a Pod has a message',
      { reason: 'X', message: '' },
      undefined,
      undefined,
      'the Job gives no message for "X"',
    ],
    [
      'the message of the Job ends with a period',
      { ...LIMIT, message: 'Too slow.\n' },
      1,
      evicted,
      'Too slow; attempt 1 ended (Evicted): low on memory',
    ],
    [
      'the message of the Job has the exit code of the container',
      POLICY,
      1,
      oom,
      `${POLICY.message} (OOMKilled): loading 3 GiB`,
    ],
    [
      'the message of the Job has another exit code',
      POLICY,
      1,
      podTermination({ exitCode: 13 }),
      `${POLICY.message}; attempt 1 of the container "transform" ended with exit code 13`,
    ],
    [
      'the Pod has the same message as the Job',
      { reason: 'X', message: 'low on memory' },
      1,
      evicted,
      'low on memory; attempt 1 ended (Evicted)',
    ],
    [
      'several lines are joined',
      LIMIT,
      undefined,
      podTermination({ message: 'Traceback:\r\n  File "x"\n\n\tValueError: y' }),
      `${LIMIT.message}; the container "transform" ended with exit code 1: Traceback: / File "x" / ValueError: y`,
    ],
  ])('%s', (_says, ...[base, attempts, termination, expected]) => {
    expect(explainFailure(base, attempts, termination)).toBe(expected);
  });

  it('fits into an Event, and keeps the last line', () => {
    const message = `${'line\n'.repeat(180)}ValueError: no such table`;
    const sentence = explainFailure(LIMIT, 4, podTermination({ container: 'x'.repeat(63), message }));
    expect(Buffer.byteLength(sentence)).toBeLessThan(900);
    expect(sentence).toMatch(/: line \/ line .*….*line \/ ValueError: no such table$/);
  });
});
