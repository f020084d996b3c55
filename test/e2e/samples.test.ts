/** The samples on a real cluster, with real Pods: what a new user tries first. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { condition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { withRealPods } from '../support/real-pods.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const cluster = withRealPods('samples');
const { client, namespace } = cluster;
const disk = temporaryFolder();

const apply = (name: string): Promise<string> =>
  cluster.kubectl('apply', '-f', join(ROOT, 'config', 'samples', `${name}.yaml`));

/** The test cluster has no storage class: these volumes stand in for one, each for the claim of one sample. */
const VOLUMES = ['etl-data', 'dump-backup', 'data-train'];

beforeAll(async () => {
  for (const claim of VOLUMES) {
    const path = join(disk, claim);
    mkdirSync(path);
    const spec = {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: namespace.name, name: claim },
    };
    const body = { metadata: { name: `${namespace.name}-${claim}` }, spec };
    await client.request({ method: 'POST', path: '/api/v1/persistentvolumes', body });
  }
});
afterAll(async () => {
  const names = VOLUMES.map((claim) => `${namespace.name}-${claim}`);
  await cluster.kubectl('delete', 'persistentvolume', ...names, '--wait=false');
});

const logOf = async (job: string): Promise<string> => (await cluster.kubectl('logs', `job/${job}`)).trim();

/** Why the current step cannot start. */
const waitsFor = (object: SequentialJob): string | undefined => condition(object, 'ResourcesUnavailable')?.reason;

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

describe('the samples for a task', () => {
  it('backup: the steps share a claim of the sequence, the checksum is handed on, and the claim goes with the sequence', async () => {
    await apply('backup');
    expect((await namespace.untilCompleted('backup', 180)).progress?.summary).toBe('3/3');
    expect(await logOf('backup-2-upload')).toMatch(/OK\nuploaded with checksum [0-9a-f]{64}$/);
    await cluster.kubectl('delete', 'sj', 'backup', '--timeout=60s');
    await eventually(
      'no claim of the sequence',
      async () => !(await cluster.kubectl('get', 'pvc')).includes('dump-backup'),
    );
  }, 240_000);

  it('migrate: finally rolls back, and tells which step failed', async () => {
    await apply('migrate');
    const { status } = await namespace.untilFinished('migrate', 180);
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 1, failureReason: 'BackoffLimitExceeded' },
    });
    expect(status?.finally?.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'rollback Succeeded',
      'notify Succeeded',
    ]);
    expect(await logOf('migrate-finally-0-rollback')).toBe('rolled back to version 41');
    expect(await logOf('migrate-finally-1-notify')).toBe('migration: Failed migrate BackoffLimitExceeded');
  }, 240_000);

  it('train: only the step that needs a GPU waits for one', async () => {
    await apply('train');
    // The first Pod may be unschedulable for a moment, too, while its claim is bound.
    const isTraining = ({ status }: SequentialJob): boolean => status?.progress?.currentStep === 'train';
    await namespace.until('train', (object) => isTraining(object) && waitsFor(object) === 'Unschedulable', 180);
    expect((await namespace.get('train')).status?.steps?.map(({ state }) => state)).toEqual(['Succeeded', 'Running']);
  }, 240_000);

  it('kueue: each Job is labelled for its queue', async () => {
    await apply('kueue');
    await namespace.untilCompleted('kueue', 180);
    const labels = (await namespace.jobs('kueue')).map(
      ({ metadata }) => metadata.labels?.['kueue.x-k8s.io/queue-name'],
    );
    expect(labels).toEqual(['team-a', 'team-a']);
  }, 240_000);

  it('docker-build: the API server accepts it', async () => {
    const file = join(ROOT, 'config', 'samples', 'docker-build.yaml');
    expect(await cluster.kubectl('apply', '--dry-run=server', '-f', file)).toContain('created (server dry run)');
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
