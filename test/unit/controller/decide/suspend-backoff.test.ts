import { describe, expect, it } from '@jest/globals';
import {
  nextSuspension,
  suspendAgainInMs,
  suspensionUndoneEvent,
} from '../../../../controller/decide/suspend-backoff.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import { at, NOW_MS, observedJob } from '../../../support/objects.ts';

const job = (suspensions?: ObservedJob['suspensions']): ObservedJob => ({
  ...observedJob(1),
  ...(suspensions === undefined ? {} : { suspensions }),
});

describe('a Job that another client unsuspends is suspended again', () => {
  const SECOND = Date.parse(at(0));

  it.each<readonly [string, ObservedJob['suspensions'], number, number]>([
    ['the first time, at once', undefined, 0, 0],
    ['the second time, at once', { count: 1, at: at(0) }, 1, 0],
    ['the third time, 30 s after the second', { count: 2, at: at(0) }, 1, 29],
    ['the third time, at once if 30 s have passed', { count: 2, at: at(0) }, 30, 0],
    ['the fourth time, 60 s after the third', { count: 3, at: at(0) }, 1, 59],
    ['later, at most 5 min after the last time', { count: 9, at: at(0) }, 0, 300],
    ['at once, if the time of the last suspension is unknown', { count: 9 }, 0, 0],
    ['at once, if the time of the last suspension is invalid', { count: 9, at: 'soon' }, 0, 0],
    [
      'after the usual delay at most, if the recorded time is in the future because another clock is ahead',
      { count: 2, at: at(50) },
      0,
      30,
    ],
    ['at once, if the recorded time is too far in the future', { count: 2, at: '2999-01-01T00:00:00Z' }, 0, 0],
  ])('%s', (_says, suspensions, seconds, expected) => {
    expect(suspendAgainInMs(job(suspensions), SECOND + seconds * 1000)).toBe(expected * 1000);
  });

  it.each<readonly [string, ObservedJob['suspensions'], number]>([
    ['1 for the first suspension', undefined, 1],
    ['one more for a repeated suspension', { count: 2, at: at(0) }, 3],
    ['one more, if an earlier version recorded no time', { count: 1 }, 2],
    ['1 again, a quarter of an hour after the last suspension', { count: 5, at: '2026-11-01T00:00:00Z' }, 1],
  ])('%s: the count of suspensions', (_says, suspensions, expected) => {
    expect(nextSuspension(job(suspensions), NOW_MS)).toBe(expected);
  });

  it('from the third time on an Event reports it, with the client that unsuspends the Job', () => {
    expect(suspensionUndoneEvent(job(), '1 (transform)')).toBeUndefined();
    expect(suspensionUndoneEvent(job({ count: 1, at: at(0) }), '1 (transform)')).toBeUndefined();
    expect(suspensionUndoneEvent(job({ count: 2, at: at(0), undoneBy: 'queue' }), '1 (transform)')).toEqual({
      type: 'Warning',
      reason: 'SuspensionUndone',
      message:
        'Someone else (field manager "queue") set spec.suspend of Job "etl-1-transform" (step 1 (transform)) to false while the sequence is suspended; the operator suspends it again',
    });
  });
});
