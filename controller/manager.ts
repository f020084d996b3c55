/** Starts and stops the controller: informers fill the caches, changes fill the queue, workers empty it. */
import { LABELS } from '../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../shared/api/job.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { Cache, keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { type ApiError, isApiError } from '../shared/kube/errors.ts';
import { Reflector } from '../shared/kube/reflector.ts';
import { collectionPath, JOBS, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { Log } from '../shared/log.ts';
import { EventRecorder } from './events.ts';
import { WorkQueue } from './queue.ts';
import { reconcile, type ReconcilerDeps } from './reconcile.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';

export interface ControllerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Only this namespace; undefined: all. */
  readonly namespace?: string | undefined;
  /** SequentialJobs worked on at once. */
  readonly workers: number;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Errors that may pass: 5 minutes at most between two tries (DESIGN §2). */
const BACKOFF = { baseMs: 250, maxMs: 300_000 } as const;

/** Of the 20 s that a shutdown may take, what is left for events when the last visit has ended. */
const EVENTS_DRAIN_MS = 5_000;

/** What the controller asks of a reflector, whatever it reflects. */
type Informer = Pick<Reflector<SequentialJob>, 'start' | 'stop' | 'synced' | 'hasSynced'>;

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Log;
  readonly #queue: WorkQueue;
  readonly #deps: ReconcilerDeps;
  readonly #reflectors: readonly Informer[];
  #workers: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(options: ControllerOptions) {
    const { client, log, random = Math.random, now = Date.now } = options;
    this.#options = options;
    this.#log = log;
    this.#queue = new WorkQueue({ backoff: BACKOFF, random, now: () => performance.now() });
    const sequentialJobs = new Cache<SequentialJob>();
    const jobs = new Cache<ObservedJob>((job) => sequentialJobOwner(job)?.uid);
    const events = new EventRecorder({
      client,
      now,
      random,
      onEmit: (object, { type, reason, message }) =>
        log[type === 'Warning' ? 'warn' : 'info']({ sequentialJob: keyOf(object), reason }, message),
      onDrop: (event, error) => log.warn({ event, err: error?.message }, 'event dropped'),
    });
    this.#deps = { client, sequentialJobs, jobs, events, now, doubtful: new Set() };
    this.#reflectors = [
      this.#reflect('sequentialjobs', sequentialJobs, { resource: SEQUENTIAL_JOBS, transform: toSequentialJob }),
      this.#reflect('jobs', jobs, { resource: JOBS, transform: toObservedJob, labelSelector: LABELS.uid }),
    ];
    sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#deps.doubtful.delete(keyOf(object));
      this.#queue.add(keyOf(object));
    });
    jobs.subscribe((change) => {
      this.#enqueueOwner(change.object);
      // A Job whose owner reference was taken off is missed by the sequence that it belonged to.
      if (change.type === 'modified') this.#enqueueOwner(change.previous);
    });
  }

  /** True once both caches hold a complete list. */
  get ready(): boolean {
    return this.#reflectors.every((reflector) => reflector.hasSynced);
  }

  /** Resolves when the caches are complete and the workers run. */
  async start(): Promise<void> {
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map((reflector) => reflector.synced));
    const { sequentialJobs, jobs } = this.#deps;
    this.#log.info({ sequentialJobs: sequentialJobs.size, jobs: jobs.size }, 'caches synced');
    this.#workers = Promise.all(Array.from({ length: this.#options.workers }, () => this.#work()));
  }

  /** Takes no more work; resolves when what is in flight has ended and the events are written. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#queue.close();
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
    await this.#workers;
    await this.#deps.events.close(EVENTS_DRAIN_MS);
  }

  #reflect<T extends SequentialJob | ObservedJob>(
    name: string,
    cache: Cache<T>,
    source: { resource: typeof JOBS; transform: (raw: unknown) => T; labelSelector?: string },
  ): Reflector<T> {
    const { client, namespace, random } = this.#options;
    return new Reflector<T>({
      client,
      path: collectionPath(source.resource, namespace),
      labelSelector: source.labelSelector,
      cache,
      transform: source.transform,
      onError: (error, retryMs) => this.#logWatchError(name, error, retryMs),
      ...(random === undefined ? {} : { random }),
    });
  }

  #logWatchError(informer: string, error: ApiError, retryMs: number): void {
    // An expired version is how a long-quiet watch ends: routine, like its cure.
    const level = error.code === 'Gone' ? 'debug' : 'warn';
    this.#log[level]({ informer, err: error.message, retryMs }, 'watch failed, will retry');
  }

  #enqueueOwner(job: ObservedJob): void {
    const owner = sequentialJobOwner(job);
    if (owner !== undefined) this.#queue.add(`${job.metadata.namespace}/${owner.name}`);
  }

  async #work(): Promise<void> {
    for (;;) {
      const key = await this.#queue.take();
      if (key === undefined) return;
      await this.#visit(key);
      this.#queue.done(key);
    }
  }

  /** Never rejects: whatever a visit ends with becomes another visit, later. */
  async #visit(key: string): Promise<void> {
    try {
      const { requeueAfterMs } = await reconcile(key, this.#deps);
      this.#queue.forget(key);
      if (requeueAfterMs !== undefined) this.#queue.addAfter(key, requeueAfterMs);
    } catch (error) {
      this.#retry(key, error);
    }
  }

  #retry(key: string, error: unknown): void {
    if (this.#stopping) return;
    const api = isApiError(error) ? error : undefined;
    const retryMs = this.#queue.addAfterFailure(key, api?.retryAfterMs);
    const fields = { sequentialJob: key, retryMs };
    if (api?.code === 'Conflict' || api?.code === 'NotFound') {
      // The cache was behind, or the object is gone: the next visit sees it as it is.
      this.#log.debug({ ...fields, err: api.message }, 'reconcile again');
    } else if (api === undefined) {
      this.#log.error({ ...fields, err: error }, 'reconcile failed: a fault of the operator');
    } else {
      this.#log.warn({ ...fields, code: api.code, err: api.message }, 'reconcile failed, will retry');
    }
  }
}
