/** A namespace with a finished sequence in it, which is deleted. */
import type { ApiClient } from '../../shared/kube/client.ts';
import { type CommandResult, untilServiceAccount } from './cluster.ts';
import { eventually } from './eventually.ts';
import { Namespace } from './namespace.ts';
import { sequence } from './sequences.ts';

const NAME = 'done';

/** Resolves when the sequence has completed. Nothing is deleted yet. */
export async function withFinishedSequence(client: ApiClient, prefix: string): Promise<Namespace> {
  const namespace = await Namespace.create(client, prefix);
  await untilServiceAccount(namespace.name);
  await namespace.apply(NAME, sequence(1));
  await namespace.untilPhase(NAME, 'Completed');
  return namespace;
}

interface RawNamespace {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Deletes it; resolves when the API server says that only finalizers hold it. */
export async function deleteUntilHeld({ name, client }: Namespace): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  await client.request({ method: 'DELETE', path });
  await eventually(`finalizers hold ${name}`, async () => {
    const { status } = await client.request<RawNamespace>({ method: 'GET', path });
    return status.conditions?.some((one) => one.type === 'NamespaceFinalizersRemaining' && one.status === 'True');
  });
}

/** Takes the finalizers off the sequence by hand, as docs/install.md says. */
export const removeFinalizers = (namespace: Namespace): Promise<CommandResult> =>
  namespace.kubectl(['patch', 'sequentialjob', NAME, '--type=merge', '--patch', '{"metadata": {"finalizers": []}}']);

export async function untilNamespaceGone(namespace: Namespace): Promise<void> {
  await eventually(`${namespace.name} gone`, async () => !(await namespace.exists()), 120);
}
