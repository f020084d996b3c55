/**
 * The upgrade of a release that knows only v1alpha1 (commit 4c09972), and the way back. SEQUENTIALJOB_E2E_OLD_IMAGE names its image,
 * which the cluster's node must have already, as that of SEQUENTIALJOB_E2E_IMAGE; SEQUENTIALJOB_E2E_OLD_CHECKOUT is a folder with its
 * sources, whose Makefile deploys it. The tests share one deployment, in this order.
 */
import { V1ALPHA1_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubectl, untilServiceAccount } from '../support/cluster.ts';
import {
  leftovers,
  make,
  makeIn,
  operatorPods,
  removeOperator,
  tryMakeIn,
  untilBothReady,
  untilLeader,
  untilRolledOut,
} from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { type KeptState, keptState } from '../support/kept-state.ts';
import { Namespace } from '../support/namespace.ts';
import { gated } from '../support/real-pods.ts';
import { RequestsOfV1alpha1 } from '../support/requests-of-v1alpha1.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { createSequences, MANIFESTS, openGate } from '../support/sequences-of-v1alpha1.ts';
import { manifest as writtenInV1beta1, sequence, step } from '../support/sequences.ts';
import { askServer } from '../support/server-features.ts';
import { V1ALPHA1_RESOURCE, writtenInV1alpha1 } from '../support/v1alpha1.ts';

const IMAGE = process.env['SEQUENTIALJOB_E2E_IMAGE'];
const OLD_IMAGE = process.env['SEQUENTIALJOB_E2E_OLD_IMAGE'];
const OLD_CHECKOUT = process.env['SEQUENTIALJOB_E2E_OLD_CHECKOUT'] ?? '';
const isAskedFor = IMAGE !== undefined && OLD_IMAGE !== undefined && OLD_CHECKOUT !== '';
const [suite, title] = isAskedFor
  ? [describe, 'an upgrade from v1alpha1']
  : [
      describe.skip,
      'an upgrade from v1alpha1 (not asked for: SEQUENTIALJOB_E2E_OLD_IMAGE and …_OLD_CHECKOUT name no release)',
    ];

const V1BETA1_RESOURCE = 'sequentialjobs.v1beta1.batch.example.com';

/** In either version. */
interface RawObject {
  readonly metadata: { readonly uid: string };
  readonly spec: object;
  readonly status: object;
}

const NO_FAILURE = expect.objectContaining({ failures: [] });
const ALL_ANSWERED = { get: NO_FAILURE, list: NO_FAILURE, create: NO_FAILURE, patch: NO_FAILURE };

let client: ApiClient;
/** As a user of v1alpha1 has it, before, between and after. */
let namespace: Namespace;
let everyJob: SeenJobUIDs | undefined;
let before: KeptState;

suite(title, () => {
  beforeAll(async () => {
    client = connect();
    namespace = new Namespace(client, 'upgrade', V1ALPHA1_SEQUENTIAL_JOBS);
    // Other suites leave the definition.
    await make('uninstall');
    await makeIn(OLD_CHECKOUT, 'deploy', `IMG=${OLD_IMAGE}`);
    await untilRolledOut();
    await namespace.create();
    await untilServiceAccount(namespace.name);
    everyJob = new SeenJobUIDs(namespace);
    await createSequences(namespace, client);
    before = await keptState(namespace);
  }, 600_000);

  afterAll(async () => {
    await everyJob?.stop();
    // After a failure, what the last test has removed otherwise, of either release.
    await removeOperator();
    await tryMakeIn(OLD_CHECKOUT, 'undeploy', 'FORCE=yes');
    if (await namespace.exists()) {
      await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
    }
    await client.close();
  }, 600_000);

  it('serves v1alpha1 while the operator is upgraded', async () => {
    await apply(writtenInV1alpha1('busy-1', { containers: manySteps() }));
    await using requests = new RequestsOfV1alpha1(namespace, 'busy-1');
    await make('deploy', `IMG=${IMAGE}`);
    await untilRolledOut();
    expect(await requests.end()).toEqual(ALL_ANSWERED);
  }, 600_000);

  it('replaces the Pods, and none of the new ones is restarted', async () => {
    await untilBothReady(client);
    await untilLeader(client);
    for (const { status } of await operatorPods(client)) {
      expect(status.containerStatuses).toEqual([expect.objectContaining({ ready: true, restartCount: 0 })]);
    }
  });

  it('runs a new sequence of each version', async () => {
    await apply(writtenInV1alpha1('new-v1alpha1', { containers: [step('first'), step('second')] }));
    await apply(writtenInV1beta1('new-v1beta1', sequence(2)));
    for (const name of ['new-v1alpha1', 'new-v1beta1']) await namespace.untilCompleted(name);
  });

  it('keeps every Pod, Job and status', async () => {
    expect(await keptState(namespace)).toMatchObject(before);
  });

  it('shows each sequence in both versions', async () => {
    for (const { metadata, spec } of MANIFESTS) {
      const [old, now] = await Promise.all([
        read(V1ALPHA1_RESOURCE, metadata.name),
        read(V1BETA1_RESOURCE, metadata.name),
      ]);
      expect(old).toMatchObject({ apiVersion: 'batch.example.com/v1alpha1', spec });
      expect(now).toMatchObject({ apiVersion: 'batch.example.com/v1beta1', status: old.status });
      expect(now.metadata.uid).toBe(old.metadata.uid);
    }
    const { steps, job } = (await read(V1BETA1_RESOURCE, 'policies')).spec as SequentialJobSpec;
    expect({ job, steps }).toMatchObject({
      job: { backoffLimit: 0 },
      steps: [
        { name: 'extract', image: 'busybox:1.36' },
        { name: 'check', job: { backoffLimit: 1 }, onFailure: 'Continue' },
        { name: 'load', job: { activeDeadlineSeconds: 60 } },
      ],
    });
  });

  it('accepts the unchanged manifests of v1alpha1', async () => {
    expect(await apply(...MANIFESTS)).toEqual(
      MANIFESTS.map(({ metadata: { name } }) => `sequentialjob.batch.example.com/${name} unchanged`),
    );
  });

  it('goes on with the running sequences, and with what their policies say', async () => {
    await openGate(namespace, 'night-1-0-extract');
    await openGate(namespace, 'policies-0-extract');
    expect(await namespace.untilCompleted('night-1')).toMatchObject({ progress: { summary: '3/3' } });
    expect(await namespace.untilCompleted('policies')).toMatchObject({
      progress: { completedIndices: [0, 2] },
      steps: [{ state: 'Succeeded' }, { state: 'Failed', attempts: 2, exitCode: 3 }, { state: 'Succeeded' }],
    });
  });

  it('resumes the failed one at its failed step', async () => {
    const settings = JSON.stringify({ data: { token: 'right' } });
    await namespace.kubectl(['patch', 'configmap', 'settings', '--type=merge', `--patch=${settings}`]);
    await namespace.resume('failed', 1);
    await namespace.untilPhase('failed', 'Completed');
    expect(await namespace.jobNames('failed')).toEqual(
      expect.arrayContaining(['failed-0-extract', 'failed-1-load', 'failed-1-load-r1', 'failed-2-report-r1']),
    );
  });

  it('continues the suspended one, and starts the one that waits', async () => {
    await namespace.setSuspend('suspended', false);
    if ((await askServer(client)).suspendsJobs) {
      await namespace.untilRunning('suspended', 0);
      await openGate(namespace, 'suspended-0-first');
    }
    await namespace.kubectl(['create', 'configmap', 'late', '--from-literal=token=there']);
    for (const name of ['suspended', 'waiting']) await namespace.untilCompleted(name);
  });

  it('has run a sequence of many steps meanwhile, first by the one release and then by the other', async () => {
    await namespace.untilCompleted('busy-1', 120);
    expect(await ownersOfJobs('busy-1')).toEqual(['batch.example.com/v1alpha1', 'batch.example.com/v1beta1']);
  }, 150_000);

  it('stores only v1beta1 after `make migrate`', async () => {
    expect(await storedVersions()).toEqual(['v1alpha1', 'v1beta1']);
    await make('migrate');
    expect(await storedVersions()).toEqual(['v1beta1']);
    expect(await ownersOfJobs('busy-1')).toEqual(['batch.example.com/v1beta1']);
    expect(await keptState(namespace)).toMatchObject({ pods: before.pods, jobs: before.jobs });
  });

  describe('the way back', () => {
    it('starts with a new sequence in a step', async () => {
      const last = [{ ...step('report'), when: 'Always' }];
      await apply(writtenInV1beta1('young', { ...sequence(2, { 0: gated() }), finally: last }));
      await namespace.untilRunning('young', 0);
      before = await keptState(namespace);
    });

    it('goes by `make prepare-rollback`, and by `make deploy` of the old release, while v1alpha1 can be read', async () => {
      await apply(writtenInV1beta1('busy-2', { steps: manySteps() }));
      await namespace.untilRunning('busy-2', 2);
      await using requests = new RequestsOfV1alpha1(namespace, 'busy-2');
      await make('prepare-rollback');
      expect(await storedVersions()).toEqual(['v1alpha1']);
      expect(await operatorPods(client)).toEqual([]);
      await makeIn(OLD_CHECKOUT, 'deploy', `IMG=${OLD_IMAGE}`);
      await untilRolledOut();
      // Nothing is admitted while no Pod runs.
      expect(await requests.end()).toMatchObject({ get: NO_FAILURE, list: NO_FAILURE });
      await untilBothReady(client);
      await untilLeader(client);
    }, 600_000);

    it('keeps every Pod, Job and status', async () => {
      await apply(writtenInV1alpha1('after', { containers: [step('first')] }));
      await namespace.untilCompleted('after');
      expect(await keptState(namespace)).toMatchObject(before);
    });

    it('goes on with what runs, but for `finally`, which the old release does not know', async () => {
      await openGate(namespace, 'long-0-first');
      await openGate(namespace, 'young-0-s0');
      await namespace.untilCompleted('long');
      await namespace.untilCompleted('young');
      expect(await namespace.jobNames('young')).toEqual(['young-0-s0', 'young-1-s1']);
      await namespace.untilCompleted('busy-2', 120);
      expect(await ownersOfJobs('busy-2')).toEqual(['batch.example.com/v1alpha1']);
      expect(await namespace.jobs('busy-2')).toHaveLength(manySteps().length);
    }, 150_000);

    it('has started each step once', async () => {
      const seen = (await everyJob?.stop()) ?? {};
      expect(Object.entries(seen).filter(([, count]) => count !== 1)).toEqual([]);
      expect(Object.keys(seen)).toEqual(expect.arrayContaining(['night-1-0-extract', 'long-0-first', 'young-0-s0']));
    });

    it('deletes the sequences with their Jobs of both releases', async () => {
      // kubectl remembers the versions that were served, and deletes nothing in one that is gone.
      await kubectl('api-resources');
      await kubectl('delete', 'sequentialjobs', '-n', namespace.name, '--all', '--timeout=200s');
      await namespace.untilNoJobs();
      await namespace.untilNoPods();
    }, 600_000);

    it('leaves nothing in the cluster when the old release is removed', async () => {
      await makeIn(OLD_CHECKOUT, 'undeploy');
      await makeIn(OLD_CHECKOUT, 'uninstall');
      await eventually('nothing of the operator', async () => (await leftovers()).length === 0);
    }, 600_000);
  });
});

/** Enough to run for longer than the operator is replaced. */
function manySteps(): readonly Container[] {
  return Array.from({ length: 25 }, (_, i) => step(`s${i}`, 'sleep 1'));
}

/** The versions by which the Jobs of a sequence name their owner, as they follow one another. */
async function ownersOfJobs(name: string): Promise<readonly (string | undefined)[]> {
  const jobs = await namespace.jobs(name);
  return [...new Set(jobs.map(({ metadata }) => metadata.ownerReferences?.[0]?.apiVersion))];
}

/** Applies as a user does, and says what kubectl printed. */
async function apply(...objects: readonly object[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await namespace.kubectl(['apply', '-f', '-'], ...objects);
  if (code !== 0) throw new Error(stderr);
  return stdout.trimEnd().split('\n');
}

async function read(resource: string, name: string): Promise<RawObject> {
  const { stdout } = await namespace.kubectl(['get', resource, name, '-o', 'json']);
  return JSON.parse(stdout) as RawObject;
}

async function storedVersions(): Promise<unknown> {
  const crd = await kubectl(
    'get',
    'crd',
    'sequentialjobs.batch.example.com',
    '-o',
    'jsonpath={.status.storedVersions}',
  );
  return JSON.parse(crd);
}
