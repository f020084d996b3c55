/** Puts a webhook that runs on this machine in front of an API server, and waits until it is asked. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, FINALIZER, KIND } from '../../shared/api/group.ts';
import type { Kubectl } from './kubectl.ts';
import {
  fitServer,
  pointAt,
  webhookConfigurations,
  type WebhookConfiguration,
  type WebhookTarget,
} from './webhook-configuration.ts';

const POLL_MS = 100;
const TIMEOUT_MS = 15_000;

export interface WebhookInstallation {
  /** The folder of the manifests; what is no webhook configuration is left out. */
  readonly manifests: string;
  readonly target: WebhookTarget;
  /** A folder for what kubectl is to read. */
  readonly scratch: string;
  /** A namespace that the webhook is asked about, to see that it is; nothing is left in it. */
  readonly namespace: string;
}

/**
 * Applies the configurations in place of earlier ones of the same names, and resolves when the API server asks both webhooks about new objects. They must be served
 * already: from here on the API server refuses what it can't ask about. Rejects with kubectl's words, or after 15 s.
 */
export async function installWebhooks(kubectl: Kubectl, installation: WebhookInstallation): Promise<void> {
  const { manifests, target, scratch } = installation;
  const files = (await readdir(manifests)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(manifests, name), 'utf8')));
  const minor = await serverMinor(kubectl);
  const configurations = texts
    .flatMap(webhookConfigurations)
    .map((configuration) => fitServer(pointAt(configuration, target), minor));
  // Those of an earlier one would have to be asked as well, and nobody may be there to answer.
  await kubectl('delete', '--ignore-not-found', '-f', await writeList(scratch, 'webhooks', configurations));
  for (const probe of PROBES) {
    const ofKind = configurations.filter(({ kind }) => kind === probe.kind);
    if (ofKind.length === 0) throw new Error(`no ${probe.kind} in ${manifests}`);
    await kubectl('apply', '-f', await writeList(scratch, probe.kind, ofKind));
    await untilAsked(kubectl, installation, probe);
  }
}

async function serverMinor(kubectl: Kubectl): Promise<number> {
  const { minor } = JSON.parse(await kubectl('get', '--raw', '/version')) as { readonly minor: string };
  // Some providers add a plus sign.
  return Number.parseInt(minor, 10);
}

async function writeList(folder: string, name: string, items: readonly WebhookConfiguration[]): Promise<string> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return file;
}

interface Probe {
  readonly kind: WebhookConfiguration['kind'];
  /** What the container of the object that is sent has besides name and image. */
  readonly container: object;
  /** Tells by the API server's answer whether the webhook was asked. */
  readonly wasAsked: (answer: Answer) => boolean;
}

type Answer = { readonly stored: string } | { readonly refused: string };

/** One after the other, in this order: the mutating webhook refuses what is faulty, too. */
const PROBES: readonly Probe[] = [
  {
    kind: 'ValidatingWebhookConfiguration',
    container: { volumeMounts: [{ name: 'missing', mountPath: '/missing' }] }, // a fault that no schema sees
    wasAsked: (answer) => 'refused' in answer && answer.refused.includes('volumeMounts'),
  },
  {
    kind: 'MutatingWebhookConfiguration',
    container: {},
    wasAsked: (answer) => 'stored' in answer && answer.stored.includes(FINALIZER),
  },
];

/** The API server reads its configurations from a cache that follows within moments. */
async function untilAsked(kubectl: Kubectl, installation: WebhookInstallation, probe: Probe): Promise<void> {
  const { scratch, namespace } = installation;
  const file = join(scratch, 'probe.json');
  const containers = [{ name: 'probe', image: 'probe:1', ...probe.container }];
  const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'probe' }, spec: { containers } };
  await writeFile(file, JSON.stringify(object));
  let answer: Answer = { refused: 'nothing' };
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    answer = await kubectl('create', '--dry-run=server', `--namespace=${namespace}`, '-o', 'json', '-f', file).then(
      (stored) => ({ stored }),
      (error: unknown) => ({ refused: String(error) }),
    );
    if (probe.wasAsked(answer)) return;
    await sleep(POLL_MS);
  }
  const says = 'stored' in answer ? answer.stored : answer.refused;
  throw new Error(`the API server did not use the ${probe.kind} within ${TIMEOUT_MS / 1000} s; it says: ${says}`);
}
