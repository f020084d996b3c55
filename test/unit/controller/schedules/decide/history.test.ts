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
      'is trimmed while the schedule is suspended',
      { spec: { suspend: true, successfulJobsHistoryLimit: 0 }, runs: finished('Completed', 1) },
      deleted('Completed-0'),
    ],
    [
      'and while it is invalid',
      { spec: { schedule: 'x', successfulJobsHistoryLimit: 0 }, runs: finished('Completed', 1) },
      deleted('Completed-0'),
    ],
  ])('%s', (_says, situation, expected) => {
    expect(actions(decideAt({ status: { observedSchedule: observed(DUE) }, ...situation }))).toEqual(expected);
  });

  it('is trimmed by fifty runs at a time', () => {
    const decision = decideAt({ status: { observedSchedule: observed(DUE) }, runs: finished('Completed', 200) });
    expect(decision.actions.map((action) => (action.type === 'DeleteRuns' ? action.runs.length : 0))).toEqual([50]);
  });
});
