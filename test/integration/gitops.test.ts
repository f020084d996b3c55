/**
 * What docs/gitops.md says of tools that apply, compare, wait for and restore SequentialJobs: tried with kubectl, which merges and
 * waits as they do. The commands are those of the page.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { type CommandResult, kubectl } from '../support/cluster.ts';
import { type Manifest, ofKind, present, readManifests, ROOT } from '../support/manifests.ts';
import { withController, withNamespace } from '../support/with-controller.ts';
import { FOREVER, manifest, sequence, step } from '../support/sequences.ts';

const PAGE = readFileSync(join(ROOT, 'docs/gitops.md'), 'utf8');

/** A command of the page, with these words in the place of its own. Fails the test where the page has another. */
function fromPage(command: string, words: Readonly<Record<string, string>> = {}): readonly string[] {
  expect(PAGE).toContain(command);
  const mine = Object.entries(words).reduce((text, [word, by]) => text.replaceAll(word, by), command);
  return mine.replaceAll("'", '').split(' ').slice(1);
}

const SAMPLES = ['etl', 'failing', 'policies', 'resumable', 'single-step', 'waiting'] as const;

const sample = (name: string): Manifest =>
  present(ofKind(readManifests(`config/samples/${name}.yaml`), 'SequentialJob')[0], name);

const withPorts = (name: string, port: object): Manifest =>
  manifest(name, { steps: [{ ...step('serve'), ports: [{ containerPort: 80, ...port }] }] });

const FILES: readonly Manifest[] = [
  ...SAMPLES.map(sample),
  withPorts('port', {}),
  withPorts('port-with-protocol', { protocol: 'TCP' }),
];

const BY_SERVER = ['--server-side', '--force-conflicts', '--field-manager=argocd-controller'] as const;
const byServer = (name: string): string => `${name}-by-server`;

describe('applying the same file again', () => {
  const { namespace } = withNamespace('gitops');

  const apply = (file: Manifest, ...flags: readonly string[]): Promise<CommandResult> =>
    namespace.kubectl(['apply', ...flags, '-f', '-'], file);

  /** As its controller does at once; until then the first write adds the status that the definition gives a new object. */
  const observe = (file: Manifest): Promise<unknown> =>
    namespace.setStatus(file.metadata.name, { observedGeneration: 1 });

  /** Of a file that leaves a default to the server, 1.20 writes anew when it was applied by the server, and nothing else. */
  const isTimed = (name: string): boolean => name === byServer('port');

  const essence = ({ metadata: { name, generation, resourceVersion }, spec }: SequentialJob): unknown => ({
    spec,
    generation,
    ...(isTimed(name) ? {} : { resourceVersion }),
  });

  const stored = async (file: Manifest): Promise<unknown> => essence(await namespace.get(file.metadata.name));

  it.each(FILES.map((file) => [file.metadata.name, file] as const))(
    '%s: a second client-side apply changes nothing, and its merge patch is empty except for what the page names',
    async (name, file) => {
      expect(await apply(file)).toMatchObject({ code: 0 });
      await observe(file);
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
    '%s: a second server-side apply changes nothing, and a dry run shows no difference, as with ServerSideDiff of Argo CD',
    async (name, file) => {
      const own = { ...file, metadata: { name: byServer(name) } };
      expect(await apply(own, ...BY_SERVER)).toMatchObject({ code: 0 });
      await observe(own);
      const first = await stored(own);
      expect(first).toMatchObject({ generation: 1 });
      expect(await apply(own, ...BY_SERVER)).toMatchObject({ code: 0 });
      expect(await stored(own)).toEqual(first);
      const { stdout } = await apply(own, ...BY_SERVER, '--dry-run=server', '-o', 'json');
      expect(essence(JSON.parse(stdout) as SequentialJob)).toEqual(first);
    },
  );

  it('makes at most one update, with an equivalent spec, when it moves from client-side to server-side apply', async () => {
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

describe('waiting for completion or failure', () => {
  const { namespace } = withController('wait');

  const wait = async (command: string, name: string): Promise<number> =>
    (await namespace.kubectl(fromPage(command, { 'sj/etl': `sj/${name}` }))).code;

  beforeAll(async () => {
    await namespace.apply('good', sequence(1));
    await namespace.apply('bad', sequence(1, { 0: 'exit 3' }));
    for (const name of ['good', 'bad']) await namespace.untilFinished(name);
  });

  it.each([
    ['kubectl wait --for=condition=Complete --timeout=0 sj/etl', 'good', 0],
    ['kubectl wait --for=condition=Complete --timeout=0 sj/etl', 'bad', 1],
    ['kubectl wait --for=condition=Complete --timeout=1h sj/etl', 'good', 0],
    ['kubectl wait --for=condition=Failed --timeout=1h sj/etl', 'bad', 0],
  ])('the exit code shows the result: %s of %s ends with %i', async (command, name, code) => {
    expect(await wait(command, name)).toBe(code);
  });

  it('a single wait covers both results if kubectl accepts a path without a value', async () => {
    if (!(await kubectl('wait', '--help')).includes("jsonpath='{.status.loadBalancer.ingress}'")) return;
    const command = "kubectl wait --for=jsonpath='{.status.completionTime}' --timeout=1h sj/etl";
    for (const name of ['good', 'bad']) expect(await wait(command, name)).toBe(0);
  });

  it('a wait after a resume first waits for status.resumes', async () => {
    await namespace.resume('bad', 1);
    const { status } = await namespace.until('bad', (one) => one.status?.resumes === 1);
    expect(PAGE).toContain("kubectl wait --for=jsonpath='{.status.resumes}'=1 --timeout=1m sj/etl");
    // Whatever its phase is by now, the end of the attempt before is no longer recorded.
    if (status?.phase !== 'Failed') expect(status?.completionTime).toBeUndefined();
    await namespace.untilFinished('bad');
  });
});

describe('an object that a backup tool restores', () => {
  const here = withController('restored');
  const { namespace } = here;

  /** Deletes it with its Jobs, and gives what was stored. */
  async function lose(name: string): Promise<SequentialJob> {
    const object = await namespace.get(name);
    await namespace.delete(name);
    await namespace.untilGone(name);
    return object;
  }

  /** As Velero does: it strips status, UID, versions and owners, and keeps finalizers, labels and annotations. */
  async function restore({ metadata: { name, finalizers }, spec }: SequentialJob, more: object = {}): Promise<void> {
    const object = manifest(name, { ...spec, ...more }, { finalizers });
    expect(await namespace.kubectl(['create', '-f', '-'], object)).toMatchObject({ code: 0 });
  }

  it('runs again from its first step if its status is not restored', async () => {
    await namespace.apply('again', sequence(2));
    const { metadata } = await namespace.untilPhase('again', 'Completed');
    await restore(await lose('again'));
    expect((await namespace.untilPhase('again', 'Completed')).metadata.uid).not.toBe(metadata.uid);
    expect(await namespace.jobNames('again')).toEqual(['again-0-s0', 'again-1-s1']);
  });

  it('starts no step if it is restored suspended', async () => {
    await namespace.apply('held', sequence(2));
    await namespace.untilPhase('held', 'Completed');
    await restore(await lose('held'), { suspend: true });
    await namespace.untilPhase('held', 'Suspended');
    expect(await namespace.jobNames('held')).toEqual([]);
  });

  it('runs no step twice if its status is restored before the controller sees it', async () => {
    await namespace.apply('done', sequence(2));
    await namespace.apply('midway', sequence(3, { 1: FOREVER }));
    await namespace.untilPhase('done', 'Completed');
    await namespace.untilRunning('midway', 1);
    const objects = [await lose('done'), await lose('midway')];
    await here.crash();
    for (const object of objects) {
      await restore(object);
      await namespace.setStatus(object.metadata.name, object.status ?? {});
    }
    await here.restart();
    const { status } = await namespace.untilFinished('midway');
    const progress = { failureReason: 'JobDeleted', failedIndex: 1, completedIndices: [0] };
    expect(status).toMatchObject({ phase: 'Failed', progress });
    expect((await namespace.get('done')).status).toMatchObject({ phase: 'Completed' });
    expect(await namespace.jobNames()).not.toContainEqual(expect.stringMatching(/^(done|midway)-/));
  }, 120_000);
});

describe('the health script of Argo CD', () => {
  const { namespace: argo } = withNamespace('argocd');

  it('is added to Argo CD’s ConfigMap, and all other keys are kept', async () => {
    // As it is installed, by client-side apply: server-side apply would take over, and drop, what it does not say.
    const data = { url: 'https://x' };
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'argocd-cm' }, data };
    expect(await argo.kubectl(['apply', '-f', '-'], theirs)).toMatchObject({ code: 0 });
    const command = 'kubectl patch configmap argocd-cm --namespace argocd --type=merge --patch "$(cat FILE)"';
    expect(PAGE).toContain(command.replace('FILE', 'config/argocd/argocd-cm.yaml'));
    const args = command.replace('--namespace argocd', '').split(/ +/).slice(1, -2);
    const patch = readFileSync(join(ROOT, 'config/argocd/argocd-cm.yaml'), 'utf8');
    const said = await argo.kubectl([...args, patch.replace('namespace: argocd', `namespace: ${argo.name}`)]);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    const stored = JSON.parse((await argo.kubectl(['get', 'cm', 'argocd-cm', '-o', 'json'])).stdout) as Manifest;
    expect(Object.keys(stored['data'] as object).sort()).toEqual([
      'resource.customizations.health.batch.example.com_CronSequentialJob',
      'resource.customizations.health.batch.example.com_SequentialJob',
      'url',
    ]);
  });
});
