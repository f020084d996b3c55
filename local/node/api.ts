/** The node's requests to the API server. */
import type { ApiClient } from '../../shared/kube/client.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import type { Content, NodeStatus, PersistentVolume, Pod, PodCondition, PodStatus } from './objects.ts';

const escape = encodeURIComponent;

/** The path of a Pod or of one of its subresources. */
export function podPath(pod: Pod, subresource = ''): string {
  const { namespace, name } = pod.metadata;
  return `/api/v1/namespaces/${escape(namespace)}/pods/${escape(name)}${subresource === '' ? '' : `/${subresource}`}`;
}

/** The part of the API server's Node that is used: its current labels. */
export interface NodeAnswer {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}

export class NodeApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Rejects with code Conflict or NotFound if the Pod with this UID no longer exists. */
  async patchStatus(pod: Pod, status: PodStatus | { readonly conditions: readonly PodCondition[] }): Promise<void> {
    await this.#client.request({
      method: 'PATCH',
      path: podPath(pod, 'status'),
      contentType: PATCH_TYPE.merge,
      body: { metadata: { uid: pod.metadata.uid }, status },
    });
  }

  /**
   * Deletes a Pod whose containers have terminated, without a grace period. Does nothing if no Pod has the name; rejects
   * with code Conflict if another one has it.
   */
  async removePod(pod: Pod): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      preconditions: { uid: pod.metadata.uid },
    };
    await this.#tolerate(['NotFound'], () => this.#client.request({ method: 'DELETE', path: podPath(pod), body }));
  }

  async bind(pod: Pod, node: string): Promise<void> {
    const { name, uid } = pod.metadata;
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, uid }, target };
    await this.#client.request({ method: 'POST', path: podPath(pod, 'binding'), body });
  }

  async registerNode(node: { readonly metadata: object; readonly status: NodeStatus }): Promise<void> {
    await this.#tolerate(['AlreadyExists'], () =>
      this.#client.request({
        method: 'POST',
        path: '/api/v1/nodes',
        body: { apiVersion: 'v1', kind: 'Node', ...node },
      }),
    );
  }

  async patchNodeStatus(name: string, status: NodeStatus): Promise<NodeAnswer> {
    return this.#client.request<NodeAnswer>({
      method: 'PATCH',
      path: `/api/v1/nodes/${escape(name)}/status`,
      contentType: PATCH_TYPE.merge,
      body: { status },
    });
  }

  async createStorageClass(storageClass: object): Promise<void> {
    const path = '/apis/storage.k8s.io/v1/storageclasses';
    await this.#tolerate(['AlreadyExists'], () => this.#client.request({ method: 'POST', path, body: storageClass }));
  }

  async createVolume(volume: object): Promise<void> {
    await this.#tolerate(['AlreadyExists'], () =>
      this.#client.request({ method: 'POST', path: '/api/v1/persistentvolumes', body: volume }),
    );
  }

  async deleteVolume(volume: PersistentVolume): Promise<void> {
    const path = `/api/v1/persistentvolumes/${escape(volume.metadata.name)}`;
    await this.#tolerate(['NotFound'], () => this.#client.request({ method: 'DELETE', path }));
  }

  /** Undefined if it does not exist. */
  async configMap(namespace: string, name: string): Promise<Content | undefined> {
    const found = await this.#get<{ readonly data?: Strings; readonly binaryData?: Strings }>(
      namespace,
      'configmaps',
      name,
    );
    if (found === undefined) return undefined;
    return { ...decoded(found.data, 'utf8'), ...decoded(found.binaryData, 'base64') };
  }

  /** Undefined if it does not exist. */
  async secret(namespace: string, name: string): Promise<Content | undefined> {
    const found = await this.#get<{ readonly data?: Strings }>(namespace, 'secrets', name);
    return found === undefined ? undefined : decoded(found.data, 'base64');
  }

  async #get<T>(namespace: string, plural: string, name: string): Promise<T | undefined> {
    const path = `/api/v1/namespaces/${escape(namespace)}/${plural}/${escape(name)}`;
    try {
      return await this.#client.request<T>({ method: 'GET', path });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #tolerate(codes: readonly ('NotFound' | 'AlreadyExists')[], request: () => Promise<unknown>): Promise<void> {
    try {
      await request();
    } catch (error) {
      if (!isApiError(error, ...codes)) throw error;
    }
  }
}

type Strings = Readonly<Record<string, string>>;

function decoded(data: Strings | undefined, encoding: BufferEncoding): Content {
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]));
}
