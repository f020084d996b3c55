/**
 * What docs/gitops.md says of tools that apply, compare, wait for and restore SequentialJobs: tried with kubectl, which merges and
 * waits as they do. The commands are those of the page.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { connect, kubectl, tryKubectl, type CommandResult } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { type Manifest, ofKind, present, readManifests, ROOT } from '../support/manifests.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, sequence, step } from '../support/sequences.ts';

const PAGE = readFileSync(join(ROOT, 'docs/gitops.md'), 'utf8');

/** A command of the page, with these words in the place of its own. Fails the test where the page has another. */
function fromPage(command: string, words: Readonly<Record<string, string>> = {}): readonly string[] {
  expect(PAGE).toContain(command);
  const mine = Object.entries(words).reduce((text, [word, by]) => text.replaceAll(word, by), command);
  return mine.replaceAll("'", '').split(' ').slice(1);
}

const SAMPLES = ['etl', 'failing', 'policies', 'resumable', 'single-step', 'waiting'] as const;

const sequential = (name: string, spec: object, more: object = {}): Manifest => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name, ...more },
  spec,
});

const sample = (name: string): Manifest =>
  present(ofKind(readManifests(`config/samples/${name}.yaml`), 'SequentialJob')[0], name);

const withPorts = (name: string, port: object): Manifest =>
  sequential(name, { containers: [{ ...step('serve'), ports: [{ containerPort: 80, ...port }] }] });

const FILES: readonly Manifest[] = [
  ...SAMPLES.map(sample),
  withPorts('port', {}),
  withPorts('port-with-protocol', { protocol: 'TCP' }),
];

const BY_SERVER = ['--server-side', '--force-conflicts', '--field-manager=argocd-controller'] as const;
const byServer = (name: string): string => `${name}-by-server`;

describe('the same file again', () => {
  let client: ApiClient;
  let namespace: Namespace;

  beforeAll(async () => {
    client = connect();
    namespace = await Namespace.create(client, 'gitops');
  });
  afterAll(async () => {
    // Nothing has run, and no controller is there to take finalizers off.
    for (const { metadata } of FILES) {
      for (const name of [metadata.name, byServer(metadata.name)]) {
        await namespace.patch(name, { metadata: { finalizers: null } });
      }
    }
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
    await client.close();
  });

  const apply = (file: Manifest, ...flags: readonly string[]): Promise<CommandResult> =>
    tryKubectl(['apply', '-n', namespace.name, ...flags, '-f', '-'], file);

  /** As its controller does at once; until then the first write adds the status that the definition gives a new object. */
  async function look(file: Manifest): Promise<void> {
    const path = objectPath(SEQUENTIAL_JOBS, namespace.name, file.metadata.name, 'status');
    const body = { status: { observedGeneration: 1 } };
    await client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  }

  /** Of a file that leaves a default to the server, 1.20 writes anew when it was applied by the server, and nothing else. */
  const isTimed = (name: string): boolean => name === byServer('port');

  const essence = ({ metadata: { name, generation, resourceVersion }, spec }: SequentialJob): unknown => ({
    spec,
    generation,
    ...(isTimed(name) ? {} : { resourceVersion }),
  });

  const stored = async (file: Manifest): Promise<unknown> => essence(await namespace.get(file.metadata.name));

  it.each(FILES.map((file) => [file.metadata.name, file] as const))(
    '%s: changes nothing, applied by the client, and is no difference to its merge, but for what the page names',
    async (name, file) => {
      expect(await apply(file)).toMatchObject({ code: 0 });
      await look(file);
      const first = await stored(file);
      expect(first).toMatchObject({ generation: 1 });
      // kubectl makes the same three-way merge patch of a custom resource as Argo CD's default diff, and says whether it is empty.
      expect(PAGE).toContain('`protocol: TCP`');
      const word = name === 'port' ? 'configured' : 'unchanged';
      expect((await apply(file)).stdout).toBe(`sequentialjob.batch.example.com/${name} ${word}\n`);
      expect(await stored(file)).toEqual(first);
    },
  );

  it.each(FILES.map((file) => [file.metadata.name, file] as const))(
    '%s: changes nothing, applied by the server, and is no difference to it, as Argo CD asks with ServerSideDiff',
    async (name, file) => {
      const own = { ...file, metadata: { name: byServer(name) } };
      expect(await apply(own, ...BY_SERVER)).toMatchObject({ code: 0 });
      await look(own);
      const first = await stored(own);
      expect(first).toMatchObject({ generation: 1 });
      expect(await apply(own, ...BY_SERVER)).toMatchObject({ code: 0 });
      expect(await stored(own)).toEqual(first);
      const { stdout } = await apply(own, ...BY_SERVER, '--dry-run=server', '-o', 'json');
      expect(essence(JSON.parse(stdout) as SequentialJob)).toEqual(first);
    },
  );

  it('moves from the client to the server with one change at most, which means the same', async () => {
    const file = sample('single-step');
    expect(await apply(file, ...BY_SERVER)).toMatchObject({ code: 0 });
    const { metadata, spec } = await namespace.get('single-step');
    // A kubectl that hands the fields over takes off what the webhook filled in: the restart policy, which is the default.
    expect(metadata.generation).toBeLessThanOrEqual(2);
    expect([{}, { spec: { restartPolicy: 'Never' } }]).toContainEqual(spec.template);
    expect(await apply(file, ...BY_SERVER)).toMatchObject({ code: 0 });
    expect((await namespace.get('single-step')).metadata.generation).toBe(metadata.generation);
  });
});

describe('waiting for either end', () => {
  const here = withController('wait');

  const wait = (command: string, name: string): Promise<CommandResult> =>
    tryKubectl([...fromPage(command, { 'sj/etl': `sj/${name}` }), '-n', here.namespace.name]);

  const ENDED = "kubectl wait --for=jsonpath='{.status.completionTime}' --timeout=1h sj/etl";
  const COMPLETED = 'kubectl wait --for=condition=Complete --timeout=0 sj/etl';

  beforeAll(async () => {
    await here.namespace.apply('good', sequence(1));
    await here.namespace.apply('bad', sequence(1, { 0: 'exit 3' }));
  });

  it('the exit code says how it ended', async () => {
    for (const [name, code] of [
      ['good', 0],
      ['bad', 1],
    ] as const) {
      await here.namespace.untilFinished(name);
      expect([name, (await wait(COMPLETED, name)).code]).toEqual([name, code]);
    }
  });

  it('of two waits, the one for the end that comes returns', async () => {
    const [complete, failed] = [
      'kubectl wait --for=condition=Complete --timeout=1h sj/etl',
      'kubectl wait --for=condition=Failed --timeout=1h sj/etl',
    ];
    expect(await wait(complete, 'good')).toMatchObject({ code: 0 });
    expect(await wait(failed, 'bad')).toMatchObject({ code: 0 });
  });

  it('one wait is for both ends, where kubectl takes a path without a value', async () => {
    if (!(await kubectl('wait', '--help')).includes("jsonpath='{.status.loadBalancer.ingress}'")) return;
    for (const name of ['good', 'bad']) expect(await wait(ENDED, name)).toMatchObject({ code: 0 });
  });

  it('after a resume, the number of resumes comes first', async () => {
    await here.namespace.patch('bad', { spec: { resume: 1 } });
    const { status } = await here.namespace.until('bad', (one) => one.status?.resumes === 1);
    expect(PAGE).toContain("kubectl wait --for=jsonpath='{.status.resumes}'=1 --timeout=1m sj/etl");
    // Whatever it has come to by now, the end of the attempt before is not on record any more.
    if (status?.phase !== 'Failed') expect(status?.completionTime).toBeUndefined();
    await here.namespace.untilFinished('bad');
  });
});

describe('an object that a backup tool makes anew', () => {
  const here = withController('restored');

  /** As Velero stores it: what it strips is status, UID, versions and owners; finalizers, labels and annotations stay. */
  const copyOf = ({ metadata, spec }: SequentialJob): Manifest =>
    sequential(metadata.name, spec, { finalizers: metadata.finalizers });

  /** Deletes it with its Jobs, and hands out what was stored. */
  async function lost(name: string): Promise<SequentialJob> {
    const object = await here.namespace.get(name);
    await here.namespace.delete(name);
    await here.namespace.untilGone(name);
    return object;
  }

  const restore = (object: SequentialJob): Promise<CommandResult> =>
    tryKubectl(['create', '-n', here.namespace.name, '-f', '-'], copyOf(object));

  async function restoreStatus({ metadata: { name }, status }: SequentialJob): Promise<void> {
    const path = objectPath(SEQUENTIAL_JOBS, here.namespace.name, name, 'status');
    await here.client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { status } });
  }

  it('runs again from its first step where its status is not restored', async () => {
    await here.namespace.apply('again', sequence(2));
    const { metadata } = await here.namespace.untilPhase('again', 'Completed');
    expect(await restore(await lost('again'))).toMatchObject({ code: 0 });
    const { metadata: later } = await here.namespace.untilPhase('again', 'Completed');
    expect(later.uid).not.toBe(metadata.uid);
    expect(await here.namespace.jobNames('again')).toEqual(['again-0-s0', 'again-1-s1']);
  });

  it('starts nothing where it is restored suspended', async () => {
    await here.namespace.apply('held', sequence(2));
    await here.namespace.untilPhase('held', 'Completed');
    const object = await lost('held');
    expect(await restore({ ...object, spec: { ...object.spec, suspend: true } })).toMatchObject({ code: 0 });
    await here.namespace.untilPhase('held', 'Suspended');
    expect(await here.namespace.jobNames('held')).toEqual([]);
  });

  describe('with its status, before the controller sees it', () => {
    beforeAll(async () => {
      await here.namespace.apply('done', sequence(2));
      await here.namespace.apply('midway', sequence(3, { 1: FOREVER }));
      await here.namespace.untilPhase('done', 'Completed');
      await here.namespace.untilRunning('midway', 1);
      const objects = [await lost('done'), await lost('midway')];
      await here.crash();
      for (const object of objects) {
        await restore(object);
        await restoreStatus(object);
      }
      await here.restart();
    }, 90_000);

    it('a completed one stays as it was, and runs nothing', async () => {
      await here.namespace.untilFinished('midway');
      expect((await here.namespace.get('done')).status).toMatchObject({ phase: 'Completed' });
      expect(await here.namespace.jobNames('done')).toEqual([]);
    });

    it('one that ran fails, as its Job is gone: no step is run twice without being asked for', async () => {
      const { status } = await here.namespace.untilFinished('midway');
      expect(status).toMatchObject({
        phase: 'Failed',
        progress: { failureReason: 'JobDeleted', failedIndex: 1, completedIndices: [0] },
      });
      expect(await here.namespace.jobNames('midway')).toEqual([]);
    });
  });
});

describe('the health script of Argo CD', () => {
  it('is added to its ConfigMap, and nothing of that is lost', async () => {
    const client = connect();
    const argo = await Namespace.create(client, 'argocd');
    try {
      // As it is installed, by client-side apply: server-side apply would take over, and drop, what it does not say.
      const theirs = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'argocd-cm' },
        data: { url: 'https://x' },
      };
      expect(await tryKubectl(['apply', '-n', argo.name, '-f', '-'], theirs)).toMatchObject({ code: 0 });
      const command = 'kubectl patch configmap argocd-cm --namespace argocd --type=merge --patch "$(cat FILE)"';
      expect(PAGE).toContain(command.replace('FILE', 'config/argocd/argocd-cm.yaml'));
      const args = command.replace('--namespace argocd', `--namespace ${argo.name}`).split(' ').slice(1, -2);
      const patch = readFileSync(join(ROOT, 'config/argocd/argocd-cm.yaml'), 'utf8');
      expect(await tryKubectl([...args, patch.replace('namespace: argocd', `namespace: ${argo.name}`)])).toMatchObject({
        code: 0,
        stderr: '',
      });
      const stored = JSON.parse(await kubectl('get', 'cm', 'argocd-cm', '-n', argo.name, '-o', 'json')) as Manifest;
      expect(Object.keys(stored['data'] as object).sort()).toEqual([
        'resource.customizations.health.batch.example.com_SequentialJob',
        'url',
      ]);
    } finally {
      await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${argo.name}` });
      await client.close();
    }
  });
});
