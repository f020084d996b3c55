/** The operator as an administrator has it: deployed with make from its image, and looked at from outside. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath } from '../../shared/kube/resources.ts';
import { kubeconfig, kubectl, kubectlCache, PODS, tryKubectl, type CommandResult } from './cluster.ts';
import { eventually } from './eventually.ts';
import { ROOT } from './manifests.ts';
import { parseMetrics, valueOf } from './metrics.ts';

export const SYSTEM = 'sequentialjob-system';
export const DEPLOYMENT = 'deployment/sequentialjob-controller';
/** With ROLES=split. */
export const WEBHOOK_DEPLOYMENT = 'deployment/sequentialjob-webhook';
const SELECTOR = 'app.kubernetes.io/name=sequentialjob';
/** The Pods of one Deployment. */
export const CONTROLLERS = `${SELECTOR},app.kubernetes.io/component=controller`;
export const WEBHOOKS = `${SELECTOR},app.kubernetes.io/component=webhook`;
const PROGRAM = 'sequentialjob.mjs';

/** Runs a target of a Makefile as an administrator does, and tells what it says and how it ends. */
export async function tryMakeIn(
  folder: string,
  target: string,
  ...variables: readonly string[]
): Promise<CommandResult> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const command = assets === undefined ? 'kubectl' : join(assets, 'kubectl');
  // What the make that runs the tests was called with is not for this one.
  const { MAKEFLAGS: _flags, MFLAGS: _same, MAKELEVEL: _level, ...env } = process.env;
  try {
    const tool = `KUBECTL=${command} --cache-dir=${kubectlCache()}`;
    const args = ['--no-print-directory', target, 'CERT=self-signed', tool, ...variables];
    const options = { cwd: folder, env: { ...env, KUBECONFIG: kubeconfig() } };
    return { code: 0, ...(await promisify(execFile)('make', args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Partial<CommandResult>;
    if (typeof code !== 'number') throw error;
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}

export async function tryMake(target: string, ...variables: readonly string[]): Promise<CommandResult> {
  return tryMakeIn(ROOT, target, ...variables);
}

export async function make(target: string, ...variables: readonly string[]): Promise<string> {
  return makeIn(ROOT, target, ...variables);
}

export async function makeIn(folder: string, target: string, ...variables: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryMakeIn(folder, target, ...variables);
  if (code !== 0) throw new Error(`make ${target} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** kubectl in the operator's namespace. */
export async function inSystem(...args: readonly string[]): Promise<string> {
  return kubectl('-n', SYSTEM, ...args);
}

export async function untilRolledOut(deployment = DEPLOYMENT): Promise<void> {
  await inSystem('rollout', 'status', deployment, '--timeout=180s');
}

/**
 * How long the kubelet may keep a Pod in the API whose containers have ended: seconds mostly, but once in a while 1.20 takes
 * minutes over it.
 */
const PODS_GONE_SECONDS = 240;

/** Resolves when none of these Pods of the operator is left. */
export async function untilPodsGone(names: readonly string[]): Promise<void> {
  const there = async (): Promise<string> => inSystem('get', 'pods', '-o', 'name');
  const isGone = async (): Promise<boolean> => {
    const found = await there();
    return !names.some((name) => found.includes(name));
  };
  await eventually(`${names.join(', ')} gone`, isGone, PODS_GONE_SECONDS);
}

/** Resolves when no such Pod of the operator is left. */
export async function scaleToZero(deployment = DEPLOYMENT, selector = SELECTOR): Promise<void> {
  await inSystem('scale', deployment, '--replicas=0');
  const none = async (): Promise<boolean> => (await inSystem('get', 'pods', '-l', selector, '-o', 'name')) === '';
  await eventually('no Pod of the operator', none, PODS_GONE_SECONDS);
}

export interface OperatorPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly priorityClassName?: string };
  readonly status: {
    readonly podIP?: string;
    readonly qosClass: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

/** The operator's Pods, without those that go. */
export async function operatorPods(client: ApiClient, labelSelector = SELECTOR): Promise<readonly OperatorPod[]> {
  const { items } = await client.request<{ readonly items: readonly OperatorPod[] }>({
    method: 'GET',
    path: collectionPath(PODS, SYSTEM),
    query: { labelSelector },
  });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The names of both Pods, once there are two, and both are ready. */
export async function untilBothReady(client: ApiClient, labelSelector = SELECTOR): Promise<readonly string[]> {
  return eventually('two Pods that are ready', async () => {
    const pods = await operatorPods(client, labelSelector);
    const ready = pods.filter(({ status }) => status.containerStatuses?.every((one) => one.ready) === true);
    return pods.length === 2 && ready.length === 2 ? pods.map(({ metadata }) => metadata.name) : undefined;
  });
}

/** Whether a Pod says in its metrics that it leads. */
export async function leads(pod: string): Promise<boolean> {
  const text = await kubectl('get', '--raw', `/api/v1/namespaces/${SYSTEM}/pods/${pod}:8080/proxy/metrics`);
  return valueOf(parseMetrics(text), 'leader_election_master_status', { name: 'sequentialjob-controller' }) === 1;
}

/** The Pod that holds the Lease, and says that it leads. */
export async function untilLeader(client: ApiClient): Promise<string> {
  return eventually('a leader', async () => {
    const names = (await operatorPods(client)).map(({ metadata }) => metadata.name);
    const holder = await inSystem('get', 'lease', 'sequentialjob-controller', '-o', 'jsonpath={.spec.holderIdentity}');
    const leader = names.find((name) => holder.startsWith(`${name}_`));
    return leader !== undefined && (await leads(leader)) ? leader : undefined;
  });
}

/** Runs a program of Node's in the container of a Pod, and reads what it prints as JSON: there is no shell. */
export async function insideOf(pod: string, script: string): Promise<unknown> {
  return JSON.parse(await inSystem('exec', pod, '--', '/nodejs/bin/node', '-e', script));
}

/** The operator's process in a Pod, as this machine counts it: the tests run on the node, as root. */
export async function processOf(pod: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [environment, command] = await Promise.all(
      ['environ', 'cmdline'].map(async (file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (environment?.split('\0').includes(`HOSTNAME=${pod}`) && command?.includes(PROGRAM)) return Number(pid);
  }
  throw new Error(`no process of Pod ${pod} on this machine`);
}

/** The fingerprints of the certificates that the operator's Pods show to those who connect. */
export async function servedCertificates(client: ApiClient): Promise<readonly string[]> {
  const pods = await operatorPods(client);
  return Promise.all(pods.map(async ({ status }) => servedBy(status.podIP)));
}

async function servedBy(host: string | undefined): Promise<string> {
  // Nothing is sent, and no name is asked for: whether it is trusted, the API server sees to.
  const socket = tls.connect({ host, port: 9443, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}

/** Ends a Pod's process as a crash of the node does: it can say nothing to anybody any more. */
export async function killProcess(pod: string): Promise<void> {
  process.kill(await processOf(pod), 'SIGKILL');
}

/** Cuts a Pod off from the API server, in both directions, or connects it again. Everybody else still reaches it. */
export async function setNetwork(pod: string, state: 'cut' | 'healed'): Promise<void> {
  const pid = String(await processOf(pod));
  const server = (await kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}')).trim();
  const change = state === 'cut' ? '--insert' : '--delete';
  for (const rule of [
    ['OUTPUT', '--destination', server],
    ['INPUT', '--source', server],
  ]) {
    await promisify(execFile)('nsenter', ['-t', pid, '-n', 'iptables', '--wait', change, ...rule, '--jump', 'DROP']);
  }
}

/**
 * Removes the operator, the definitions and all their objects after a test, also where it has failed and nothing works any more:
 * the other suites need the same names. Never rejects for what is not there.
 */
export async function removeOperator(...variables: readonly string[]): Promise<void> {
  // First: they would create more of the others.
  await tryKubectl(['delete', 'cronsequentialjobs', '--all', '--all-namespaces', '--timeout=60s']);
  await tryKubectl(['delete', 'sequentialjobs', '--all', '--all-namespaces', '--timeout=60s']);
  await removeFinalizersByHand();
  await tryMake('uninstall');
  await tryMake('undeploy', 'FORCE=yes', ...variables);
}

/** Takes the finalizers off all SequentialJobs, whatever the webhooks would say. */
async function removeFinalizersByHand(): Promise<void> {
  // Reads need no webhook then, whatever version is stored.
  const conversion = '--patch={"spec":{"conversion":{"strategy":"None","webhook":null}}}';
  await tryKubectl(['patch', 'crd', 'sequentialjobs.batch.example.com', '--type=merge', conversion]);
  const all = [
    'get',
    'sequentialjobs',
    '--all-namespaces',
    '-o',
    'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\\n"}{end}',
  ];
  const { stdout } = await tryKubectl(all);
  const left = stdout.split('\n').filter((line) => line !== '');
  if (left.length === 0) return;
  const kinds = 'mutatingwebhookconfiguration,validatingwebhookconfiguration';
  await tryKubectl(['delete', kinds, 'sequentialjob-webhook', '--ignore-not-found']);
  for (const line of left) {
    const [namespace = '', name = ''] = line.split(' ');
    await tryKubectl([
      'patch',
      'sequentialjob',
      name,
      '-n',
      namespace,
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    ]);
  }
}

/** What has the operator's name or label, of every kind. */
export async function leftovers(): Promise<readonly string[]> {
  const kinds = (await kubectl('api-resources', '--verbs=list', '-o', 'name')).split('\n');
  const all = kinds.filter((kind) => kind !== '' && !kind.startsWith('events')).join(',');
  const list = async (...more: readonly string[]): Promise<readonly string[]> =>
    (await kubectl('get', all, '--all-namespaces', '-o', 'name', ...more)).split('\n');
  const [named, labelled] = await Promise.all([list(), list('-l', 'app.kubernetes.io/name=sequentialjob')]);
  return [...named.filter((name) => name.includes('sequentialjob')), ...labelled.filter((name) => name !== '')];
}
