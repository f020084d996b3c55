import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../../../../controller/schedules/decide/index.ts';
import { actions, active, decideAt, DUE, observed, run, type Situation } from './subject.ts';

const finished = (state: Run['state'], count: number, more: Partial<Run> = {}): readonly Run[] =>
  Array.from({ length: count }, (_, i) =>
    run(`${state}-${i}`, { state, scheduledTime: `2026-11-02T0${i % 10}:00:00Z`, ...more }),
  );
const deleted = (...names: readonly string[]): readonly string[] => [`DeleteRuns ${names.join(' ')}: HistoryLimit`];

describe('the history', () => {
  it.each<readonly [string, Situation, readonly string[]]>([
    [
      'keeps three completed runs and one that failed',
      { runs: [...finished('Completed', 3), ...finished('Failed', 1)] },
      [],
    ],
    [
      'loses the oldest of each kind',
      { runs: [...finished('Completed', 5), ...finished('Failed', 2)].toReversed() },
      deleted('Completed-0', 'Completed-1', 'Failed-0'),
    ],
    [
      'is as long as its limits say',
      {
        spec: { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 2 },
        runs: [...finished('Completed', 2), ...finished('Failed', 2)],
      },
      deleted('Completed-0'),
    ],
    [
      'is empty with a limit of 0',
      { spec: { successfulJobsHistoryLimit: 0 }, runs: finished('Completed', 1) },
      deleted('Completed-0'),
    ],
    [
      'does not count runs that are being deleted',
      { runs: [...finished('Completed', 3), ...finished('Failed', 4, { isBeingDeleted: true })] },
      [],
    ],
    [
      'does not count active runs',
      {
        spec: { successfulJobsHistoryLimit: 0 },
        status: { active: [active('Active-0')], observedSchedule: observed(DUE) },
        runs: finished('Active', 1),
      },
      [],
    ],
    [
      'goes by the creation without a scheduled time',
      {
        spec: { failedJobsHistoryLimit: 1 },
        runs: [run('b', { state: 'Failed' }), run('a', { state: 'Failed', creationTimestamp: '2026-11-02T09:50:02Z' })],
      },
      deleted('b'),
    ],
    [
      'waits until the end of a run is recorded',
      {
        spec: { successfulJobsHistoryLimit: 0 },
        status: { active: [active('Completed-0')], observedSchedule: observed(DUE) },
        runs: finished('Completed', 1),
      },
      ['RecordStatus'],
    ],
    [
      'waits until the UID of a new run is recorded',
      {
        status: {
          active: [{ name: 'Active-0', scheduledTime: '2026-11-02T00:00:00Z' }],
          lastScheduleTime: DUE,
          observedSchedule: observed(DUE),
        },
        runs: [...finished('Active', 1), ...finished('Completed', 4)],
      },
      ['RecordStatus'],
    ],
  ])('%s', (_says, situation, expected) => {
    expect(actions(decideAt({ status: { observedSchedule: observed(DUE) }, ...situation }))).toEqual(expected);
  });

  it.each<readonly [string, Situation]>([
    ['suspended', { spec: { suspend: true, successfulJobsHistoryLimit: 0 } }],
    ['invalid', { spec: { schedule: 'x', successfulJobsHistoryLimit: 0 } }],
  ])('is trimmed while the schedule is %s, once that is recorded', (_says, situation) => {
    const runs = finished('Completed', 1);
    const first = decideAt({ ...situation, runs });
    expect(actions(first)).toEqual(['RecordStatus']);
    const { status } = first;
    expect(actions(decideAt({ ...situation, runs, ...(status === undefined ? {} : { status }) }))).toEqual(
      deleted('Completed-0'),
    );
  });

  it('is trimmed by fifty runs at a time', () => {
    const decision = decideAt({ status: { observedSchedule: observed(DUE) }, runs: finished('Completed', 200) });
    expect(decision.actions.map((action) => (action.type === 'DeleteRuns' ? action.runs.length : 0))).toEqual([50]);
  });
});
