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
    ['the first time at once', undefined, 0, 0],
    ['the second time at once', { count: 1, at: at(0) }, 1, 0],
    ['the third time after 30 s', { count: 2, at: at(0) }, 1, 29],
    ['when these are over', { count: 2, at: at(0) }, 30, 0],
    ['the fourth time after 60 s', { count: 3, at: at(0) }, 1, 59],
    ['after 5 min at most', { count: 9, at: at(0) }, 0, 300],
    ['at once, where nobody knows when it was last', { count: 9 }, 0, 0],
    ['at once, where that cannot be read', { count: 9, at: 'soon' }, 0, 0],
    ['by the clock of a machine that is ahead', { count: 2, at: at(50) }, 0, 30],
    ['now, where the time is one that no clock of ours has shown', { count: 2, at: '2999-01-01T00:00:00Z' }, 0, 0],
  ])('%s', (_says, suspensions, seconds, expected) => {
    expect(suspendAgainInMs(job(suspensions), SECOND + seconds * 1000)).toBe(expected * 1000);
  });

  it.each<readonly [string, ObservedJob['suspensions'], number]>([
    ['the first', undefined, 1],
    ['one more', { count: 2, at: at(0) }, 3],
    ['one more, after a version that did not count', { count: 1 }, 2],
    ['the first again after a quarter of an hour', { count: 5, at: '2026-11-01T00:00:00Z' }, 1],
  ])('%s, by the count', (_says, suspensions, expected) => {
    expect(nextSuspension(job(suspensions), NOW_MS)).toBe(expected);
  });

  it('from the second time on the status reports it, with the client', () => {
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
