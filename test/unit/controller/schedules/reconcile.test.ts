/** A reconcile as a whole, with decisions of the test. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ScheduleDecision, ScheduleSnapshot } from '../../../../controller/schedules/decide/types.ts';
import { reconcileSchedule } from '../../../../controller/schedules/reconcile.ts';
import { toCachedSchedule } from '../../../../controller/schedules/transform.ts';
import { describeRequest, FakeApi, fault } from '../../../support/fake-api.ts';
import { NOW_MS } from '../../../support/objects.ts';
import {
  cronSequentialJob,
  NOTHING,
  putSchedule,
  RUN,
  SCHEDULE_KEY,
  scheduleDeps,
  schedulePath,
  scheduledRun,
  TIME,
} from '../../../support/schedules.ts';

const RECORDED = { active: [{ name: RUN, scheduledTime: TIME }], activeRuns: 1 };
const STARTED = { active: [{ name: RUN, uid: 'x', scheduledTime: TIME }], activeRuns: 1 };
const MISSED = { type: 'Warning', reason: 'MissSchedule', message: 'too late' } as const;

let api: FakeApi;
let deps: ReturnType<typeof scheduleDeps>;
let seen: ScheduleSnapshot[];
/** One after the other; the last one again and again. */
let decisions: ScheduleDecision[];
let emitted: string[];
let times: Set<number>;

beforeEach(() => {
  api = new FakeApi();
  [seen, emitted, times] = [[], [], new Set()];
  deps = scheduleDeps(api, {
    events: { emit: (_, { reason }) => void emitted.push(reason) },
    decide: (snapshot, nowMs) => {
      times.add(nowMs);
      seen.push(snapshot);
      return (decisions.length > 1 ? decisions.shift() : decisions[0]) ?? NOTHING;
    },
  });
  deps.schedules.observe(toCachedSchedule(putSchedule(api, cronSequentialJob())));
});

const requests = (): readonly string[] => api.client.requests.map(describeRequest);

it('records, creates, decides again after each, and reports; the result says when to come back', async () => {
  decisions = [
    { ...NOTHING, status: RECORDED, actions: [{ type: 'RecordStatus' }] },
    { ...NOTHING, status: RECORDED, actions: [{ type: 'CreateRun', name: RUN, scheduledTime: TIME }] },
    { ...NOTHING, status: STARTED, requeueAfterMs: 60_000 },
  ];
  expect(await reconcileSchedule(SCHEDULE_KEY, deps)).toEqual({ requeueAfterMs: 60_000 });
  expect([...times]).toEqual([NOW_MS]);
  expect(requests()).toEqual([
    'PATCH cronsequentialjobs/status',
    'GET cronsequentialjobs',
    'POST sequentialjobs',
    'PATCH cronsequentialjobs/status',
  ]);
  expect(seen.map(({ object, runs }) => [object.status?.activeRuns, runs.length])).toEqual([
    [undefined, 0],
    [1, 0],
    [1, 1],
  ]);
  expect(api.get(schedulePath())?.['status']).toEqual(STARTED);
});

it('sends nothing if nothing has changed', async () => {
  deps.schedules.observe(toCachedSchedule(putSchedule(api, cronSequentialJob({ status: STARTED }))));
  decisions = [{ ...NOTHING, status: STARTED }];
  await reconcileSchedule(SCHEDULE_KEY, deps);
  expect(requests()).toEqual([]);
});

it('of a schedule that is being deleted emits the events, and writes no status', async () => {
  decisions = [{ ...NOTHING, events: [MISSED] }];
  await reconcileSchedule(SCHEDULE_KEY, deps);
  expect(requests()).toEqual([]);
  expect(emitted).toEqual(['MissSchedule']);
});

it('does nothing for a schedule that does not exist', async () => {
  expect(await reconcileSchedule('team-a/other', deps)).toEqual({ requeueAfterMs: undefined });
  expect(seen).toEqual([]);
});

it('tells the decision of the runs, and whether the namespace is the operator’s own', async () => {
  decisions = [NOTHING];
  deps.sequentialJobs.observe(scheduledRun());
  await reconcileSchedule(SCHEDULE_KEY, deps);
  await reconcileSchedule(SCHEDULE_KEY, { ...deps, ownNamespace: 'team-a' });
  expect(seen.map(({ runs, isInOwnNamespace }) => [runs.length, isInOwnNamespace])).toEqual([
    [1, undefined],
    [1, true],
  ]);
});

it('ends with an error if a decision does not see what its action did', async () => {
  decisions = [{ ...NOTHING, actions: [{ type: 'DeleteRuns', runs: [], because: 'Replaced' }] }];
  await expect(reconcileSchedule(SCHEDULE_KEY, deps)).rejects.toThrow('still has actions after 9 rounds');
});

describe('the deletion of old runs', () => {
  const old = { ...NOTHING, requeueAfterMs: 20_000 };
  const runs = [
    { name: RUN, uid: 'run-1', creationTimestamp: TIME, state: 'Completed', isBeingDeleted: false },
  ] as const;
  const trim: ScheduleDecision = { ...old, actions: [{ type: 'DeleteRuns', runs, because: 'HistoryLimit' }] };
  const failing = (code: 'Forbidden' | 'ServerError'): void => {
    decisions = [trim];
    api.intercept = ({ method }) => (method === 'DELETE' ? fault(code, false) : undefined);
  };

  it('is the last action of a reconcile: the rest follows in the next', async () => {
    decisions = [trim];
    expect(await reconcileSchedule(SCHEDULE_KEY, deps)).toEqual({ requeueAfterMs: 0 });
  });

  it('that is refused does not delay the next time, and is in the log', async () => {
    const warned: string[] = [];
    failing('Forbidden');
    const log = { warn: (_: unknown, text?: string) => void warned.push(text ?? '') } as typeof deps.log;
    expect(await reconcileSchedule(SCHEDULE_KEY, { ...deps, log })).toEqual({ requeueAfterMs: 20_000 });
    expect(warned).toEqual(['old runs of a schedule cannot be deleted, will retry']);
  });

  it('that fails for now is tried again with backoff', async () => {
    failing('ServerError');
    await expect(reconcileSchedule(SCHEDULE_KEY, deps)).rejects.toMatchObject({ code: 'ServerError' });
  });
});

describe('a status write without an answer', () => {
  const write: ScheduleDecision = { ...NOTHING, status: RECORDED, events: [MISSED] };

  async function lose(isCarriedOut: boolean): Promise<void> {
    decisions = [write];
    api.intercept = ({ method }) => (method === 'PATCH' ? fault('Timeout', isCarriedOut) : undefined);
    await expect(reconcileSchedule(SCHEDULE_KEY, deps)).rejects.toMatchObject({ code: 'Timeout' });
    expect(emitted).toEqual([]);
    api.intercept = () => undefined;
  }

  it('that was carried out: the next reconcile reads the object, emits the events once, and decides on what was written', async () => {
    await lose(true);
    decisions = [{ ...write, events: [] }];
    await reconcileSchedule(SCHEDULE_KEY, deps);
    await reconcileSchedule(SCHEDULE_KEY, deps);
    expect(requests()).toEqual(['PATCH cronsequentialjobs/status', 'GET cronsequentialjobs']);
    expect(seen.at(-1)?.object.status).toEqual(RECORDED);
    expect(emitted).toEqual(['MissSchedule']);
  });

  it('that was not carried out: it is written again, and the events are emitted once', async () => {
    await lose(false);
    await reconcileSchedule(SCHEDULE_KEY, deps);
    expect(requests()).toEqual([
      'PATCH cronsequentialjobs/status',
      'GET cronsequentialjobs',
      'PATCH cronsequentialjobs/status',
    ]);
    expect(emitted).toEqual(['MissSchedule']);
  });

  it('of a schedule that is deleted meanwhile: nothing is decided', async () => {
    await lose(false);
    api.remove(schedulePath());
    const before = seen.length;
    expect(await reconcileSchedule(SCHEDULE_KEY, deps)).toEqual({ requeueAfterMs: undefined });
    expect(seen).toHaveLength(before);
  });
});
