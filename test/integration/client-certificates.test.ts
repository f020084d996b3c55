/** A real API server that shows the webhook a client certificate, configured as docs/install.md says. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseVersion } from '../../local/control-plane/flags.ts';
import { installWebhooks } from '../../local/control-plane/install-webhooks.ts';
import { type Kubectl, kubectlOf } from '../../local/control-plane/kubectl.ts';
import {
  withoutUnsupportedFields,
  withTarget,
  webhookConfigurations,
  type WebhookTarget,
} from '../../local/control-plane/webhook-configuration.ts';
import { type Authority, createAuthority, type Pair, writePair } from '../support/certificates.ts';
import { dedicatedControlPlane } from '../support/dedicated-control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { Operator } from '../support/operator.ts';
import { manifest, sequence } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const [serving, clients] = await Promise.all([createAuthority(), createAuthority()]);
const admission = await writeAdmission(await clients.issueClient('kube-apiserver'));
const own = dedicatedControlPlane({
  node: false,
  controllerManager: false,
  apiServerFlags: [`--admission-control-config-file=${admission}`],
});
let kubectl: Kubectl;

beforeAll(() => {
  kubectl = kubectlOf(own.plane);
});
afterAll(async () => Operator.endAll());

async function writeFolder(name: string, object: object): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify(object));
  return file;
}

/** The files on the node of the API server. JSON is YAML. */
async function writeAdmission({ cert, key }: Pair): Promise<string> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  // In a cluster the name is that of the webhook's Service: sequentialjob-webhook.sequentialjob-system.svc
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
  const users = ['127.0.0.1:*', '*'].map((name) => ({ name, user }));
  const kubeConfigFile = await writeFolder('clients.kubeconfig', { apiVersion: 'v1', kind: 'Config', users });
  const apiVersion = 'apiserver.config.k8s.io/v1';
  const configuration = { apiVersion, kind: 'WebhookAdmissionConfiguration', kubeConfigFile };
  const plugins = ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'].map((name) => ({ name, configuration }));
  return writeFolder('admission.yaml', { apiVersion, kind: 'AdmissionConfiguration', plugins });
}

interface Webhook {
  readonly operator: Operator;
  readonly state: string;
  readonly target: WebhookTarget;
}

/** Starts a webhook that asks for client certificates of that authority. */
async function start(name: string, { ca }: Authority): Promise<Webhook> {
  const state = join(folder, name);
  await mkdir(state);
  await writePair(state, await serving.issue());
  const clientCa = join(state, 'client-ca.crt');
  await writeFile(clientCa, ca);
  const ports = ['--webhook-host=127.0.0.1', '--webhook-port=0', '--health-port=0'];
  const flags = ['run', '--role=webhook', ...ports, `--cert-dir=${state}`, `--client-ca-file=${clientCa}`];
  const operator = Operator.spawn(flags, { KUBECONFIG: '/nowhere', HOME: '/nowhere' });
  await operator.untilSays('webhook started', 60);
  return { operator, state, target: { url: `https://127.0.0.1:${operator.port('webhook')}`, caPem: serving.ca } };
}

async function create(name: string, spec: object): Promise<string> {
  const file = await writeFolder(`${name}.json`, manifest(name, spec));
  return kubectl('create', '-f', file).catch((error: unknown) => String(error));
}

it('sends its certificate, and its reviews are accepted; so are its conversions, for which it has none', async () => {
  const { operator, state, target } = await start('ours', clients);
  const manifests = join(ROOT, 'config/webhook');
  // Waits until an object of v1alpha1 is converted.
  await installWebhooks(kubectl, { manifests, target, scratch: state, namespace: 'default', converts: true });
  expect(await create('fine', sequence(1))).toContain('sequentialjob.batch.example.com/fine created');
  expect(await create('wrong', { steps: [] })).toContain('spec.steps');
  expect(operator.says('client refused')).toBe(false);
  expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
});

it('is rejected if its certificate is from another CA, so that no object is stored', async () => {
  const { operator, target } = await start('another', await createAuthority());
  const configurations = webhookConfigurations(await readFile(join(ROOT, 'config/webhook/validating.yaml'), 'utf8'));
  const minor = parseVersion(own.plane.version)?.minor ?? 0;
  const items = configurations.map((one) => withTarget(withoutUnsupportedFields(one, minor), target));
  // The mutating webhook would be asked first, and nobody is there to answer it.
  await kubectl('delete', '--ignore-not-found', 'mutatingwebhookconfiguration', 'sequentialjob-webhook');
  await kubectl('apply', '-f', await writeFolder('webhooks.json', { apiVersion: 'v1', kind: 'List', items }));
  let tried = 0;
  await eventually('the API server asks it', async () => {
    const said = await create(`unchecked-${(tried += 1)}`, sequence(1));
    return said.includes('validate.sequentialjobs') && operator.says('client refused');
  });
  expect(operator.output).toContain('"reason":"certificate not accepted: ');
  expect(await create('unchecked', sequence(1))).toContain('failed calling webhook');
  expect(await kubectl('get', 'sequentialjobs', '-o', 'name')).not.toContain('/unchecked\n');
});
