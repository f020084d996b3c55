/** Schedules on a real API server, whose minutes come when the test says so: the clock of the controller is the test's. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { createLog } from '../../shared/log.ts';
import { runName } from '../../shared/schedule/run-name.ts';
import { connect } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { everyMinute, isIdle, RunHistory, Schedules } from '../support/scheduled.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const ENDLESS = sequence(1, { 0: FOREVER });
const FAILING = sequence(1, { 0: 'exit 1' });

const clock = new VirtualClock();
const { namespace } = withInProcessController('schedule', { now: clock.now });
const schedules = new Schedules(namespace, clock);

const uidOf = async (run: string): Promise<string> => (await namespace.get(run)).metadata.uid;

describe('a schedule', () => {
  it('starts a run for each of its times, from its template, and records it until it has ended', async () => {
    await schedules.apply('plain', {
      ...everyMinute(),
      sequentialJobTemplate: { metadata: { labels: { team: 'data' } }, spec: sequence(2) },
    });
    const first = await schedules.startNext('plain');
    const { metadata } = await schedules.get('plain');
    const run = await namespace.get(first);
    expect(run.metadata).toMatchObject({
      labels: { team: 'data', 'batch.example.com/cronsequentialjob': 'plain' },
      ownerReferences: [
        { kind: 'CronSequentialJob', name: 'plain', uid: metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    });
    const time = run.metadata.annotations?.['batch.example.com/scheduled-time'] ?? '';
    expect(runName('plain', time)).toBe(first);
    await schedules.until('plain', ({ lastSuccessfulTime }) => lastSuccessfulTime !== undefined);
    expect(await namespace.jobNames(first)).toEqual([`${first}-0-s0`, `${first}-1-s1`]);
    const second = await schedules.completeNext('plain');
    expect(second > first).toBe(true);
    await schedules.untilEvent('plain', 'RunCompleted');
    expect(await schedules.eventReasons('plain')).toEqual(expect.arrayContaining(['RunStarted', 'RunCompleted']));
  });

  it('keeps as many runs as its limits say, successful and failed ones apart', async () => {
    await schedules.apply('limits', everyMinute({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 }));
    const runs: string[] = [];
    for (let i = 0; i < 2; i++) runs.push(await schedules.completeNext('limits'));
    await schedules.patch('limits', { spec: { sequentialJobTemplate: { spec: FAILING } } });
    for (let i = 0; i < 2; i++) runs.push(await schedules.completeNext('limits'));
    await eventually('two runs', async () => (await schedules.runs('limits')).length === 2);
    expect(await schedules.runs('limits')).toEqual([runs[1], runs[3]]);
    expect(await namespace.jobNames(runs[0])).toEqual([]);
  });

  it('starts nothing while it is suspended, and makes up for nothing of it afterwards', async () => {
    await schedules.apply('suspended', everyMinute());
    const first = await schedules.completeNext('suspended');
    await schedules.patch('suspended', { spec: { suspend: true } });
    await schedules.untilObserved('suspended');
    clock.advance(5);
    await schedules.patch('suspended', { spec: { suspend: false } });
    await schedules.untilObserved('suspended');
    const second = await schedules.completeNext('suspended');
    expect(await schedules.runs('suspended')).toEqual([first, second]);
  });

  it('starts at most one run for the times that nobody was there for', async () => {
    await schedules.apply('downtime', everyMinute());
    clock.advance(7);
    await schedules.patch('downtime', { metadata: { annotations: { 'example.com/clock': 'skipped' } } });
    await schedules.until('downtime', (status) => status.lastScheduleTime !== undefined && isIdle(status));
    expect(await schedules.runs('downtime')).toHaveLength(1);
  });

  it('that is deleted takes its runs and their Jobs with it', async () => {
    await schedules.apply('doomed', everyMinute({}, ENDLESS));
    const run = await schedules.startNext('doomed');
    await namespace.untilRunning(run, 0);
    await schedules.delete('doomed');
    await namespace.untilGone(run, 100);
    expect(await namespace.jobNames(run)).toEqual([]);
  });
});

describe('while a run has not ended, the next time', () => {
  it('starts another one with Allow', async () => {
    await schedules.apply('allow', everyMinute({ concurrencyPolicy: 'Allow' }, ENDLESS));
    const first = await schedules.startNext('allow');
    const second = await schedules.startNext('allow');
    const { active = [] } = await schedules.until('allow', ({ active: runs }) => runs?.length === 2);
    expect(active.map(({ name, uid }) => [name, uid])).toEqual([
      [first, await uidOf(first)],
      [second, await uidOf(second)],
    ]);
    await schedules.delete('allow');
  });

  it('waits for its end with Forbid', async () => {
    await schedules.apply('forbid', everyMinute({ concurrencyPolicy: 'Forbid' }, ENDLESS));
    const first = await schedules.startNext('forbid');
    await schedules.reachNextMinute('forbid');
    await schedules.untilEvent('forbid', 'RunForbidden');
    expect(await schedules.runs('forbid')).toEqual([first]);
    await namespace.delete(first);
    const next = await schedules.until(
      'forbid',
      ({ active = [] }) => active[0]?.uid !== undefined && active[0].name !== first,
    );
    expect(await schedules.runs('forbid')).toEqual([next.active?.[0]?.name]);
    await schedules.delete('forbid');
  });

  it('replaces it with Replace: it is gone with its Jobs before the new run starts', async () => {
    await using history = await RunHistory.open(namespace);
    await schedules.apply('replace', everyMinute({ concurrencyPolicy: 'Replace' }, ENDLESS));
    const first = await schedules.startNext('replace');
    await namespace.untilRunning(first, 0);
    const second = await schedules.startNext('replace');
    await namespace.untilRunning(second, 0);
    const [old, young, ...others] = history.runs('replace');
    expect([old?.name, young?.name, others]).toEqual([first, second, []]);
    expect(old?.deleted).toBeLessThan(young?.created ?? 0);
    expect(history.jobs(first)).toHaveLength(1);
    for (const { deleted } of history.jobs(first)) expect(deleted).toBeLessThan(young?.created ?? 0);
    await schedules.delete('replace');
  });
});

describe('a name that is taken', () => {
  it('by a SequentialJob of somebody else is reported, and that one is left alone; the next time starts', async () => {
    await schedules.apply('taken', everyMinute());
    const minute = clock.nextMinute;
    const theirs: SequentialJob = await namespace.apply(runName('taken', minute), sequence(1));
    expect(await schedules.reachNextMinute('taken')).toBe(minute);
    expect(await schedules.untilEvent('taken', 'RunNameConflict')).toContain(theirs.metadata.name);
    const run = await schedules.completeNext('taken');
    expect(await schedules.runs('taken')).toEqual([run]);
    const { metadata } = await namespace.get(theirs.metadata.name);
    expect([metadata.uid, metadata.deletionTimestamp, metadata.ownerReferences]).toEqual([
      theirs.metadata.uid,
      undefined,
      undefined,
    ]);
  });
});

describe('two controllers at once', () => {
  const second = connect();
  let other: Controller;

  beforeAll(async () => {
    const log = createLog({ level: 'silent', format: 'json' });
    other = new Controller({ client: second, log, namespace: namespace.name, workers: 4, now: clock.now });
    await other.start();
  });

  afterAll(async () => {
    await other.stop();
    await second.close();
  });

  it('start one run for each time', async () => {
    await using history = await RunHistory.open(namespace);
    const names = ['pair-a', 'pair-b', 'pair-c'];
    await Promise.all(names.map(async (name) => schedules.apply(name, everyMinute())));
    const started: string[] = [];
    for (let i = 0; i < 3; i++) {
      const minute = clock.reachNextMinute();
      for (const name of names) {
        await schedules.patch(name, { metadata: { annotations: { 'example.com/clock': minute } } });
        started.push(runName(name, minute));
      }
      for (const name of names) {
        await schedules.until(name, (status) => status.lastScheduleTime === minute && isIdle(status));
      }
    }
    const seen = names.flatMap((name) => history.runs(name)).map(({ name }) => name);
    expect(seen.toSorted()).toEqual(started.toSorted());
  });
});
