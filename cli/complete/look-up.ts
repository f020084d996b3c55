/** The candidates that only the cluster or the kubeconfig knows. Quiet and quick: where nothing is known, there are none. */
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { METADATA_ONLY } from '../../shared/kube/client.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { connect, type Connection } from '../cluster/connect.ts';
import { PREFIX } from '../schedule/reference.ts';
import { stepNames } from '../logs/selection.ts';
import type { Candidate, Candidates } from './candidates.ts';

/** Nobody waits longer for a completion. */
const TIMEOUT_MS = 2_000;
const MAX_NAMES = 500;

type Env = Readonly<Record<string, string | undefined>>;
type Asked = Exclude<Candidates, { readonly kind: 'fixed' }>;

/** Never rejects. */
export async function lookUp(asked: Asked, env: Env): Promise<readonly Candidate[]> {
  try {
    const names = await namesOf(asked, env);
    return names
      .filter((name) => name.startsWith(asked.word) && !asked.given.includes(name))
      .map((name) => ({ text: `${asked.prefix}${name}` }));
  } catch {
    return [];
  }
}

async function namesOf({ kind, flags, given }: Asked, env: Env): Promise<readonly string[]> {
  const cluster = omitUndefined({
    namespace: flags['namespace'],
    context: flags['context'],
    kubeconfig: flags['kubeconfig'],
  });
  switch (kind) {
    case 'file':
    case 'text':
      return [];
    case 'context':
      return loadKubeConfig({ path: cluster.kubeconfig, env: env['KUBECONFIG'] })
        .getContexts()
        .map(({ name }) => name);
    case 'namespace':
      return ofCluster(cluster, env, (connection) => list(connection, '/api/v1/namespaces'));
    case 'sequence':
      return ofCluster(cluster, env, (connection) =>
        list(connection, collectionPath(SEQUENTIAL_JOBS, connection.namespace)),
      );
    case 'schedule':
      return ofCluster(cluster, env, async (connection) => {
        const names = await list(connection, collectionPath(CRON_SEQUENTIAL_JOBS, connection.namespace));
        return names.map((name) => `${PREFIX}${name}`);
      });
    case 'step':
      return ofCluster(cluster, env, async ({ client, namespace }) => {
        const path = objectPath(SEQUENTIAL_JOBS, namespace, given[0] ?? '');
        return stepNames(await client.request<SequentialJob>({ method: 'GET', path, timeoutMs: TIMEOUT_MS }));
      });
  }
}

async function ofCluster<T>(
  flags: Parameters<typeof connect>[0],
  env: Env,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = connect(flags, env);
  try {
    return await ask(connection);
  } finally {
    await connection.close();
  }
}

async function list({ client }: Connection, path: string): Promise<readonly string[]> {
  // A list of metadata is `PartialObjectMetadataList`.
  const accept = METADATA_ONLY.replace('PartialObjectMetadata', 'PartialObjectMetadataList');
  const { items } = await client.request<{
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  }>({
    method: 'GET',
    path,
    query: { limit: MAX_NAMES },
    accept,
    timeoutMs: TIMEOUT_MS,
  });
  return items.map(({ metadata }) => metadata.name);
}
