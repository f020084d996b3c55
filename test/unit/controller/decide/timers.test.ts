import { describe, expect, it } from '@jest/globals';
import {
  shiftDeadlineBySuspension,
  nextDeadlineMs,
  hasExpired,
  isPastDeadline,
} from '../../../../controller/decide/timers.ts';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import { type Context, type Draft, STATES, type State } from '../../../../controller/decide/types.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { SequentialJobSpec, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { at, NOW_MS, sequentialJob } from '../../../support/objects.ts';

interface Given {
  readonly spec?: Partial<SequentialJobSpec>;
  readonly draft?: Partial<Draft>;
  readonly status?: SequentialJobStatus;
}

function context(seconds: number, { spec, draft, status }: Given): Context {
  const nowMs = NOW_MS + seconds * 1000;
  const object = sequentialJob({ spec: spec ?? {}, status });
  const snapshot = { object, jobs: [], findings: {} };
  const whole: Draft = { ...recordedDraft(snapshot), state: 'StepRunning', startTime: at(0), ...draft };
  return { snapshot, draft: whole, now: toTimestamp(nowMs), nowMs };
}

const HUNDRED = { activeDeadlineSeconds: 100 };
const finished = (type: 'Complete' | 'Failed'): SequentialJobStatus => ({
  completionTime: at(0),
  conditions: [{ type, status: 'True', reason: 'x', message: 'x', lastTransitionTime: at(0) }],
});

describe('the deadline', () => {
  it.each<readonly [string, number, Given, boolean]>([
    ['the spec has no deadline', 1e6, {}, false],
    [
      'the deadline was removed by a Go client, which writes null',
      1e6,
      { spec: { activeDeadlineSeconds: null as never } },
      false,
    ],
    ['one millisecond before the deadline', 99.999, { spec: HUNDRED }, false],
    ['exactly at the deadline', 100, { spec: HUNDRED }, true],
    [
      'before the deadline, which counts from the end of a suspension',
      100,
      { spec: HUNDRED, draft: { activeStartTime: at(50) } },
      false,
    ],
    [
      'at the deadline, which counts from the end of a suspension',
      150,
      { spec: HUNDRED, draft: { activeStartTime: at(50) } },
      true,
    ],
    ['the sequence is suspended', 1e6, { spec: HUNDRED, draft: { suspendedSince: at(99) } }, false],
    ['the sequence has not started', 1e6, { spec: HUNDRED, draft: { startTime: undefined } }, false],
  ])('%s', (_says, seconds, given, expected) => {
    expect(isPastDeadline(context(seconds, given))).toBe(expected);
  });
});

describe('the time to live', () => {
  const TEN = { ttlSecondsAfterFinished: 10 };
  it.each<readonly [string, number, Given, boolean]>([
    ['the spec has no TTL', 1e6, { status: finished('Complete') }, false],
    ['one millisecond before the TTL ends', 9.999, { spec: TEN, status: finished('Complete') }, false],
    ['exactly when the TTL ends', 10, { spec: TEN, status: finished('Complete') }, true],
    ['when the TTL of a failed sequence ends', 10, { spec: TEN, status: finished('Failed') }, true],
    ['a TTL of 0 ends at once', 0, { spec: { ttlSecondsAfterFinished: 0 }, status: finished('Complete') }, true],
    ['the status does not record the end yet', 1e6, { spec: TEN, draft: { completionTime: at(0) } }, false],
    ['the sequence was resumed and runs', 1e6, { spec: TEN, status: { completionTime: at(0) } }, false],
    [
      'the status has no completionTime',
      1e6,
      { spec: TEN, status: { conditions: finished('Failed').conditions ?? [] } },
      false,
    ],
  ])('%s', (_says, seconds, given, expected) => {
    expect(hasExpired(context(seconds, given))).toBe(expected);
  });
});

describe('dueInMs', () => {
  const both = { activeDeadlineSeconds: 100, ttlSecondsAfterFinished: 10 };
  const EXPECTED: Readonly<Record<State, number | undefined>> = {
    New: undefined,
    StepPending: 99_500,
    StepRunning: 99_500,
    Ended: undefined,
    FinallyPending: undefined,
    FinallyRunning: undefined,
    Suspended: undefined,
    Completed: 9_500,
    Failed: 9_500,
    Deleting: undefined,
    Gone: undefined,
  };

  it.each(STATES.map((state) => [state, EXPECTED[state]] as const))('in %s: %p', (state, expected) => {
    expect(nextDeadlineMs(context(0.5, { spec: both, draft: { state, completionTime: at(0) } }))).toBe(expected);
  });

  it.each<readonly [string, Given, number | undefined]>([
    [
      'a deadline that has passed: no time, because the Job controller terminates the Job',
      { draft: { state: 'StepRunning' } },
      undefined,
    ],
    ['a TTL that has ended: now', { draft: { state: 'Failed', completionTime: at(0) } }, 0],
    [
      'a deadline in days: in ten minutes, because the clock may be adjusted',
      { spec: { activeDeadlineSeconds: 1e6 }, draft: { state: 'StepRunning' } },
      600_000,
    ],
    [
      'a TTL of days: in ten minutes, too',
      { spec: { ttlSecondsAfterFinished: 1e6 }, draft: { state: 'Completed', completionTime: at(0) } },
      600_000,
    ],
  ])('%s', (_says, given, expected) => {
    expect(nextDeadlineMs(context(500, { spec: both, ...given }))).toBe(expected);
  });
});

describe('afterSuspension', () => {
  const started: SequentialJobStatus = { startTime: at(0) };

  it.each<readonly [string, Partial<Draft>, SequentialJobStatus, string | undefined]>([
    ['forward by the duration of the suspension', { suspendedSince: at(30) }, started, at(70)],
    [
      'forward by the duration of the second suspension, from where the first one moved it',
      { suspendedSince: at(30), activeStartTime: at(20) },
      started,
      at(90),
    ],
    ['not at all, if the suspension took no time', { suspendedSince: at(100) }, started, undefined],
    ['not backward, if the clock was set back', { suspendedSince: at(130), activeStartTime: at(20) }, started, at(20)],
    ['not at all, if the sequence has not started', { suspendedSince: at(30) }, {}, undefined],
    ['not at all, if there was no suspension', { activeStartTime: at(20) }, started, at(20)],
  ])('moves the start of the deadline %s', (_says, draft, status, expected) => {
    const after = shiftDeadlineBySuspension(context(100, { draft, status }));
    expect(after.activeStartTime).toBe(expected);
    expect(after.suspendedSince).toBeUndefined();
  });
});
