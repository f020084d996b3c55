/** The webhook is down: what is refused and how that reads, what goes on, and that nothing is stuck when it is back. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Child } from '../../local/processes/child.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { ownAdmission } from '../support/admission.ts';
import { connect, kubeconfig, kubectl, Namespace, tryKubectl, type Said } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { startWebhook } from '../support/webhook.ts';

const STOP_MS = 5_000;

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

const apply = (of: string, spec: object): Promise<Said> =>
  tryKubectl(['apply', '-n', namespace.name, '-f', '-'], {
    apiVersion: 'batch.example.com/v1alpha1',
    kind: 'SequentialJob',
    metadata: { name: of },
    spec,
  });

describe('without the webhook', () => {
  beforeAll(async () => {
    for (const running of ['robbed', 'deleted']) {
      await namespace.apply(running, sequence(2, { 0: FOREVER }));
      await namespace.until(running, ({ status }) => status?.steps?.[0]?.state === 'Running');
    }
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

  it('nothing is changed, not even a label', async () => {
    const said = await tryKubectl(['label', 'sj', 'robbed', '-n', namespace.name, 'a=b']);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/\(InternalError\).*"validate\.sequentialjobs\.batch\.example\.com"/);
  });

  it('what runs goes on: its status is written', async () => {
    await kubectl('delete', 'job', 'robbed-0-s0', '-n', namespace.name);
    const { status } = await namespace.untilFinished('robbed');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted' } });
  });

  it('what is deleted loses its Jobs, and waits with its finalizer', async () => {
    await namespace.delete('deleted');
    await eventually('no Jobs', async () => ((await namespace.jobNames('deleted')).length === 0 ? true : undefined));
    await operator.untilSays('validate.sequentialjobs.batch.example.com');
    expect((await namespace.get('deleted')).metadata.deletionTimestamp).toBeDefined();
  });
});

describe('when it is back', () => {
  beforeAll(async () => {
    webhook = await start();
  }, 60_000);

  it('what is deleted goes by itself', async () => {
    await namespace.untilGone('deleted', 60);
  });

  it('new objects are taken and run', async () => {
    expect(await apply('new', sequence(1))).toMatchObject({ code: 0, stderr: '' });
    expect((await namespace.untilFinished('new')).status?.phase).toBe('Completed');
  });
});
