/** An API server that dies, stays away, or waits for a slow etcd: real processes, of a control plane of the suite's own. */
import { describe, expect } from '@jest/globals';
import { isApiError } from '../../../shared/kube/errors.ts';
import { sleep } from '../../../shared/sleep.ts';
import { eventually } from '../../support/eventually.ts';
import { dedicatedControlPlane } from '../../support/dedicated-control-plane.ts';
import { sequence } from '../../support/sequences.ts';
import { startSlowLink } from '../../support/slow-link.ts';
import { refuse } from '../../support/api-server-proxy.ts';
import { expectSound, fault, report, seconds, withFlakyWatch } from '../../support/flaky-watch.ts';

/** SequentialJobs, Jobs and Pods. */
const WATCHES = 3;
const OUTAGE_MS = 60_000;
/** 5 s of backoff at most (reflector.ts), and a busy machine's. */
const BACK_S = 30;
/** What failed all the time comes back with the watches, within a second (queue.ts), whatever its backoff was. */
const RETRIED_S = 15;

const own = dedicatedControlPlane();
const here = withFlakyWatch('server', () => own.plane.kubeconfig);

/** Resolves when the controller watches everything again. */
async function untilWatched(): Promise<void> {
  const since = performance.now();
  await eventually('all watches', () => here.proxy.streams.length >= WATCHES, BACK_S);
  report(`all watches are back ${seconds(performance.now() - since)} after the API server`);
}

/** Creates a sequence as a user would of an API server whose etcd is in trouble: again, until it is there. */
async function insist(name: string): Promise<void> {
  await eventually(`the creation of ${name}`, async () => {
    try {
      await here.namespace.apply(name, sequence(3));
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    return true;
  });
}

describe('an API server that', () => {
  fault('is killed, and starts again with an empty watch cache, finds the sequence going on', async () => {
    await here.namespace.apply('killed', here.gatedSteps(3));
    await here.namespace.untilRunning('killed', 0);
    await own.plane.stopApiServer(0);
    await here.open(0, 1);
    await own.plane.startApiServer();
    await untilWatched();
    await here.open(2);
    await expectSound(here, 'killed', 3);
  });

  fault(
    'is killed again and again in the middle of the work loses nothing of it',
    async () => {
      const names = Array.from({ length: 4 }, (_, i) => `often-${i}`);
      const scripts = Object.fromEntries(Array.from({ length: 4 }, (_, i) => [i, 'sleep 1']));
      await Promise.all(names.map((name) => here.namespace.apply(name, sequence(4, scripts))));
      for (let kill = 0; kill < 3; kill++) {
        await sleep(1_000 + 700 * kill);
        await own.plane.stopApiServer(0);
        await own.plane.startApiServer();
      }
      for (const name of names) await expectSound(here, name, 4);
    },
    { slow: true, seconds: 240 },
  );

  fault(
    'is gone for a minute finds the sequence going on',
    async () => {
      await here.namespace.apply('away', here.gatedSteps(3));
      await here.namespace.untilRunning('away', 0);
      // One whose reconciles fail before the outage and in it: it is not told of anything that would bring a reconcile.
      here.proxy.treat = ({ verb, resource }) =>
        verb === 'create' && resource === 'batch/jobs' ? refuse(503, 'ServiceUnavailable') : undefined;
      await here.namespace.apply('failing', sequence(2));
      await here.operator.untilSays('reconcile failed, will retry');
      await own.plane.stopApiServer(0);
      here.proxy.clear();
      await here.open(0);
      await sleep(OUTAGE_MS);
      expect(here.operator.isRunning).toBe(true);
      await own.plane.startApiServer();
      const since = performance.now();
      await untilWatched();
      await here.open(1, 2);
      await eventually('the failing one', () => here.history.events('failing')[0], RETRIED_S);
      report(
        `what failed all the time is tried again ${seconds(performance.now() - since)} after the API server is back`,
      );
      // The Job controller comes back later than we do: client-go's reflectors wait for up to 30 s, and by chance twice that.
      await here.namespace.untilFinished('failing', 150);
      await expectSound(here, 'failing', 2);
      await expectSound(here, 'away', 3);
    },
    { slow: true, seconds: 240 },
  );

  fault(
    'waits 50 to 200 ms for each answer of etcd runs each step once',
    async () => {
      const link = await startSlowLink(own.plane.etcdPort);
      try {
        await own.plane.stopApiServer(0);
        await own.plane.startApiServer(link.port);
        await untilWatched();
        link.delayMs = () => 25 + 75 * Math.random(); // each way
        const names = Array.from({ length: 4 }, (_, i) => `slow-${i}`);
        await Promise.all(names.map(insist));
        await Promise.all(names.map((name) => here.namespace.untilFinished(name, 200)));
        link.delayMs = () => 0;
        for (const name of names) await expectSound(here, name, 3);
        const handoffs = names.flatMap((name) => here.history.handoffs(name));
        report(`slowest hand-off ${seconds(Math.max(...handoffs))} of ${handoffs.length}`);
      } finally {
        await own.plane.stopApiServer(0);
        await link.close();
        await own.plane.startApiServer();
      }
    },
    { slow: true, seconds: 300 },
  );
});
