import { describe, expect, it } from '@jest/globals';
import { MAX_ACTIVE_RUNS } from '../../../../../shared/api/schedule.ts';
import {
  actions,
  active,
  available,
  decideAt,
  DUE,
  nameAt,
  NEXT,
  observed,
  reasons,
  run,
  SINCE,
  type Situation,
} from './subject.ts';

const NAME = nameAt(DUE);
const planned = { name: NAME, scheduledTime: DUE };
const isPlanned = { lastScheduleTime: DUE, active: [planned], observedSchedule: observed(DUE) };
const old = active('old');
const isRunning = { active: [old], lastScheduleTime: old.scheduledTime, observedSchedule: observed() };
const isWaiting = { ...isRunning, pendingScheduleTime: DUE, observedSchedule: observed(DUE) };

interface Expected {
  readonly actions: readonly string[];
  readonly events?: readonly string[];
  readonly active?: readonly string[];
  readonly last?: string | undefined;
  readonly pending?: string;
  readonly available?: string;
}

type Row = readonly [string, Situation, Expected];

const rows: readonly Row[] = [
  ['nothing is due before the first time', { now: '2026-11-02T09:59:59Z' }, { actions: [] }],
  ['at its time, it is recorded first', { now: DUE }, { actions: ['RecordStatus'], active: [NAME], last: DUE }],
  [
    'of the times that were missed, the newest is started',
    { metadata: { creationTimestamp: '2026-11-02T07:00:00Z' }, status: undefined },
    { actions: ['RecordStatus'], active: [NAME], last: DUE },
  ],
  [
    'beyond a hundred that is told',
    { metadata: { creationTimestamp: '2026-10-30T07:00:00Z' }, status: undefined },
    { actions: ['RecordStatus'], events: ['TooManyMissedTimes'], active: [NAME], last: DUE },
  ],
  [
    'a used time is not started again',
    { status: { lastScheduleTime: DUE, observedSchedule: observed() } },
    { actions: [], last: DUE },
  ],
  [
    'nor one that comes again because the clock was set back',
    { now: '2026-11-02T10:00:30Z', status: { lastScheduleTime: NEXT, observedSchedule: observed() } },
    { actions: [], last: NEXT },
  ],
  [
    'nor one that only a run shows to be used',
    { runs: [run(NAME, { state: 'Completed', scheduledTime: DUE })] },
    { actions: [], last: DUE },
  ],
  [
    'an annotation that does not fit the name shows nothing',
    { runs: [run('other', { state: 'Completed', scheduledTime: DUE })] },
    { actions: ['RecordStatus'], active: [NAME], last: DUE },
  ],
  [
    'a time within its deadline is started',
    { spec: { startingDeadlineSeconds: 300 } },
    { actions: ['RecordStatus'], active: [NAME], last: DUE },
  ],
  [
    'a time behind its deadline is missed',
    { spec: { startingDeadlineSeconds: 299 } },
    { actions: [], events: ['MissSchedule'] },
  ],
  [
    'and that is told once',
    { spec: { startingDeadlineSeconds: 299 }, status: { observedSchedule: observed(DUE) } },
    { actions: [] },
  ],

  ['a recorded run is created', { status: isPlanned }, { actions: [`CreateRun ${NAME}`], active: [NAME], last: DUE }],
  [
    'it exists: it has started',
    { status: isPlanned, runs: [run(NAME)], findings: { [NAME]: { type: 'exists' } } },
    { actions: [], events: ['RunStarted'], active: [NAME], last: DUE },
  ],
  [
    'the cache shows it, after a crash',
    { status: isPlanned, runs: [run(NAME)] },
    { actions: [], events: ['RunStarted'], active: [NAME], last: DUE },
  ],
  [
    'it has ended at once',
    { status: isPlanned, runs: [run(NAME, { state: 'Failed' })] },
    { actions: [], events: ['RunStarted', 'RunFailed'], last: DUE },
  ],
  [
    'its name is taken',
    {
      status: isPlanned,
      findings: { [NAME]: { type: 'nameConflict', owner: 'is not controlled by any object', isBeingDeleted: false } },
    },
    { actions: [], events: ['RunNameConflict'], last: DUE, available: 'False RunNameConflict' },
  ],
  [
    'its name will be free soon',
    {
      status: isPlanned,
      findings: { [NAME]: { type: 'nameConflict', owner: 'is not controlled by any object', isBeingDeleted: true } },
    },
    { actions: [], active: [NAME], last: DUE, available: 'False RunNameConflict' },
  ],
  [
    'it is refused',
    { status: isPlanned, findings: { [NAME]: { type: 'rejected', message: 'no' } } },
    { actions: [], events: ['RunRejected'], last: DUE, available: 'False RunRejected' },
  ],
  [
    'a quota is full',
    { status: isPlanned, findings: { [NAME]: { type: 'postponed', reason: 'QuotaExceeded', message: 'full' } } },
    { actions: [], active: [NAME], last: DUE, available: 'False QuotaExceeded' },
  ],
  [
    'until the deadline',
    {
      spec: { startingDeadlineSeconds: 60 },
      status: isPlanned,
      findings: { [NAME]: { type: 'postponed', reason: 'QuotaExceeded', message: 'full' } },
    },
    { actions: [], events: ['MissSchedule'], last: DUE, available: 'False QuotaExceeded' },
  ],
  [
    'or until the next time',
    {
      now: NEXT,
      status: isPlanned,
      findings: { [NAME]: { type: 'postponed', reason: 'QuotaExceeded', message: 'full' } },
    },
    {
      actions: ['RecordStatus'],
      events: ['MissSchedule'],
      active: [nameAt(NEXT)],
      last: NEXT,
      available: 'False QuotaExceeded',
    },
  ],
  [
    'behind its deadline, a run is looked for before it is given up',
    { spec: { startingDeadlineSeconds: 60 }, status: isPlanned },
    { actions: [`ConfirmRun ${NAME}`], active: [NAME], last: DUE },
  ],
  [
    'it was not created',
    { spec: { startingDeadlineSeconds: 60 }, status: isPlanned, findings: { [NAME]: { type: 'notFound' } } },
    { actions: [], events: ['MissSchedule'], last: DUE },
  ],
  [
    'a suspended schedule creates no recorded run',
    { spec: { suspend: true }, status: { ...isPlanned }, findings: { [NAME]: { type: 'notFound' } } },
    { actions: [], events: ['Suspended', 'MissSchedule'], last: DUE },
  ],

  [
    'Allow: beside another run',
    { status: isRunning, runs: [run('old')] },
    { actions: ['RecordStatus'], active: ['old', NAME], last: DUE },
  ],
  [
    'Forbid: it waits',
    { spec: { concurrencyPolicy: 'Forbid' }, status: isRunning, runs: [run('old')] },
    { actions: [], events: ['RunForbidden'], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Forbid: that is told once',
    { spec: { concurrencyPolicy: 'Forbid' }, status: isWaiting, runs: [run('old')] },
    { actions: [], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Forbid: the other run ends',
    { spec: { concurrencyPolicy: 'Forbid' }, status: isWaiting, runs: [run('old', { state: 'Completed' })] },
    { actions: ['RecordStatus'], events: ['RunCompleted'], active: [NAME], last: DUE },
  ],
  [
    'Forbid: too late',
    { spec: { concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 60 }, status: isWaiting, runs: [run('old')] },
    { actions: [], events: ['MissSchedule'], active: ['old'], last: old.scheduledTime },
  ],
  [
    'a time that waits is dropped when the schedule changes',
    { spec: { concurrencyPolicy: 'Forbid', schedule: '0 * * * *' }, status: isWaiting, runs: [run('old')] },
    { actions: [], active: ['old'], last: old.scheduledTime },
  ],
  [
    'a time that waits is kept while the clock is set back',
    { now: '2026-11-02T09:58:00Z', spec: { concurrencyPolicy: 'Forbid' }, status: isWaiting, runs: [run('old')] },
    { actions: [], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Replace: it is recorded for what the other run goes',
    { spec: { concurrencyPolicy: 'Replace' }, status: isRunning, runs: [run('old')] },
    { actions: ['RecordStatus'], events: ['RunReplaced'], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Replace: the other run is deleted',
    { spec: { concurrencyPolicy: 'Replace' }, status: isWaiting, runs: [run('old')] },
    { actions: ['DeleteRuns old: Replaced'], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Replace: its Jobs still end',
    {
      spec: { concurrencyPolicy: 'Replace', startingDeadlineSeconds: 60 },
      status: isWaiting,
      runs: [run('old', { isBeingDeleted: true })],
    },
    { actions: [], active: ['old'], last: old.scheduledTime, pending: DUE },
  ],
  [
    'Replace: it is gone, though that took longer than the deadline',
    {
      spec: { concurrencyPolicy: 'Replace', startingDeadlineSeconds: 60 },
      status: isWaiting,
      findings: { old: { type: 'notFound' } },
    },
    { actions: ['RecordStatus'], active: [NAME], last: DUE },
  ],
];

describe('a time', () => {
  it.each(rows)('%s', (_says, situation, expected) => {
    const decision = decideAt({ status: { observedSchedule: observed() }, ...situation });
    const { status } = decision;
    expect({
      actions: actions(decision),
      events: reasons(decision),
      active: (status?.active ?? []).map(({ name }) => name),
      last: status?.lastScheduleTime,
      pending: status?.pendingScheduleTime,
      available: available(decision),
    }).toEqual({
      events: [],
      active: [],
      last: undefined,
      pending: undefined,
      available: 'True Scheduled',
      ...expected,
    });
  });

  it('waits under Allow too, where a thousand runs are active', () => {
    const names = Array.from({ length: MAX_ACTIVE_RUNS }, (_, i) => `old-${i}`);
    const status = { active: names.map((name) => active(name)), lastScheduleTime: SINCE, observedSchedule: observed() };
    const decision = decideAt({ status, runs: names.map((name) => run(name)) });
    expect([actions(decision), reasons(decision), decision.status?.pendingScheduleTime]).toEqual([
      [],
      ['RunForbidden'],
      DUE,
    ]);
  });
});

describe('when it is decided again', () => {
  it.each<readonly [string, Situation, number | undefined]>([
    ['at the next time', { status: { lastScheduleTime: DUE, observedSchedule: observed() } }, 300_000],
    [
      'a day later at the latest',
      { spec: { schedule: '@yearly' }, status: { observedSchedule: observed(SINCE, '@yearly') } },
      86_400_000,
    ],
    ['never, if suspended', { spec: { suspend: true } }, undefined],
    ['never, if no time will come', { spec: { schedule: '0 0 31 2 *' } }, undefined],
    [
      'when the deadline of the time that waits has passed',
      { spec: { concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 330 }, status: isWaiting, runs: [run('old')] },
      30_001,
    ],
    [
      'where a quota is full, after as long as the time is ago',
      {
        now: '2026-11-02T10:02:00Z',
        status: isPlanned,
        findings: { [NAME]: { type: 'postponed', reason: 'QuotaExceeded', message: '' } },
      },
      120_000,
    ],
  ])('%s', (_says, situation, expected) => {
    expect(decideAt({ status: { observedSchedule: observed() }, ...situation }).requeueAfterMs).toBe(expected);
  });
});
