/** Loads the kubeconfig: client-node reads the files; this module checks the result and words the errors. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { types } from 'node:util';
// Not the whole client, which takes ten times as long to load.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { StartupError } from './startup.ts';

export class KubeConfigError extends StartupError {
  override readonly name = 'KubeConfigError';
}

export interface KubeConfigOptions {
  /** `--kubeconfig`: only this file is read. */
  readonly path?: string | undefined;
  /** `--context`: replaces the file's current context. */
  readonly context?: string | undefined;
  /** `KUBECONFIG`: one or more files, as in kubectl. */
  readonly env?: string | undefined;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Loads the first of: the given path; `KUBECONFIG`; the service account of the operator's Pod; `~/.kube/config`. The
 * service account precedes the home folder, because a container image may contain someone else's home folder. The
 * result has a current context with a cluster and a user. Throws KubeConfigError with a message of one line that
 * names the file.
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
    // Like kubectl: skips files of the list that do not exist, unless none exists.
    const existing = listed.filter((file) => existsSync(file));
    for (const file of existing.length > 0 ? existing : listed) merge(config, file);
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

/** Like kubectl: the first file that defines a name, or the current context, wins. */
function merge(into: KubeConfig, file: string): void {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.trim() === '') throw new Error('the file is empty');
    const other = new KubeConfig();
    other.loadFromFile(file);
    into.loadFromOptions({
      clusters: mergeByName(into.getClusters(), other.getClusters()),
      users: mergeByName(into.getUsers(), other.getUsers()),
      contexts: mergeByName(into.getContexts(), other.getContexts()),
      currentContext: into.getCurrentContext() || other.getCurrentContext(),
    });
  } catch (error) {
    throw new KubeConfigError(`cannot read the kubeconfig ${file}: ${firstLine(error)}`, { cause: error });
  }
}

/** A new KubeConfig has undefined lists, contrary to its types. */
function mergeByName<T extends { readonly name: string }>(first: readonly T[] | undefined, then: readonly T[]): T[] {
  const known = new Set((first ?? []).map(({ name }) => name));
  return [...(first ?? []), ...then.filter(({ name }) => !known.has(name))];
}

function check(config: KubeConfig, source: string): void {
  const name = config.getCurrentContext();
  const known = (config.getContexts() ?? []).map((context) => context.name);
  if (!name)
    throw new KubeConfigError(
      `${source}: no current context is set; choose one with --context (${describeContexts(known)})`,
    );
  if (!known.includes(name)) {
    throw new KubeConfigError(`${source}: there is no context "${name}" (${describeContexts(known)})`);
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
    const advice = 'set insecure-skip-tls-verify: true for its cluster if that is meant';
    throw new KubeConfigError(`${source}: the server of context "${name}" is reached without TLS: ${advice}`);
  }
}

function describeContexts(names: readonly string[]): string {
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}

function firstLine(error: unknown): string {
  const text = types.isNativeError(error) ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
