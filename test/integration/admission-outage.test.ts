/**
 * The webhook is down: what is refused and how that reads, what goes on, and that nothing is stuck when it is back. A server
 * with matchConditions (1.28) does not ask about an update that needs no verdict, so those go on too.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Child } from '../../local/processes/child.ts';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { ownAdmission } from '../support/admission.ts';
import { connect, kubeconfig, kubectl, Namespace, tryKubectl, type CommandResult } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { startWebhook } from '../support/webhook.ts';

const server = await serverOfTests();

const STOP_MS = 5_000;
const KIB = 1024;

/** Of the webhook configurations, and of the namespace's label. */
const name = `outage-${randomBytes(4).toString('hex')}`;
const { labels, selector } = ownAdmission(name);

let client: ApiClient;
let namespace: Namespace;
let operator: Operator;
let webhook: Child;
let folder: string;

beforeAll(async () => {
  client = connect();
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-outage-'));
  namespace = await Namespace.create(client, 'outage', labels);
  webhook = await start();
  operator = await Operator.start(kubeconfig(), namespace.name);
}, 60_000);

afterAll(async () => {
  try {
    await namespace.remove();
  } finally {
    await operator.end('SIGTERM');
    await webhook.stop(STOP_MS);
    for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
      await kubectl('delete', kind, name);
    }
    await client.close();
    await rm(folder, { recursive: true });
  }
});

/** A webhook for this test's namespace alone. */
const start = (): Promise<Child> =>
  startWebhook(kubectl, {
    state: folder,
    kubeconfig: kubeconfig(),
    name,
    namespace: namespace.name,
    namespaceSelector: selector,
  });

const apply = (of: string, spec: object): Promise<CommandResult> =>
  tryKubectl(['apply', '-n', namespace.name, '-f', '-'], {
    apiVersion: 'batch.example.com/v1alpha1',
    kind: 'SequentialJob',
    metadata: { name: of },
    spec,
  });

/** What the API server says where it can't ask. */
const NOT_ASKED = /"validate\.sequentialjobs\.batch\.example\.com"/;

/** Of some 900 KiB, near the most that is taken. */
function long(): SequentialJobSpec {
  const containers = sequence(100).containers.map((one) => Object.assign({}, one, { args: ['x'.repeat(9 * KIB)] }));
  return { containers, suspend: true };
}

/** `kubectl replace`, but with whatever its metadata says. */
async function replace(object: object): Promise<SequentialJob> {
  const { metadata } = object as SequentialJob;
  const path = objectPath(SEQUENTIAL_JOBS, namespace.name, metadata.name);
  return client.request({ method: 'PUT', path, body: object });
}

describe('without the webhook', () => {
  beforeAll(async () => {
    for (const running of ['robbed', 'deleted']) {
      await namespace.apply(running, sequence(2, { 0: FOREVER }));
      await namespace.until(running, ({ status }) => status?.steps?.[0]?.state === 'Running');
    }
    await namespace.apply('still', { ...sequence(2), suspend: true });
    await namespace.apply('long', long());
    await webhook.stop(STOP_MS);
  }, 60_000);

  it('the program ended as it should', () => {
    expect(webhook.ended()).toBe('exit code 0');
  });

  it('nothing new is taken, and kubectl says whose fault that is', async () => {
    const { code, stdout, stderr } = await apply('new', sequence(1));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/\(InternalError\).*"mutate\.sequentialjobs\.batch\.example\.com"/);
  });

  it('no spec is changed, whatever the client says of its generation', async () => {
    const { metadata, ...object } = await namespace.get('still');
    for (const generation of [undefined, 0, metadata.generation, (metadata.generation ?? 0) + 1]) {
      const spec = { ...object.spec, ttlSecondsAfterFinished: 7 };
      await expect(replace({ ...object, spec, metadata: { ...metadata, generation } })).rejects.toThrow(NOT_ASKED);
    }
    expect((await namespace.get('still')).spec.ttlSecondsAfterFinished).toBeUndefined();
  });

  it('no object is passed off as one that is being deleted', async () => {
    const { metadata, ...object } = await namespace.get('still');
    const spec = { ...object.spec, ttlSecondsAfterFinished: 7 };
    const deletionTimestamp = '2026-11-02T10:00:00Z';
    await expect(replace({ ...object, spec, metadata: { ...metadata, deletionTimestamp } })).rejects.toThrow(
      /metadata\.deletionTimestamp/,
    );
    expect((await namespace.get('still')).spec.ttlSecondsAfterFinished).toBeUndefined();
  });

  it('what runs goes on: its status is written', async () => {
    await kubectl('delete', 'job', 'robbed-0-s0', '-n', namespace.name);
    const { status } = await namespace.untilFinished('robbed');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted' } });
  });

  onServersWhere(!server.knowsMatchConditions)('where every update is asked about', () => {
    it('nothing is changed, not even a label', async () => {
      const said = await tryKubectl(['label', 'sj', 'robbed', '-n', namespace.name, 'a=b']);
      expect(said.code).toBe(1);
      expect(said.stderr).toMatch(NOT_ASKED);
    });

    it('what is deleted loses its Jobs, and waits with its finalizer', async () => {
      await namespace.delete('deleted');
      await eventually('no Jobs', async () => (await namespace.jobNames('deleted')).length === 0);
      await operator.untilSays('validate.sequentialjobs.batch.example.com');
      expect((await namespace.get('deleted')).metadata.deletionTimestamp).toBeDefined();
    });
  });

  onServersWhere(server.knowsMatchConditions)('where updates that need no verdict are not asked about', () => {
    it.each(['robbed', 'still', 'long'])('%s is labelled and annotated', async (of) => {
      const to = ['sj', of, '-n', namespace.name, 'a=b'];
      expect(await tryKubectl(['label', ...to])).toMatchObject({ code: 0, stderr: '' });
      expect(await tryKubectl(['annotate', ...to])).toMatchObject({ code: 0, stderr: '' });
    });

    it('a status that is written past its subresource is left out, and no change', async () => {
      const object = await namespace.get('still');
      const { metadata } = await replace({ ...object, status: { phase: 'Completed' } });
      expect(metadata.generation).toBe(object.metadata.generation);
    });

    it('what is deleted goes', async () => {
      await namespace.delete('deleted');
      await namespace.untilGone('deleted');
    });

    it('a finalizer is taken off by hand, before and after the deletion, and the object may change on its way', async () => {
      const finalizers = (all: readonly string[]) => namespace.patch('still', { metadata: { finalizers: all } });
      await finalizers(['tests.example.com/ours']);
      await namespace.delete('still');
      await namespace.patch('still', { spec: { ttlSecondsAfterFinished: 7 } });
      await finalizers([]);
      await namespace.untilGone('still');
    });

    it('so does a sequence that has finished', async () => {
      await namespace.delete('robbed');
      await namespace.untilGone('robbed');
    });
  });
});

describe('when it is back', () => {
  beforeAll(async () => {
    webhook = await start();
  }, 60_000);

  it('what is deleted is gone, or goes by itself', async () => {
    await namespace.untilGone('deleted', 60);
  });

  it('new objects are taken and run', async () => {
    expect(await apply('new', sequence(1))).toMatchObject({ code: 0, stderr: '' });
    expect((await namespace.untilFinished('new')).status?.phase).toBe('Completed');
  });
});
