/** Where the cluster is and who we are there: client-node reads the files, this module makes its failures readable. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { types } from 'node:util';
// Not the whole client, which is ten times as much to load.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { StartupError } from './startup.ts';

export class KubeConfigError extends StartupError {
  override readonly name = 'KubeConfigError';
}

export interface KubeConfigOptions {
  /** `--kubeconfig`: this file and no other. */
  readonly path?: string | undefined;
  /** `--context`: instead of the file's current context. */
  readonly context?: string | undefined;
  /** `KUBECONFIG`: one or more files, as kubectl reads it. */
  readonly env?: string | undefined;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Loads, in this order: the given path; `KUBECONFIG`; the service account of the Pod we run in; `~/.kube/config`.
 * The Pod comes before the home folder because a container image may well carry a home folder of somebody else.
 * The result has a current context with a cluster and a user. Throws KubeConfigError, one line that names the file.
 */
export function loadKubeConfig(options: KubeConfigOptions): KubeConfig {
  const config = new KubeConfig();
  const source = load(config, options);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  check(config, source);
  return config;
}

function load(config: KubeConfig, options: KubeConfigOptions): string {
  const listed = options.path === undefined ? (options.env ?? '').split(delimiter).filter(Boolean) : [options.path];
  if (listed.length > 0) {
    // Like kubectl: a file of the list that does not exist is passed over, unless none does.
    const there = listed.filter((file) => existsSync(file));
    for (const file of there.length > 0 ? there : listed) merge(config, file);
    return listed.join(delimiter);
  }
  if (existsSync(SERVICE_ACCOUNT_TOKEN)) {
    config.loadFromCluster();
    return 'the service account of this Pod';
  }
  const home = join(homedir(), '.kube', 'config');
  if (!existsSync(home)) {
    throw new KubeConfigError(`no kubeconfig: set --kubeconfig or KUBECONFIG, or create ${home}`);
  }
  merge(config, home);
  return home;
}

/** Like kubectl: what an earlier file says about a name, or as the current context, stands. */
function merge(into: KubeConfig, file: string): void {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.trim() === '') throw new Error('the file is empty');
    const other = new KubeConfig();
    other.loadFromFile(file);
    into.loadFromOptions({
      clusters: joined(into.getClusters(), other.getClusters()),
      users: joined(into.getUsers(), other.getUsers()),
      contexts: joined(into.getContexts(), other.getContexts()),
      currentContext: into.getCurrentContext() || other.getCurrentContext(),
    });
  } catch (error) {
    throw new KubeConfigError(`cannot read the kubeconfig ${file}: ${firstLine(error)}`, { cause: error });
  }
}

/** A new KubeConfig has no lists yet, whatever its types say. */
function joined<T extends { readonly name: string }>(first: readonly T[] | undefined, then: readonly T[]): T[] {
  const known = new Set((first ?? []).map(({ name }) => name));
  return [...(first ?? []), ...then.filter(({ name }) => !known.has(name))];
}

function check(config: KubeConfig, source: string): void {
  const name = config.getCurrentContext();
  const known = (config.getContexts() ?? []).map((context) => context.name);
  if (!name)
    throw new KubeConfigError(`${source}: no current context is set; choose one with --context (${list(known)})`);
  if (!known.includes(name)) {
    throw new KubeConfigError(`${source}: there is no context "${name}" (${list(known)})`);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeConfigError(`${source}: the cluster of context "${name}" is not defined`);
  if (config.getCurrentUser() === null) {
    throw new KubeConfigError(`${source}: the user of context "${name}" is not defined`);
  }
  if (!/^https?:$/.test(URL.parse(cluster.server)?.protocol ?? '')) {
    throw new KubeConfigError(`${source}: the server of context "${name}" is no http or https URL: ${cluster.server}`);
  }
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    const cure = 'set insecure-skip-tls-verify: true for its cluster if that is meant';
    throw new KubeConfigError(`${source}: the server of context "${name}" is reached without TLS: ${cure}`);
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}

function firstLine(error: unknown): string {
  const text = types.isNativeError(error) ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
