import { describe, expect, it } from '@jest/globals';
import type { CronSequentialJobStatus } from '../../../../../shared/api/schedule.ts';
import {
  actions,
  active,
  available,
  decideAt,
  DUE,
  NEXT,
  NOW,
  observed,
  reasons,
  run,
  SINCE,
  type Situation,
} from './subject.ts';

const CALM = { now: '2026-11-02T09:56:00Z' } as const;
const condition = (type: 'Available' | 'Suspended', status: 'True' | 'False', reason: string) => ({
  type,
  status,
  observedGeneration: 1,
  lastTransitionTime: SINCE,
  reason,
  message: 'as it was',
});

describe('the conditions', () => {
  it.each<readonly [string, Situation, string, readonly string[]]>([
    ['all is well', CALM, 'True Scheduled', []],
    ['the schedule is invalid', { spec: { schedule: '0 0 L * *' } }, 'False InvalidSpec', ['InvalidSpec']],
    ['the zone is unknown', { spec: { timeZone: 'Europe/Atlantis' } }, 'False InvalidSpec', ['InvalidSpec']],
    [
      'it is in the namespace of the operator',
      { isInOwnNamespace: true },
      'False ForbiddenNamespace',
      ['ForbiddenNamespace'],
    ],
    [
      'a refusal stays known until a run is created',
      {
        ...CALM,
        status: {
          observedGeneration: 1,
          conditions: [condition('Available', 'False', 'RunRejected')],
          observedSchedule: observed(),
        },
      },
      'False RunRejected',
      [],
    ],
    [
      'or until the spec changes',
      {
        ...CALM,
        metadata: { generation: 2 },
        status: {
          observedGeneration: 1,
          conditions: [condition('Available', 'False', 'RunRejected')],
          observedSchedule: observed(),
        },
      },
      'True Scheduled',
      [],
    ],
    [
      'an invalid spec was corrected',
      {
        ...CALM,
        status: {
          observedGeneration: 1,
          conditions: [condition('Available', 'False', 'InvalidSpec')],
          observedSchedule: observed(),
        },
      },
      'True Scheduled',
      [],
    ],
  ])('%s', (_says, situation, expected, events) => {
    const decision = decideAt(situation);
    expect([available(decision), reasons(decision)]).toEqual([expected, events]);
    const isStalled = decision.status?.conditions?.some(({ type }) => type === 'Stalled');
    expect(isStalled).toBe(expected === 'False InvalidSpec' || expected === 'False ForbiddenNamespace');
  });

  it.each<readonly [string, Situation]>([
    ['an invalid schedule', { spec: { schedule: 'never' } }],
    ['the wrong namespace', { isInOwnNamespace: true }],
    ['a suspension', { spec: { suspend: true } }],
  ])('%s is told once', (_says, situation) => {
    const first = decideAt(situation);
    const again = decideAt({ ...situation, status: first.status });
    expect([first.events.length, again.events, again.status]).toEqual([1, [], first.status]);
  });

  it('keep their transition time until the status changes, and those of others', () => {
    const other = { ...condition('Available', 'True', 'Mine'), type: 'Other' as 'Available' };
    const conditions = [
      condition('Available', 'True', 'Scheduled'),
      condition('Suspended', 'False', 'NotSuspended'),
      other,
    ];
    const { status } = decideAt({ spec: { suspend: true }, status: { conditions, observedSchedule: observed() } });
    expect(status?.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Available', SINCE],
      ['Suspended', NOW],
      ['Other', SINCE],
    ]);
  });
});

describe('since when times count', () => {
  const suspended = { conditions: [condition('Suspended', 'True', 'Suspended')], observedSchedule: observed() };
  it.each<readonly [string, Situation, string]>([
    ['from the creation', { ...CALM, status: undefined }, SINCE],
    [
      'from a change of the schedule',
      { spec: { schedule: '*/5 * * * *' }, status: { observedSchedule: observed() } },
      NOW,
    ],
    ['from a change of the zone', { spec: { timeZone: 'UTC' }, status: { observedSchedule: observed() } }, NOW],
    ['from the end of a suspension', { status: suspended }, NOW],
    ['while it is suspended, nothing changes', { spec: { suspend: true }, status: suspended }, SINCE],
    [
      'an invalid schedule counts from its change too',
      { spec: { schedule: 'x' }, status: { observedSchedule: observed() } },
      NOW,
    ],
  ])('%s', (_says, situation, since) => {
    const decision = decideAt(situation);
    expect([decision.status?.observedSchedule?.since, actions(decision)]).toEqual([since, []]);
  });
});

describe('the status', () => {
  const old = active('old');
  const running: CronSequentialJobStatus = { active: [old], observedSchedule: observed(DUE), lastScheduleTime: DUE };
  const completed = run('old', { state: 'Completed', completionTime: '2026-11-02T09:59:00Z' });
  it.each<readonly [string, Situation, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['has the next time', { status: running, runs: [run('old')] }, { nextScheduleTime: NEXT, active: [old] }, []],
    [
      'has none while suspended',
      { spec: { suspend: true }, status: running, runs: [run('old')] },
      { nextScheduleTime: undefined },
      ['Suspended'],
    ],
    [
      'has none while invalid',
      { spec: { schedule: 'x' }, status: running, runs: [run('old')] },
      { nextScheduleTime: undefined },
      ['InvalidSpec'],
    ],
    [
      'lets a completed run go',
      { status: running, runs: [completed] },
      { active: undefined, lastSuccessfulTime: '2026-11-02T09:59:00Z' },
      ['RunCompleted'],
    ],
    [
      'keeps a later success',
      { status: { ...running, lastSuccessfulTime: DUE }, runs: [completed] },
      { lastSuccessfulTime: DUE },
      ['RunCompleted'],
    ],
    [
      'lets a failed run go',
      { status: running, runs: [run('old', { state: 'Failed' })] },
      { active: undefined },
      ['RunFailed'],
    ],
    [
      'lets a run go that somebody has deleted',
      { status: running, findings: { old: { type: 'notFound' } } },
      { active: undefined },
      ['RunMissing'],
    ],
    [
      'keeps a run that is being deleted',
      { status: running, runs: [run('old', { isBeingDeleted: true })] },
      { active: [old] },
      [],
    ],
    [
      'takes up a run that a lost status has forgotten',
      { status: { lastScheduleTime: DUE, observedSchedule: observed() }, runs: [run('old')] },
      { active: [{ name: 'old', uid: 'uid of old', scheduledTime: '2026-11-02T09:50:01Z' }] },
      [],
    ],
    [
      'knows no times that are none',
      {
        ...CALM,
        status: {
          lastScheduleTime: 'yesterday',
          lastSuccessfulTime: '+010000-01-01T00:00:00Z',
          observedSchedule: observed('?'),
        },
      },
      { lastScheduleTime: undefined, lastSuccessfulTime: undefined, nextScheduleTime: DUE },
      [],
    ],
  ])('%s', (_says, situation, expected, events) => {
    const { status, ...decision } = decideAt(situation);
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, status?.[key as 'active']]))).toEqual(expected);
    expect(decision.events.map(({ reason }) => reason)).toEqual(events);
  });

  it('has a recorded run that the cache does not show looked up first', () => {
    expect(actions(decideAt({ status: running }))).toEqual(['ConfirmRun old']);
  });

  it('of a schedule that is being deleted is not written, and nothing else is done', () => {
    const decision = decideAt({ metadata: { deletionTimestamp: NOW }, status: running });
    expect(decision).toEqual({ actions: [], status: undefined, events: [], requeueAfterMs: undefined });
  });

  it('says times as the clock of the zone shows them', () => {
    const spec = { timeZone: 'Europe/Berlin', startingDeadlineSeconds: 1 };
    const { events } = decideAt({ spec, status: { observedSchedule: { ...observed(), timeZone: 'Europe/Berlin' } } });
    expect(events.map(({ message }) => message)).toEqual([
      'No run was created for 2026-11-02T11:00:00+01:00 Europe/Berlin: its startingDeadlineSeconds have passed',
    ]);
  });
});
