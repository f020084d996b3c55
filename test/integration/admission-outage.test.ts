/**
 * The webhook is down: what is refused and how that reads, what goes on, and that nothing is stuck when it is back. A server
 * with matchConditions (1.28) does not ask the webhook about an update that needs no verdict, so those go on too.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Child } from '../../local/processes/child.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { ownAdmission } from '../support/admission.ts';
import { type CommandResult, kubeconfig, kubectl } from '../support/cluster.ts';
import { FOREVER, manifest, sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startWebhook } from '../support/webhook.ts';
import { withController } from '../support/with-controller.ts';

const server = await serverOfTests();

const STOP_MS = 5_000;
const KIB = 1024;

/** Of the webhook configurations, and of the namespace's label. */
const name = `outage-${randomBytes(4).toString('hex')}`;
const { labels, selector: namespaceSelector } = ownAdmission(name);
const here = withController('outage', { labels });
const { client, namespace } = here;
const state = temporaryFolder();
let webhook: Child;

/** Starts a webhook for this test's namespace alone. */
async function start(): Promise<void> {
  const options = {
    state,
    kubeconfig: kubeconfig(),
    name,
    namespace: namespace.name,
    namespaceSelector,
    converts: false,
  };
  webhook = await startWebhook(kubectl, options);
}

beforeAll(start, 60_000);
afterAll(async () => {
  await webhook.stop(STOP_MS);
  await kubectl('delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', name);
});

const apply = (of: string, spec: object): Promise<CommandResult> =>
  namespace.kubectl(['apply', '-f', '-'], manifest(of, spec));

/** What the API server says where it cannot ask. */
const NOT_ASKED = /"validate\.sequentialjobs\.batch\.example\.com"/;

/** kubectl replace, but with whatever its metadata says. */
async function replace(object: object): Promise<SequentialJob> {
  const path = objectPath(SEQUENTIAL_JOBS, namespace.name, (object as SequentialJob).metadata.name);
  return client.request({ method: 'PUT', path, body: object });
}

describe('while the webhook is down', () => {
  beforeAll(async () => {
    for (const running of ['robbed', 'deleted']) {
      await namespace.apply(running, sequence(2, { 0: FOREVER }));
      await namespace.untilRunning(running, 0);
    }
    await namespace.apply('still', { ...sequence(2), suspend: true });
    // Of some 900 KiB, close to the limit.
    const steps = sequence(100).steps.map((one) => Object.assign({ args: ['x'.repeat(9 * KIB)] }, one));
    await namespace.apply('long', { steps, suspend: true });
    await webhook.stop(STOP_MS);
  });

  it('its process has exited with code 0', () => {
    expect(webhook.ended()).toBe('exit code 0');
  });

  it('new objects are rejected, and kubectl names the webhook', async () => {
    const { code, stdout, stderr } = await apply('new', sequence(1));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/\(InternalError\).*"mutate\.sequentialjobs\.batch\.example\.com"/);
  });

  it('spec changes are rejected, for any generation or deletionTimestamp that the client sends', async () => {
    const { metadata, ...object } = await namespace.get('still');
    const changed = (more: object): Promise<unknown> =>
      replace({
        ...object,
        spec: { ...object.spec, ttlSecondsAfterFinished: 7 },
        metadata: { ...metadata, ...more },
      });
    for (const generation of [undefined, 0, metadata.generation, (metadata.generation ?? 0) + 1]) {
      await expect(changed({ generation })).rejects.toThrow(NOT_ASKED);
    }
    const deletionTimestamp = '2026-11-02T10:00:00Z';
    await expect(changed({ deletionTimestamp })).rejects.toThrow(/metadata\.deletionTimestamp/);
    expect((await namespace.get('still')).spec.ttlSecondsAfterFinished).toBeUndefined();
  });

  it('running sequences continue: the controller writes their status', async () => {
    await kubectl('delete', 'job', 'robbed-0-s0', '-n', namespace.name);
    const { status } = await namespace.untilFinished('robbed');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted' } });
  });

  onServersWhere(!server.knowsMatchConditions)('where every update is asked about', () => {
    it('metadata cannot change, not even a label', async () => {
      const said = await namespace.kubectl(['label', 'sj', 'robbed', 'a=b']);
      expect(said).toMatchObject({ code: 1, stderr: expect.stringMatching(NOT_ASKED) });
    });

    it('the Jobs of a deleted sequence are deleted, and the sequence keeps its finalizer', async () => {
      await namespace.delete('deleted');
      await namespace.untilNoJobs('deleted');
      await here.operator.untilSays('validate.sequentialjobs.batch.example.com');
      expect((await namespace.get('deleted')).metadata.deletionTimestamp).toBeDefined();
    });
  });

  onServersWhere(server.knowsMatchConditions)('where updates that need no verdict are not asked about', () => {
    it.each(['robbed', 'still', 'long'])('%s can be labeled and annotated', async (of) => {
      expect(await namespace.kubectl(['label', 'sj', of, 'a=b'])).toMatchObject({ code: 0, stderr: '' });
      expect(await namespace.kubectl(['annotate', 'sj', of, 'a=b'])).toMatchObject({ code: 0, stderr: '' });
    });

    it('a status outside of the status subresource is ignored', async () => {
      const object = await namespace.get('still');
      const { metadata } = await replace({ ...object, status: { phase: 'Completed' } });
      expect(metadata.generation).toBe(object.metadata.generation);
    });

    it('deleted sequences are removed, both running and finished ones', async () => {
      for (const one of ['deleted', 'robbed']) await namespace.delete(one);
      for (const one of ['deleted', 'robbed']) await namespace.untilGone(one);
    });

    it('a finalizer can be removed by a user, and an object that is being deleted may change', async () => {
      const finalizers = (all: readonly string[]) => namespace.patch('still', { metadata: { finalizers: all } });
      await finalizers(['tests.example.com/ours']);
      await namespace.delete('still');
      await namespace.patch('still', { spec: { ttlSecondsAfterFinished: 7 } });
      await finalizers([]);
      await namespace.untilGone('still');
    });
  });
});

describe('when the webhook is up again', () => {
  beforeAll(start, 60_000);

  it('a deleted sequence is removed without intervention', async () => {
    await namespace.untilGone('deleted');
  });

  it('new objects are accepted and run', async () => {
    expect(await apply('new', sequence(1))).toMatchObject({ code: 0, stderr: '' });
    await namespace.untilCompleted('new');
  });
});
