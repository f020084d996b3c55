/** The controller dies, again and again: the sequence goes on as if nothing had happened. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { sleep } from '../../shared/sleep.ts';
import { connect, endCondition, kubeconfig, type RawJob } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';

const KILLS = 20;
const STEPS = 10;

let client: ApiClient;
let namespace: Namespace;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'restart');
});

afterAll(async () => {
  const operator = await Operator.start(kubeconfig(), namespace.name);
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.close();
});

function expectOneAfterAnother(jobs: readonly RawJob[]): void {
  for (const [i, job] of jobs.entries()) {
    const before = jobs[i - 1];
    if (before === undefined) continue;
    expect(Date.parse(job.metadata.creationTimestamp)).toBeGreaterThanOrEqual(
      Date.parse(before.status.completionTime ?? 'never'),
    );
  }
}

describe('a controller that is killed', () => {
  it('goes on in the middle of a sequence', async () => {
    let operator = await Operator.start(kubeconfig(), namespace.name);
    await namespace.apply('once', sequence(3, { 1: 'sleep 2' }));
    await namespace.until('once', ({ status }) => status?.steps?.[1]?.state === 'Running');
    await operator.end('SIGKILL');
    await eventually('the end of its Job', async () => {
      const [, running] = await namespace.jobs('once');
      return running === undefined ? undefined : endCondition(running);
    });
    operator = await Operator.start(kubeconfig(), namespace.name);
    const { status } = await namespace.untilFinished('once');
    expect(status).toMatchObject({ phase: 'Completed', progress: { completedIndices: [0, 1, 2] } });
    expect(await namespace.jobNames('once')).toEqual(['once-0-s0', 'once-1-s1', 'once-2-s2']);
    await operator.end('SIGTERM');
  });

  it(`gives every step exactly one Job, in order, through ${KILLS} kills at random moments`, async () => {
    const scripts = Object.fromEntries(Array.from({ length: STEPS }, (_, i) => [i, 'sleep 0.5']));
    await namespace.apply('hunted', sequence(STEPS, scripts));
    const uids = new SeenJobUIDs(namespace, 'hunted');
    for (let kill = 0; kill < KILLS; kill++) {
      const operator = Operator.controller(kubeconfig(), namespace.name);
      // From before its first request to well into its work, when it lives half a second.
      await sleep(150 + Math.random() * 900);
      await operator.end('SIGKILL');
    }
    const operator = await Operator.start(kubeconfig(), namespace.name);
    const { status } = await namespace.untilFinished('hunted');
    const seen = await uids.stop();
    await operator.end('SIGTERM');

    expect(status?.phase).toBe('Completed');
    const jobs = await namespace.jobs('hunted');
    const names = Array.from({ length: STEPS }, (_, i) => `hunted-${i}-s${i}`);
    expect(jobs.map((job) => job.metadata.name)).toEqual(names);
    expect(status?.steps?.map((recorded) => recorded.jobUID)).toEqual(jobs.map((job) => job.metadata.uid));
    expect(seen).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
    expectOneAfterAnother(jobs);
  }, 180_000);

  it('ends cleanly on SIGTERM', async () => {
    const operator = await Operator.start(kubeconfig(), namespace.name);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(operator.says('"msg":"stopped"')).toBe(true);
  });
});
