/** A namespace with a finished sequence in it, which is deleted. */
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { kubectl, type CommandResult, tryKubectl } from './cluster.ts';
import { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';
import { sequence } from './sequences.ts';

const NAME = 'done';

interface RawNamespace {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export class DeletedNamespace {
  readonly #namespace: Namespace;
  readonly #path: string;

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#path = `/api/v1/namespaces/${namespace.name}`;
  }

  /** Resolves when the sequence has completed. Nothing is deleted yet. */
  static async create(client: ApiClient, prefix: string): Promise<DeletedNamespace> {
    const namespace = await Namespace.create(client, prefix);
    await eventually('the service account', async () => {
      await kubectl('get', 'serviceaccount', 'default', '-n', namespace.name);
      return true;
    });
    await namespace.apply(NAME, sequence(1));
    await namespace.untilPhase(NAME, 'Completed');
    return new DeletedNamespace(namespace);
  }

  /** Deletes it; resolves when the API server says that nothing but finalizers holds it. */
  async deleteUntilHeld(): Promise<void> {
    await this.#namespace.client.request({ method: 'DELETE', path: this.#path });
    await eventually(`finalizers hold ${this.#namespace.name}`, async () => {
      const { status } = await this.#namespace.client.request<RawNamespace>({ method: 'GET', path: this.#path });
      const isTrue = (type: string): boolean =>
        status.conditions?.some((one) => one.type === type && one.status === 'True') === true;
      return isTrue('NamespaceFinalizersRemaining');
    });
  }

  /** Takes the finalizers of the sequence off by hand, as docs/install.md says. */
  async freeByHand(): Promise<CommandResult> {
    const patch = '{"metadata": {"finalizers": []}}';
    const name = ['--namespace', this.#namespace.name, NAME];
    return tryKubectl(['patch', 'sequentialjob', ...name, '--type=merge', '--patch', patch]);
  }

  async exists(): Promise<boolean> {
    try {
      await this.#namespace.client.request({ method: 'GET', path: this.#path });
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async untilGone(): Promise<void> {
    await eventually(`${this.#namespace.name} gone`, async () => !(await this.exists()), 120);
  }
}
