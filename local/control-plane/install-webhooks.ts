/** Registers a webhook that runs on this machine, and waits until the API server calls it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, FINALIZER, GROUP, KIND, PLURAL, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import type { Kubectl } from './kubectl.ts';
import {
  withoutUnsupportedFields,
  type ConvertedDefinition,
  withConversionTarget,
  withTarget,
  webhookConfigurations,
  type WebhookConfiguration,
  type WebhookTarget,
} from './webhook-configuration.ts';

const POLL_MS = 100;
const TIMEOUT_MS = 15_000;

export interface WebhookInstallation {
  /** The folder of the manifests; only webhook configurations are applied. */
  readonly manifests: string;
  readonly target: WebhookTarget;
  /** A folder for the files that kubectl applies. */
  readonly scratch: string;
  /** A namespace that the webhook selects, for dry runs that show whether the API server calls it. */
  readonly namespace: string;
  /** Whether it also converts between the API versions, which one webhook does for the whole cluster. */
  readonly converts: boolean;
}

/**
 * Replaces configurations of the same names, and resolves when the API server calls both webhooks for new objects, and for
 * conversion. The webhooks must already serve: the API server rejects objects if it cannot call them. Rejects with kubectl's
 * message, or after 15 s.
 */
export async function installWebhooks(kubectl: Kubectl, installation: WebhookInstallation): Promise<void> {
  const { manifests, target, scratch } = installation;
  const files = (await readdir(manifests)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(manifests, name), 'utf8')));
  const minor = await serverMinor(kubectl);
  const configurations = texts
    .flatMap(webhookConfigurations)
    .map((configuration) => withoutUnsupportedFields(withTarget(configuration, target), minor));
  // An earlier configuration may point to a webhook that no longer runs, which would make the probes fail.
  await kubectl('delete', '--ignore-not-found', '-f', await writeList(scratch, 'webhooks', configurations));
  for (const probe of PROBES) {
    const selected = configurations.filter(({ kind }) => kind === probe.kind);
    if (selected.length === 0) throw new Error(`no ${probe.kind} in ${manifests}`);
    await kubectl('apply', '-f', await writeList(scratch, probe.kind, selected));
    await untilCalled(kubectl, installation, probe);
  }
  if (installation.converts) await installConversion(kubectl, installation);
}

/** Until then v1alpha1 can be neither read nor written: the CustomResourceDefinition names a Service that does not exist here. */
async function installConversion(kubectl: Kubectl, installation: WebhookInstallation): Promise<void> {
  const { scratch, target } = installation;
  const name = `${PLURAL}.${GROUP}`;
  // Applied, not patched: an apply of the original afterwards would leave both the URL and the Service.
  const applied = JSON.parse(
    await kubectl('apply', 'view-last-applied', 'crd', name, '-o', 'json'),
  ) as ConvertedDefinition;
  const file = join(scratch, 'crd.json');
  await writeFile(file, JSON.stringify(withConversionTarget(applied, target)));
  await kubectl('apply', '-f', file);
  await untilCalled(kubectl, installation, CONVERSION_PROBE);
}

async function serverMinor(kubectl: Kubectl): Promise<number> {
  const { minor } = JSON.parse(await kubectl('get', '--raw', '/version')) as { readonly minor: string };
  // Some providers append a plus sign ("28+").
  return Number.parseInt(minor, 10);
}

async function writeList(folder: string, name: string, items: readonly WebhookConfiguration[]): Promise<string> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return file;
}

interface Probe {
  /** What has the API server call the webhook. */
  readonly kind: WebhookConfiguration['kind'];
  readonly apiVersion: string;
  readonly spec: object;
  /** Whether the API server's answer shows that it called the webhook. */
  readonly webhookCalled: (answer: Answer) => boolean;
}

type Answer = { readonly stored: string } | { readonly refused: string };

const STEP = { name: 'probe', image: 'probe:1' };

/** Installed in this order: the mutating webhook rejects invalid objects as well, so the validating one is probed first. */
const PROBES: readonly Probe[] = [
  {
    kind: 'ValidatingWebhookConfiguration',
    apiVersion: API_VERSION,
    // An error that the CRD's schema does not detect.
    spec: { steps: [{ ...STEP, volumeMounts: [{ name: 'missing', mountPath: '/missing' }] }] },
    webhookCalled: (answer) => 'refused' in answer && answer.refused.includes('volumeMounts'),
  },
  {
    kind: 'MutatingWebhookConfiguration',
    apiVersion: API_VERSION,
    spec: { steps: [STEP] },
    webhookCalled: (answer) => 'stored' in answer && answer.stored.includes(FINALIZER),
  },
];

/** What is not the version that is stored, the API server converts even for a dry run. */
const CONVERSION_PROBE: Probe = {
  kind: 'CustomResourceDefinition',
  apiVersion: V1ALPHA1_API_VERSION,
  spec: { containers: [STEP] },
  webhookCalled: (answer) => 'stored' in answer,
};

/** Polls, because the API server reads webhook configurations from a cache that is updated a moment later. */
async function untilCalled(kubectl: Kubectl, installation: WebhookInstallation, probe: Probe): Promise<void> {
  const { scratch, namespace } = installation;
  const file = join(scratch, 'probe.json');
  const { apiVersion, spec } = probe;
  const object = { apiVersion, kind: KIND, metadata: { name: 'probe' }, spec };
  await writeFile(file, JSON.stringify(object));
  let answer: Answer = { refused: 'nothing' };
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    answer = await kubectl('create', '--dry-run=server', `--namespace=${namespace}`, '-o', 'json', '-f', file).then(
      (stored) => ({ stored }),
      (error: unknown) => ({ refused: String(error) }),
    );
    if (probe.webhookCalled(answer)) return;
    await sleep(POLL_MS);
  }
  const lastAnswer = 'stored' in answer ? answer.stored : answer.refused;
  throw new Error(
    `the API server did not use the ${probe.kind} within ${TIMEOUT_MS / 1000} s; its last answer: ${lastAnswer}`,
  );
}
