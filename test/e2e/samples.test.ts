/** The samples on a real cluster, with real Pods: what a new user tries first. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubeconfig, kubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CRD = join(ROOT, 'config', 'crd');
const sample = (name: string): string => join(ROOT, 'config', 'samples', `${name}.yaml`);

let client: ApiClient;
let namespace: Namespace;
let operator: Operator;
let disk: string;

beforeAll(async () => {
  client = connect();
  await kubectl('apply', '-f', CRD);
  // Asked again: kubectl's wait fails at once on a definition that has no conditions yet.
  await eventually('the resource', async () => {
    await kubectl('wait', '--for=condition=established', '--timeout=30s', 'crd/sequentialjobs.batch.example.com');
    return true;
  });
  namespace = await Namespace.create(client, 'samples');
  await eventually('the service account', async () => {
    await kubectl('get', 'serviceaccount', 'default', '-n', namespace.name);
    return true;
  });
  disk = await mkdtemp(join(tmpdir(), 'sequentialjob-e2e-'));
  await createVolume();
  operator = await Operator.start(kubeconfig(), namespace.name);
}, 120_000);

afterAll(async () => {
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.request({ method: 'DELETE', path: `/api/v1/persistentvolumes/${namespace.name}` });
  await client.close();
  await rm(disk, { recursive: true, force: true });
});

/** The test cluster has no storage class: this volume stands in for one. */
async function createVolume(): Promise<void> {
  const path = join(disk, 'volume');
  await mkdir(path);
  await client.request({
    method: 'POST',
    path: '/api/v1/persistentvolumes',
    body: {
      metadata: { name: namespace.name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path },
        persistentVolumeReclaimPolicy: 'Retain',
      },
    },
  });
}

interface PodList {
  readonly items: readonly {
    readonly status: {
      readonly containerStatuses: readonly {
        readonly state: { readonly terminated?: { readonly exitCode: number; readonly message?: string } };
      }[];
    };
  }[];
}

/** How the containers of a Job's Pods ended. */
async function endings(job: string): Promise<readonly unknown[]> {
  const pods = JSON.parse(
    await kubectl('get', 'pods', '-n', namespace.name, '-l', `job-name=${job}`, '-o', 'json'),
  ) as PodList;
  return pods.items.flatMap(({ status }) => status.containerStatuses.map(({ state }) => state.terminated));
}

async function logs(job: string): Promise<string> {
  return kubectl('logs', '-n', namespace.name, `job/${job}`);
}

describe('the samples', () => {
  it('etl: three steps hand their data on through a volume', async () => {
    await kubectl('apply', '-n', namespace.name, '-f', sample('etl'));
    const { status } = await namespace.untilFinished('etl', 180);
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '3/3' } });
    for (const [i, name] of ['extract', 'transform', 'load'].entries()) {
      expect(await endings(`etl-${i}-${name}`)).toEqual([expect.objectContaining({ exitCode: 0 })]);
      expect((await logs(`etl-${i}-${name}`)).trim()).not.toBe('');
    }
  }, 240_000);

  it('failing: stops at the step that fails, whose exit code and last words the Pod keeps', async () => {
    await kubectl('apply', '-n', namespace.name, '-f', sample('failing'));
    const { status } = await namespace.untilFinished('failing', 180);
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 1, failureReason: 'BackoffLimitExceeded', completedIndices: [0] },
    });
    const failed = status?.steps?.[1]?.jobName ?? '';
    const ends = await endings(failed);
    expect(ends).toEqual([expect.objectContaining({ exitCode: 3, message: expect.stringMatching(/\S/) })]);
    expect(await namespace.jobNames('failing')).toHaveLength(2);
  }, 240_000);

  it('single-step: one container, one Job', async () => {
    await kubectl('apply', '-n', namespace.name, '-f', sample('single-step'));
    const { metadata, status } = await namespace.untilFinished('single-step', 180);
    expect(metadata.name).toBe('single-step');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '1/1' } });
  }, 240_000);
});

describe('deletion on the real cluster', () => {
  it('takes the running Pod along', async () => {
    await namespace.apply('running', sequence(2, { 0: FOREVER }));
    await eventually('its Pod runs', async () => {
      const phase = await kubectl(
        'get',
        'pods',
        '-n',
        namespace.name,
        '-l',
        'batch.example.com/sequentialjob=running',
        '-o',
        'jsonpath={.items[*].status.phase}',
      );
      return phase === 'Running';
    });
    await kubectl('delete', 'sj', 'running', '-n', namespace.name, '--timeout=60s');
    expect(await namespace.jobNames('running')).toEqual([]);
    const pods = await kubectl(
      'get',
      'pods',
      '-n',
      namespace.name,
      '-l',
      'batch.example.com/sequentialjob=running',
      '-o',
      'name',
    );
    expect(pods.trim()).toBe('');
  }, 240_000);
});
