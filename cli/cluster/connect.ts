/** The connection of a command to the cluster of the user's kubeconfig, chosen by kubectl's flags. */
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { StartupError } from '../../shared/kube/startup.ts';
import { nonEmptyString } from '../../shared/json/untrusted.ts';
import { USER_AGENT } from '../../shared/version.ts';
import { CommandError } from './command-error.ts';

/** kubectl's flags that choose the cluster and the namespace. */
export interface ClusterFlags {
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
}

export interface Connection {
  readonly client: ApiClient;
  /** Of the flag, of the context, or `default`. */
  readonly namespace: string;
  /** The URL of the API server. */
  readonly server: string;
  close(): Promise<void>;
}

/** A slash or a percent sign would make another path of it. kubectl refuses the same: apimachinery's IsValidPathSegmentName. */
export const isPathSegment = (text: string): boolean => !['', '.', '..'].includes(text) && !/[/%]/.test(text);

/** Does not connect yet. Throws CommandError if the kubeconfig names no cluster, or the namespace is none. */
export function connect(flags: ClusterFlags, env: Readonly<Record<string, string | undefined>>): Connection {
  const config = loadConfig(flags, env);
  const context = config.getContextObject(config.getCurrentContext());
  const namespace = flags.namespace ?? nonEmptyString(context?.namespace) ?? 'default';
  if (!isPathSegment(namespace)) throw new CommandError('usage', `"${namespace}" is no name of a namespace`);
  const client = createApiClient(config, { userAgent: USER_AGENT });
  return {
    client,
    namespace,
    server: client.server,
    close: () => client.close(),
  };
}

function loadConfig(
  { kubeconfig, context }: ClusterFlags,
  env: Readonly<Record<string, string | undefined>>,
): ReturnType<typeof loadKubeConfig> {
  try {
    return loadKubeConfig({ path: kubeconfig, context, env: env['KUBECONFIG'] });
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    throw new CommandError('unreachable', error.message, { cause: error });
  }
}
