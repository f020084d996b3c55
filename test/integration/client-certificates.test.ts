/** A real API server that shows the webhook a certificate, given to it as docs/install.md says. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { type ControlPlane, startControlPlane } from '../../local/control-plane/control-plane.ts';
import { parseVersion } from '../../local/control-plane/flags.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { installWebhooks } from '../../local/control-plane/install-webhooks.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import {
  fitServer,
  pointAt,
  webhookConfigurations,
  type WebhookTarget,
} from '../../local/control-plane/webhook-configuration.ts';
import { type Authority, createAuthority, type Pair, writePair } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';

const CONFIG = join(import.meta.dirname, '../../config');
const quiet = (): void => undefined;

let folder: string;
let plane: ControlPlane;
let serving: Authority;
/** Behind the API server's certificate. */
let clients: Authority;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-clients-'));
  [serving, clients] = await Promise.all([createAuthority(), createAuthority()]);
  const admission = await writeAdmission(await clients.issueClient('kube-apiserver'));
  const binaries = await resolveBinaries({ env: process.env, log: quiet });
  plane = await startControlPlane({
    state: join(folder, 'control-plane'),
    binaries,
    log: quiet,
    controllerManager: false,
    apiServerFlags: [`--admission-control-config-file=${admission}`],
  });
  await installCrds(kubectlOf(plane), join(CONFIG, 'crd'));
}, 180_000);

afterAll(async () => {
  await Operator.endAll();
  await plane.stop();
  await rm(folder, { recursive: true, force: true });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The files on the node of the API server. JSON is YAML. */
async function writeAdmission({ cert, key }: Pair): Promise<string> {
  const kubeConfigFile = join(folder, 'webhook-clients.kubeconfig');
  // In a cluster the name is that of the webhook's Service: sequentialjob-webhook.sequentialjob-system.svc
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
  await writeFile(
    kubeConfigFile,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      users: [
        { name: '127.0.0.1:*', user },
        { name: '*', user },
      ],
    }),
  );
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile,
  };
  const plugins = ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'].map((name) => ({ name, configuration }));
  const file = join(folder, 'admission.yaml');
  const config = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins };
  await writeFile(file, JSON.stringify(config));
  return file;
}

interface Asking {
  readonly operator: Operator;
  readonly state: string;
  readonly target: WebhookTarget;
}

/** A webhook that asks for certificates of that authority. */
async function start(name: string, { ca }: Authority): Promise<Asking> {
  const state = join(folder, name);
  await mkdir(state);
  await writePair(state, await serving.issue());
  const clientCa = join(state, 'client-ca.crt');
  await writeFile(clientCa, ca);
  const ports = ['--webhook-host=127.0.0.1', '--webhook-port=0', '--health-port=0'];
  const operator = Operator.spawn(
    ['run', '--role=webhook', ...ports, `--cert-dir=${state}`, `--client-ca-file=${clientCa}`],
    { KUBECONFIG: '/nowhere', HOME: '/nowhere' },
  );
  await operator.untilSays('webhook started', 60);
  const port = Number(/"port":(\d+),"msg":"webhook started"/.exec(operator.output)?.[1]);
  return { operator, state, target: { url: `https://127.0.0.1:${port}`, caPem: serving.ca } };
}

async function apply(name: string, spec: object): Promise<string> {
  const file = join(folder, `${name}.json`);
  const object = { apiVersion: 'batch.example.com/v1alpha1', kind: 'SequentialJob', metadata: { name }, spec };
  await writeFile(file, JSON.stringify(object));
  return kubectlOf(plane)('create', '-f', file).catch((error: unknown) => String(error));
}

it('is asked for its certificate and answered', async () => {
  const { operator, state, target } = await start('ours', clients);
  const manifests = join(CONFIG, 'webhook');
  await installWebhooks(kubectlOf(plane), { manifests, target, scratch: state, namespace: 'default' });
  expect(await apply('fine', sequence(1))).toContain('sequentialjob.batch.example.com/fine created');
  expect(await apply('wrong', { containers: [] })).toContain('spec.containers');
  expect(operator.says('client refused')).toBe(false);
  expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
}, 60_000);

it('is refused where its certificate is of another authority, and so nothing is stored', async () => {
  const { operator, state, target } = await start('another', await createAuthority());
  const manifest = await readFile(join(CONFIG, 'webhook/validating.yaml'), 'utf8');
  const minor = parseVersion(plane.version)?.minor ?? 0;
  const items = webhookConfigurations(manifest).map((one) => pointAt(fitServer(one, minor), target));
  const file = join(state, 'webhooks.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const kubectl = kubectlOf(plane);
  // The other one is asked first, and nobody is there to answer it.
  await kubectl('delete', '--ignore-not-found', 'mutatingwebhookconfiguration', 'sequentialjob-webhook');
  await kubectl('apply', '-f', file);
  let tried = 0;
  await eventually(
    'the API server asks it',
    async () => {
      const said = await apply(`unchecked-${(tried += 1)}`, sequence(1));
      return said.includes('validate.sequentialjobs') && operator.says('client refused');
    },
    30,
  );
  expect(operator.output).toContain('"reason":"a certificate that does not count: ');
  expect(await apply('unchecked', sequence(1))).toContain('failed calling webhook');
  expect(await kubectl('get', 'sequentialjobs', '-o', 'name')).not.toContain('/unchecked\n');
}, 60_000);
