/** A controller whose clock is set by an hour while it works. What is promised: docs/reliability.md. */
import { hostname, uptime } from 'node:os';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { LeaderElector } from '../../../shared/kube/leader-election/leader-elector.ts';
import { Controller } from '../../../controller/manager.ts';
import { LeaseStore } from '../../../shared/kube/leader-election/leases.ts';
import { createLog } from '../../../shared/log.ts';
import { sleep } from '../../../shared/sleep.ts';
import { eventually } from '../../support/eventually.ts';
import { expectSound, fault, inOrder, report, seconds, withFlakyWatch } from '../../support/flaky-watch.ts';

const HOUR_MS = 3_600_000;
const DEADLINE_S = 600;
const log = createLog({ level: 'silent', format: 'json' });

const here = withFlakyWatch('clock');

/** By how much the controller's clock is wrong. */
let wrongMs = 0;
const now = (): number => Date.now() + wrongMs;
let controller: Controller;

beforeEach(async () => {
  wrongMs = 0;
  await here.operator.end('SIGTERM');
  controller = new Controller({ client: here.client, log, namespace: here.namespace.name, workers: 4, now });
  await controller.start();
});

afterEach(async () => {
  await controller.stop();
});

/** Something changes, so that the controller looks. */
async function poke(name: string): Promise<void> {
  await here.namespace.patch(name, { metadata: { labels: { poked: String(Math.random()).slice(2) } } });
}

describe('a clock that', () => {
  for (const [says, ms] of [
    ['an hour back', -HOUR_MS],
    ['an hour forward', HOUR_MS],
  ] as const) {
    fault(`is set ${says}, and right again, changes nothing of what is run, nor of what is over`, async () => {
      await here.namespace.apply('jump', here.gatedSteps(3));
      await here.namespace.untilRunning('jump', 0);
      wrongMs = ms;
      await here.open(0);
      await here.namespace.untilRunning('jump', 1);
      wrongMs = 0;
      await here.open(1);
      await here.namespace.untilRunning('jump', 2);
      wrongMs = ms;
      await here.open(2);
      const { status } = await here.namespace.untilFinished('jump');
      wrongMs = 0;
      await poke('jump');
      await sleep(1_000);
      expect((await here.namespace.get('jump')).status).toEqual(status);
      expect(JSON.stringify(await here.namespace.recordedEvents('jump'))).not.toMatch(/-\d+s|NaN|Invalid/);
      await expectSound(here, 'jump', 3);
    });
  }

  fault('is set past the deadline ends the sequence, which stays ended when it is right again', async () => {
    await here.namespace.apply('late', { ...here.gatedSteps(2), activeDeadlineSeconds: DEADLINE_S });
    await here.namespace.untilRunning('late', 0);
    wrongMs = HOUR_MS;
    await here.open(0);
    const failed = await here.namespace.untilFinished('late');
    expect(failed.status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'DeadlineExceeded' } });
    wrongMs = 0;
    await here.open(1);
    await poke('late');
    await sleep(1_000);
    expect((await here.namespace.get('late')).status).toEqual(failed.status);
    expect(here.history.events('late')[0]).toBe('s0 started');
    expect(here.history.events('late')).not.toContain('s1 started');
  });

  fault('is set back ends no sequence before its time', async () => {
    await here.namespace.apply('early', { ...here.gatedSteps(2), activeDeadlineSeconds: DEADLINE_S });
    await here.namespace.untilRunning('early', 0);
    wrongMs = -HOUR_MS;
    await here.open(0, 1);
    await expectSound(here, 'early', 2);
  });

  fault('is set past the time to live deletes what is over, and not what runs', async () => {
    await here.namespace.apply('short', { ...here.gatedSteps(1), ttlSecondsAfterFinished: DEADLINE_S });
    await here.namespace.apply('runs', { ...here.gatedSteps(2), ttlSecondsAfterFinished: DEADLINE_S });
    await here.open(0);
    await here.namespace.untilFinished('short');
    await here.namespace.untilRunning('runs', 1);
    wrongMs = -HOUR_MS;
    await poke('short');
    await sleep(1_000);
    expect((await here.namespace.get('short')).metadata.deletionTimestamp).toBeUndefined();
    wrongMs = HOUR_MS;
    await Promise.all(['short', 'runs'].map(poke));
    await here.namespace.untilGone('short');
    expect((await here.namespace.get('runs')).metadata.deletionTimestamp).toBeUndefined();
    wrongMs = 0;
    await here.open(1);
    await here.namespace.untilFinished('runs');
    expect(here.history.events('runs')).toEqual(inOrder(2));
  });

  fault('is set does not touch a Lease, whoever looks at it', async () => {
    const elector = (date: () => number): LeaderElector =>
      new LeaderElector({
        store: new LeaseStore(here.client, here.namespace.name, 'clocks'),
        identity: `${hostname()}_${Math.random()}`,
        log,
        clock: { now: () => uptime() * 1000, date, sleep },
        random: Math.random,
      });
    const [leader, rival] = [elector(now), elector(() => now() + HOUR_MS)];
    const over = new AbortController();
    expect(await leader.acquire(over.signal)).toBe(true);
    const renewing = leader.renew(over.signal);
    let taken = false;
    const campaign = rival.acquire(over.signal).then((won) => (taken = won));
    const since = performance.now();
    for (const ms of [-HOUR_MS, HOUR_MS, 0]) {
      wrongMs = ms;
      await sleep(3_000);
      expect([leader.isLeader, taken]).toEqual([true, false]);
    }
    report(`one leader for ${seconds(performance.now() - since)} through three clocks`);
    over.abort();
    await Promise.all([renewing, campaign]);
    await leader.release();
    await eventually('a free Lease', async () => await elector(now).acquire(AbortSignal.timeout(500)));
  });
});
