/** The samples on a real cluster, with real Pods: what a new user tries first. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/manifests.ts';
import { withRealPods } from '../support/real-pods.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const cluster = withRealPods('samples');
const { client, namespace } = cluster;
const disk = temporaryFolder();

const apply = (name: string): Promise<string> =>
  cluster.kubectl('apply', '-f', join(ROOT, 'config', 'samples', `${name}.yaml`));

/** The test cluster has no storage class: this volume stands in for one. */
beforeAll(async () => {
  const path = join(disk, 'volume');
  mkdirSync(path);
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path },
    persistentVolumeReclaimPolicy: 'Retain',
  };
  const body = { metadata: { name: namespace.name }, spec };
  await client.request({ method: 'POST', path: '/api/v1/persistentvolumes', body });
});
afterAll(() => cluster.kubectl('delete', 'persistentvolume', namespace.name, '--wait=false'));

/** How the containers of a Job's Pods ended. */
const endings = async (job: string): Promise<readonly unknown[]> =>
  (await cluster.podsOf(job)).flatMap(({ status }) => status.containerStatuses?.map(({ state }) => state.terminated));

describe('the samples', () => {
  it('etl: three steps pass data through a volume', async () => {
    await apply('etl');
    expect((await namespace.untilCompleted('etl', 180)).progress?.summary).toBe('3/3');
    for (const job of ['etl-0-extract', 'etl-1-transform', 'etl-2-load']) {
      expect(await endings(job)).toEqual([expect.objectContaining({ exitCode: 0 })]);
      expect((await cluster.kubectl('logs', `job/${job}`)).trim()).not.toBe('');
    }
  }, 240_000);

  it('failing: stops at the step that fails, whose Pod keeps its exit code and termination message', async () => {
    await apply('failing');
    const { status } = await namespace.untilFinished('failing', 180);
    const progress = { failedIndex: 1, failureReason: 'BackoffLimitExceeded', completedIndices: [0] };
    expect(status).toMatchObject({ phase: 'Failed', progress });
    const ends = await endings(status?.steps?.[1]?.jobName ?? '');
    expect(ends).toEqual([expect.objectContaining({ exitCode: 3, message: expect.stringMatching(/\S/) })]);
    expect(await namespace.jobNames('failing')).toHaveLength(2);
  }, 240_000);

  it('single-step: one container, one Job', async () => {
    await apply('single-step');
    expect((await namespace.untilCompleted('single-step', 180)).progress?.summary).toBe('1/1');
  }, 240_000);
});

describe('deletion on the real cluster', () => {
  it('deletes the running Pod', async () => {
    await namespace.apply('running', sequence(2, { 0: FOREVER }));
    await namespace.untilRunning('running', 0);
    await cluster.kubectl('delete', 'sj', 'running', '--timeout=60s');
    expect(await namespace.jobNames('running')).toEqual([]);
    expect(await namespace.pods('running')).toEqual([]);
  }, 240_000);
});
