/** The controller is killed, again and again: the sequence goes on as if nothing had happened. */
import { describe, expect, it } from '@jest/globals';
import { sleep } from '../../shared/sleep.ts';
import { endCondition, kubeconfig } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneAfterAnother } from '../support/job-order.ts';
import { Operator } from '../support/operator.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const KILLS = 20;
const STEPS = 10;

const here = withController('restart');
const { namespace } = here;

describe('a controller that is killed', () => {
  it('continues while a step runs', async () => {
    await namespace.apply('once', sequence(3, { 1: 'sleep 2' }));
    await namespace.untilRunning('once', 1);
    await here.crash();
    await eventually('the end of its Job', async () => (await namespace.jobs('once')).map(endCondition)[1]);
    await here.restart();
    expect((await namespace.untilCompleted('once')).progress?.completedIndices).toEqual([0, 1, 2]);
    expect(await namespace.jobNames('once')).toEqual(['once-0-s0', 'once-1-s1', 'once-2-s2']);
  });

  it(`creates exactly one Job for each step, in order, through ${KILLS} kills at random moments`, async () => {
    await here.crash();
    const scripts = Object.fromEntries(Array.from({ length: STEPS }, (_, i) => [i, 'sleep 0.5']));
    await namespace.apply('hunted', sequence(STEPS, scripts));
    await using uids = new SeenJobUIDs(namespace, 'hunted');
    for (let kill = 0; kill < KILLS; kill++) {
      const operator = Operator.controller(kubeconfig(), namespace.name);
      // From before its first request to well into its work, when it lives half a second.
      await sleep(150 + Math.random() * 900);
      await operator.end('SIGKILL');
    }
    await here.restart();
    const { steps } = await namespace.untilCompleted('hunted', 120);
    const jobs = await namespace.jobs('hunted');
    const names = Array.from({ length: STEPS }, (_, i) => `hunted-${i}-s${i}`);
    expect(jobs.map((job) => job.metadata.name)).toEqual(names);
    expect(steps?.map(({ jobUID }) => jobUID)).toEqual(jobs.map((job) => job.metadata.uid));
    expect(await uids.stop()).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
    expectOneAfterAnother(jobs);
  }, 300_000);

  it('ends with exit code 0 on SIGTERM', async () => {
    expect(await here.operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(here.operator.says('"msg":"stopped"')).toBe(true);
  });
});
