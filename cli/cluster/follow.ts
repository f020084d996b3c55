/** Keeps a sequence and its Pods up to date by watches. */
import type { SequentialJob } from '../../shared/api/types.ts';
import { Cache } from '../../shared/kube/cache.ts';
import { type ApiError, isApiError } from '../../shared/kube/errors.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import { collectionPath, PODS, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { type StepPod, toStepPod } from '../status/step-pod.ts';
import { type Asked, CommandError, explain, SEQUENTIAL_JOBS_RESOURCE } from './command-error.ts';
import type { Connection } from './connect.ts';
import { Denial } from './denial.ts';
import { ofSequence, podSelector } from './read.ts';

export interface Followed {
  /** The last known state, also of a deleted object. */
  readonly object: SequentialJob;
  /** Undefined if they may not be listed. */
  readonly pods: readonly StepPod[] | undefined;
  /** The object that was followed is gone; one of the same name may be there. */
  readonly isDeleted: boolean;
  /** False while the API server cannot be reached. */
  readonly isConnected: boolean;
}

export class Follower {
  readonly #connection: Connection;
  readonly #uid: string;
  readonly #objects: Reflector<SequentialJob>;
  readonly #pods: Reflector<StepPod>;
  readonly #podCache = new Cache<StepPod>();
  readonly #denials = { objects: new Denial(), pods: new Denial() } as const;
  readonly #listeners = new Set<() => void>();
  #object: SequentialJob;
  #isDeleted = false;
  #arePodsDenied = false;
  #isConnected = true;
  #error: unknown;

  /** `object`: as it was read before. Starts at once. */
  constructor(connection: Connection, object: SequentialJob) {
    const { name, namespace, uid } = object.metadata;
    const { client } = connection;
    this.#connection = connection;
    this.#object = object;
    this.#uid = uid;
    const cache = new Cache<SequentialJob>();
    const onListed = (): void => {
      // Deleted between the first read and the list.
      if (cache.size === 0) this.#isDeleted = true;
      this.#connected();
    };
    this.#objects = new Reflector({
      client,
      path: collectionPath(SEQUENTIAL_JOBS, namespace),
      fieldSelector: `metadata.name=${name}`,
      cache,
      transform: (raw) => raw as SequentialJob,
      onListed,
      onOpen: () => this.#connected(),
      onError: (error) => this.#failed(error, SEQUENTIAL_JOBS_RESOURCE),
      onInternalError: (error) => this.#end(error),
    });
    this.#pods = new Reflector({
      client,
      path: collectionPath(PODS, namespace),
      labelSelector: podSelector(name),
      cache: this.#podCache,
      transform: toStepPod,
      onListed: () => {
        this.#denials.pods.granted();
        this.#changed();
      },
      onOpen: () => this.#denials.pods.granted(),
      onError: (error) => this.#failed(error, 'pods'),
      onInternalError: (error) => this.#end(error),
    });
    cache.subscribe((change) => this.#observe(change.type, change.object));
    this.#podCache.subscribe(() => this.#changed());
    this.#objects.start();
    this.#pods.start();
  }

  /** Resolves when the first lists have arrived. Rejects as `current` throws. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(this.#objects.hasSynced && (this.#pods.hasSynced || this.#arePodsDenied))) {
      if (this.#error !== undefined || this.#isDeleted) break;
      await this.nextChange(signal);
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Throws CommandError if the object may not be watched, and the error of a bug. */
  get current(): Followed {
    if (this.#error !== undefined) throw this.#error;
    return {
      object: this.#object,
      pods: this.#arePodsDenied ? undefined : ofSequence(this.#podCache.values(), this.#uid),
      isDeleted: this.#isDeleted,
      isConnected: this.#isConnected,
    };
  }

  /** False while the API server cannot be reached. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Calls the listener at each change. Returns the function that removes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves at the next change, or when the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    const remove = this.onChange(end);
    signal.addEventListener('abort', end, { once: true });
    await promise;
    remove();
    signal.removeEventListener('abort', end);
  }

  /** Ends the watches. */
  async stop(): Promise<void> {
    await Promise.all([this.#objects.stop(), this.#pods.stop()]);
  }

  #observe(type: 'added' | 'modified' | 'deleted', object: SequentialJob): void {
    if (object.metadata.uid !== this.#uid || type === 'deleted') this.#isDeleted = true;
    if (object.metadata.uid === this.#uid) this.#object = object;
    this.#changed();
  }

  #connected(): void {
    this.#isConnected = true;
    this.#denials.objects.granted();
    this.#changed();
  }

  #failed(error: ApiError, resource: string): void {
    if (isApiError(error, 'Forbidden')) this.#denied(error, resource);
    else if (isApiError(error, 'Unreachable', 'Timeout')) this.#isConnected = false;
    this.#changed();
  }

  #denied(error: ApiError, resource: string): void {
    const isOfPods = resource === 'pods';
    if (this.#denials[isOfPods ? 'pods' : 'objects'].mayPass()) return;
    if (isOfPods) {
      this.#arePodsDenied = true;
      void this.#pods.stop();
      return;
    }
    const verb: Asked['verb'] = this.#objects.hasSynced ? 'watch' : 'list';
    const { namespace, server } = this.#connection;
    this.#end(explain(error, { verb, resource, namespace, server }));
  }

  #end(error: unknown): void {
    this.#error ??= error;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The error for a command that needs Pods where they may not be listed. */
export const podsDenied = (namespace: string): CommandError =>
  new CommandError('failed', `no permission to list pods in namespace "${namespace}"`);
