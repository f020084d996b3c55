/**
 * The operator as it is deployed: its image, its manifests, two Pods. SEQUENTIALJOB_E2E_IMAGE names the image, which the
 * cluster's node must have already; the tests run on that node, as root. They share one deployment, in this order.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { CRON_SEQUENTIAL_JOBS, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { connect, kubectl, untilServiceAccount } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import {
  DEPLOYMENT,
  inSystem,
  insideOf,
  killProcess,
  leads,
  leftovers,
  make,
  operatorPods,
  removeOperator,
  scaleToZero,
  servedCertificates,
  setNetwork,
  tryMake,
  untilBothReady,
  untilLeader,
  untilPodsGone,
  untilRolledOut,
} from '../support/deployed.ts';
import {
  deleteUntilHeld,
  removeFinalizers,
  untilNamespaceGone,
  withFinishedSequence,
} from '../support/deleted-namespace.ts';
import { HeldSequence } from '../support/deployed-sequence.ts';
import { ObjectStream } from '../support/deployed-stream.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { scheduleManifest, sequence } from '../support/sequences.ts';
import { askServer } from '../support/server-features.ts';

const IMAGE = process.env['SEQUENTIALJOB_E2E_IMAGE'];
const [suite, title] =
  IMAGE === undefined
    ? [describe.skip, 'the deployment (not asked for: SEQUENTIALJOB_E2E_IMAGE names no image)']
    : [describe, 'the deployment'];

/** Seconds that a hand-off may be late: a lease of 15, a retry every 2, and times in whole seconds. */
const LATEST_S = 20;

let client: ApiClient;
let namespace: Namespace;

suite(title, () => {
  beforeAll(async () => {
    client = connect();
    await make('deploy', `IMG=${IMAGE}`);
    await untilRolledOut();
    namespace = await Namespace.create(client, 'deployment');
    await untilServiceAccount(namespace.name);
  }, 600_000);

  afterAll(async () => {
    // After a failure, what the last test has removed otherwise.
    await removeOperator();
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
    await client.close();
  }, 600_000);

  it('has two Pods that are ready and have never been restarted', async () => {
    await untilBothReady(client);
    for (const { status, spec } of await operatorPods(client)) {
      expect(status.containerStatuses).toEqual([expect.objectContaining({ ready: true, restartCount: 0 })]);
      expect(status.qosClass).toBe('Burstable');
      expect(spec.priorityClassName).toBeUndefined();
    }
  });

  it('has one leader, according to the metrics of each Pod', async () => {
    await untilLeader(client);
    const both = await untilBothReady(client);
    expect((await Promise.all(both.map(leads))).filter(Boolean)).toHaveLength(1);
  });

  it('runs as a non-root user, on a read-only file system', async () => {
    const script = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const status = readFileSync('/proc/1/status', 'utf8');
      const field = (name) => new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm').exec(status)[1];
      const write = (file) => { try { writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } };
      const written = ['/app/x', '/certificate/x', '/x', '/tmp/x'].map(write);
      const code = require('node:module').getCompileCacheDir() ?? '';
      const [user, capabilities, privileges, seccomp] = ['Uid', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map(field);
      console.log(JSON.stringify({ user, capabilities, privileges, seccomp, written, code }));`;
    for (const pod of await untilBothReady(client)) {
      expect(await insideOf(pod, script)).toEqual({
        user: '65532',
        capabilities: '0000000000000000',
        privileges: '1',
        seccomp: '2',
        written: ['EROFS', 'EROFS', 'EROFS', 'EROFS'],
        // The compiled code is the image's.
        code: expect.stringMatching(/^\/app\/code\/v24\./),
      });
    }
  });

  it('completes a sequence, with its defaults from the webhook', async () => {
    const created = await namespace.apply('etl', sequence(3));
    expect(created.metadata.finalizers).toEqual([FINALIZER]);
    expect(created.spec).toMatchObject({ suspend: false, updatePolicy: 'Immutable' });
    expect((await namespace.untilCompleted('etl')).progress?.summary).toBe('3/3');
    expect(await namespace.jobNames('etl')).toEqual(['etl-0-s0', 'etl-1-s1', 'etl-2-s2']);
  });

  // Which faults, and in which words: test/integration/admission.test.ts.
  it('refuses an invalid sequence, and changes of one that has started', async () => {
    const file = join(ROOT, 'config', 'samples', 'invalid.yaml');
    const { code, stderr } = await namespace.kubectl(['apply', '-f', file]);
    expect(code).toBe(1);
    expect(stderr.match(/^\* spec\./gm)).toHaveLength(5);
    const patch = JSON.stringify({ spec: { job: { backoffLimit: 5 } } });
    const said = await namespace.kubectl(['patch', 'sj', 'etl', '--type=merge', `--patch=${patch}`]);
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('spec.job.backoffLimit') });
    expect((await namespace.get('etl')).spec.job?.backoffLimit).toBe(0);
  });

  it('starts the runs of a schedule, and refuses one whose template no run could have', async () => {
    const schedule = (steps: readonly object[]): object =>
      scheduleManifest('minutely', { schedule: '* * * * *', sequentialJobTemplate: { spec: { steps } } });
    const twice = [...sequence(1).steps, ...sequence(1).steps];
    await expect(namespace.createObject(CRON_SEQUENTIAL_JOBS, schedule(twice))).rejects.toThrow(
      /spec\.sequentialJobTemplate\.spec\.steps\[1\]\.name: Duplicate value: "s0"/,
    );
    await namespace.createObject(CRON_SEQUENTIAL_JOBS, schedule(sequence(1).steps));
    const run = await eventually(
      'a run',
      async () => {
        const found = await namespace.list<SequentialJob>(SEQUENTIAL_JOBS);
        return found.find(({ metadata }) => /^minutely-\d+$/.test(metadata.name))?.metadata.name;
      },
      120,
    );
    await namespace.untilCompleted(run);
    await namespace.deleteObject(CRON_SEQUENTIAL_JOBS, 'minutely');
    await namespace.untilGone(run);
  }, 240_000);

  it('uses a renewed certificate without a failed request', async () => {
    const before = await servedCertificates(client);
    await using stream = new ObjectStream(namespace, 'rotation');
    await make('certificate');
    // The kubelet brings the new files within two minutes; a change to its Pod has it look at once.
    await inSystem('annotate', 'pods', '--all', '--overwrite', `tests.example.com/at=${Date.now()}`);
    await eventually(
      'a new certificate, from both Pods',
      async () => {
        const after = await servedCertificates(client);
        return after.length === 2 && after.every((one) => !before.includes(one));
      },
      180,
    );
    await stream.more(20);
    expect(await stream.end()).toEqual([]);
  }, 600_000);

  it('is restarted without a failed request', async () => {
    const before = await untilBothReady(client);
    await using stream = new ObjectStream(namespace, 'restart');
    await inSystem('rollout', 'restart', DEPLOYMENT);
    await untilRolledOut();
    await untilPodsGone(before);
    await stream.more(20);
    expect(await stream.end()).toEqual([]);
    expect(stream.count).toBeGreaterThan(50);
  }, 600_000);

  it('changes the leader when its Pod is deleted, and serves 200 applies meanwhile', async () => {
    const first = await untilLeader(client);
    await using held = await HeldSequence.start(namespace, 'hand-over');
    await using stream = new ObjectStream(namespace, 'handed-over', 210);
    await stream.more(10);
    await inSystem('delete', 'pod', first, '--wait=false');
    await Promise.all([stream.more(200), held.open()]);
    expect(await held.handOffSeconds()).toBeLessThanOrEqual(LATEST_S);
    expect(await untilLeader(client)).not.toBe(first);
    await untilPodsGone([first]);
    await untilBothReady(client);
    await stream.more(10);
    expect(await stream.end()).toEqual([]);
    expect(await held.jobsEver()).toEqual(onceEach('hand-over'));
  }, 600_000);

  it.each([
    ['crash', 'whose process is killed', killProcess],
    ['loss', 'whose Pod is deleted by force', forceDelete],
  ])(
    'goes on with a sequence (%s) after a leader %s, late by its lease at most, with one Job for each step',
    async (name, _how, strike) => {
      await using held = await HeldSequence.start(namespace, name);
      await strike(await untilLeader(client));
      await held.open();
      expect(await held.handOffSeconds()).toBeLessThanOrEqual(LATEST_S);
      expect(await held.jobsEver()).toEqual(onceEach(name));
      await untilBothReady(client);
    },
    600_000,
  );

  it('changes the leader when the network between the leader and the API server is cut, and never has two', async () => {
    const pods = await untilBothReady(client);
    const first = await untilLeader(client);
    const second = pods.find((name) => name !== first) ?? '';
    await using held = await HeldSequence.start(namespace, 'cut');
    await using stream = new ObjectStream(namespace, 'cut-off');
    await setNetwork(first, 'cut');
    try {
      await held.open();
      // In this order: whoever led when the second did leads beside it.
      await eventually('the second leads', async () => await leads(second), LATEST_S + 10);
      expect(await leads(first)).toBe(false);
      expect(await held.handOffSeconds()).toBeLessThanOrEqual(LATEST_S);
    } finally {
      await setNetwork(first, 'healed');
    }
    await eventually('the first stands by', async () =>
      (await inSystem('logs', first)).trimEnd().endsWith('"standing by"}'),
    );
    expect(await Promise.all([leads(first), leads(second)])).toEqual([false, true]);
    expect(await held.jobsEver()).toEqual(onceEach('cut'));
    expect(await stream.end()).toEqual([]);
    expect(await untilBothReady(client)).toEqual(pods);
  }, 600_000);

  it('scaled to zero, blocks the deletion of a namespace until it is back, or until somebody removes the finalizers', async () => {
    const { knowsMatchConditions } = await askServer(client);
    const [byHand, byItself] = await Promise.all([
      withFinishedSequence(client, 'freed-by-hand'),
      withFinishedSequence(client, 'freed-by-itself'),
    ]);
    await scaleToZero();
    await Promise.all([byHand, byItself].map(deleteUntilHeld));
    const said = await removeFinalizers(byHand);
    if (knowsMatchConditions) {
      expect(said).toMatchObject({ code: 0 });
    } else {
      // The server asks the webhook about every update, and its configurations must go first.
      expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('failed calling webhook') });
      const kinds = 'mutatingwebhookconfiguration,validatingwebhookconfiguration';
      await kubectl('delete', kinds, 'sequentialjob-webhook');
      expect(await removeFinalizers(byHand)).toMatchObject({ code: 0 });
    }
    await untilNamespaceGone(byHand);
    expect(await byItself.exists()).toBe(true);
    await make('deploy', `IMG=${IMAGE}`);
    await untilRolledOut();
    await untilNamespaceGone(byItself);
    await untilBothReady(client);
  }, 600_000);

  it('is not removed while a SequentialJob exists', async () => {
    await namespace.apply('kept', sequence(1, {}, { suspend: true }));
    const { code, stderr } = await tryMake('undeploy');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/\d+ SequentialJobs exist, .* delete them first/);
    await untilBothReady(client);
  });

  it('leaves nothing in the cluster when it is removed', async () => {
    await kubectl('delete', 'sequentialjobs', '-n', namespace.name, '--all', '--timeout=60s');
    await make('undeploy');
    await make('uninstall');
    // The server goes on for a moment to offer what it no longer has.
    await eventually('nothing of the operator', async () => (await leftovers()).length === 0);
  }, 600_000);
});

/** Each of a sequence's Jobs, made once. */
function onceEach(name: string): Readonly<Record<string, number>> {
  return { [`${name}-0-s0`]: 1, [`${name}-1-s1`]: 1, [`${name}-2-s2`]: 1 };
}

async function forceDelete(pod: string): Promise<void> {
  await inSystem('delete', 'pod', pod, '--force', '--grace-period=0');
}
