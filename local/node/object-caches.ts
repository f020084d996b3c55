/** Caches of the objects that the node watches: Pods, PersistentVolumeClaims and PersistentVolumes. */
import { Cache, type KubeObject } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import { keyIn, type Claim, type PersistentVolume, type Pod } from './objects.ts';

export class ObjectCaches {
  readonly pods = new Cache<Pod>();
  readonly claims = new Cache<Claim>();
  readonly volumes = new Cache<PersistentVolume>();
  readonly #reflectors: readonly { start(): void; readonly synced: Promise<void>; stop(): Promise<void> }[];

  constructor(client: ApiClient) {
    const reflect = <T extends KubeObject>(path: string, cache: Cache<T>): Reflector<T> =>
      new Reflector<T>({ client, path, cache, transform: (raw) => raw as T });
    this.#reflectors = [
      // In this order, so that the volumes and claims of a Pod are cached before the Pod.
      reflect('/api/v1/persistentvolumes', this.volumes),
      reflect('/api/v1/persistentvolumeclaims', this.claims),
      reflect('/api/v1/pods', this.pods),
    ];
  }

  /** Resolves when all caches are synced. */
  async start(): Promise<void> {
    for (const reflector of this.#reflectors) {
      reflector.start();
      await reflector.synced;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  claim(namespace: string, name: string): Claim | undefined {
    return this.claims.get(keyIn(namespace, name));
  }

  /** The folder of a bound claim's volume; undefined if the claim is not bound. */
  claimFolder(namespace: string, name: string): string | undefined {
    const volume = this.claim(namespace, name)?.spec.volumeName;
    return volume === undefined ? undefined : this.volumes.get(volume)?.spec.hostPath?.path;
  }
}
