/**
 * The work queue of keys (as k8s.io/client-go/util/workqueue). A key is queued at most once and processed by at most
 * one worker. A key that is added while it is processed is queued again afterwards. A key can be added with a delay
 * or with exponential backoff. Namespaces take turns, so thousands of keys of one namespace do not delay the others.
 * Slow keys do not either: a namespace gets at most half of the workers that the other namespaces leave free.
 */
import { type BackoffOptions, backoffDelay } from '../backoff.ts';
import { Fifo } from '../fifo.ts';
import { RoundRobin } from './round-robin.ts';

/** Receives the events of the queue, for metrics; times in milliseconds. */
export interface QueueObserver {
  /** A key was added that was not queued. */
  added(): void;
  /** A key was added with a delay. */
  addedLater(): void;
  /** A worker got a key, `waitedMs` after it was added. */
  taken(waitedMs: number): void;
  /** A worker has finished a key, `workedMs` after it got it. */
  done(workedMs: number): void;
}

export interface QueueOptions {
  readonly backoff: BackoffOptions;
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly observer?: QueueObserver | undefined;
  /**
   * Number of workers, which bounds how many of them one namespace may use. Undefined (the operator watches one
   * namespace): no bound.
   */
  readonly workers?: number | undefined;
}

/** The current state of the queue. */
export interface QueueState {
  readonly depth: number;
  /** How long each key in progress has been processed, in milliseconds. */
  readonly inProgressMs: readonly number[];
}

interface QueuedKey {
  readonly key: string;
  readonly since: number;
}

interface DelayedKey {
  readonly due: number;
  readonly timer: NodeJS.Timeout;
  /** The key is in backoff after a failure, perhaps among other reasons. */
  readonly afterFailure: boolean;
}

/** How a key failed. */
export interface FailureOptions {
  /** The minimum delay that the server asked for (Retry-After), in milliseconds. */
  readonly minDelayMs?: number | undefined;
  /** The worker used an outdated object, so the event that was queued meanwhile brings the newer one. Default false. */
  readonly wasOutdated?: boolean;
}

/** The time over which keys come back that are all retried at once, so that thousands do not come together. */
const MAX_JITTER_MS = 1_000;

/** setTimeout's maximum delay; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class WorkQueue {
  readonly #options: QueueOptions;
  /** Queued keys. */
  readonly #queued = new Set<string>();
  /** The queued keys in the order in which workers get them. */
  readonly #order = new RoundRobin<QueuedKey>();
  /** Keys in progress, and when each was started. */
  readonly #inProgress = new Map<string, number>();
  /** The number of keys in progress by namespace. */
  readonly #inProgressByNamespace = new Map<string, number>();
  /** Keys that were added while in progress, and when. */
  readonly #addedWhileInProgress = new Map<string, number>();
  readonly #delayed = new Map<string, DelayedKey>();
  readonly #failures = new Map<string, number>();
  readonly #waitingWorkers = new Fifo<(key: string | undefined) => void>();
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** The number of queued keys, without the delayed ones. */
  get depth(): number {
    return this.#queued.size;
  }

  /** The number of keys in progress. */
  get inProgress(): number {
    return this.#inProgress.size;
  }

  state(): QueueState {
    const now = this.#options.now();
    return { depth: this.depth, inProgressMs: [...this.#inProgress.values()].map((since) => now - since) };
  }

  /** Adds a key, unless it is queued already. */
  add(key: string): void {
    if (this.#closed || this.#queued.has(key) || this.#addedWhileInProgress.has(key)) return;
    this.#options.observer?.added();
    const now = this.#options.now();
    if (this.#inProgress.has(key)) this.#addedWhileInProgress.set(key, now);
    else this.#enqueueAndDispatch(key, now);
  }

  /** Adds a key after a delay; of several delays for one key the earliest wins. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    this.#options.observer?.addedLater();
    this.#schedule(key, ms, false);
  }

  /**
   * Adds a key after a failure: the delay grows with each failure until `forget` resets it. Returns the delay in
   * milliseconds. A key that was added during the failed run waits for the same delay: most such events are caused by
   * the run's own writes and would cancel the backoff. If the object was outdated (`wasOutdated`), the queued event
   * brings the newer object, and the key is queued at once. A key that is added later does not wait either.
   */
  addAfterFailure(key: string, { minDelayMs = 0, wasOutdated = false }: FailureOptions = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    if (wasOutdated && minDelayMs === 0 && this.#addedWhileInProgress.has(key)) return 0;
    this.#addedWhileInProgress.delete(key);
    const delay = Math.max(minDelayMs, backoffDelay(failures, this.#options.backoff, this.#options.random));
    if (this.#closed) return delay;
    this.#options.observer?.addedLater();
    this.#schedule(key, delay, delay > minDelayMs);
    return delay;
  }

  /**
   * Retries keys in backoff within a second and resets all backoffs, because the cause of the failures may be gone.
   * Keys with another delay, also one that the server asked for, keep it.
   */
  retryFailed(): void {
    this.#failures.clear();
    for (const [key, { afterFailure }] of this.#delayed) {
      if (afterFailure) this.#schedule(key, this.#options.random() * MAX_JITTER_MS, true);
    }
  }

  /** Drops the delay of a key, for which nothing is left to do later. */
  cancelDelay(key: string): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }

  /** Resets the backoff of a key after a success. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * Resolves with the next key as soon as there is one; with undefined once the queue is closed. The caller must pass
   * each key to `done`.
   */
  async take(): Promise<string | undefined> {
    if (this.#closed) return undefined;
    const next = this.#next();
    if (next !== undefined) return next;
    return new Promise((resolve) => {
      this.#waitingWorkers.push(resolve);
    });
  }

  /** Ends the processing of a key; if it was added meanwhile, it is queued again. */
  done(key: string): void {
    const since = this.#inProgress.get(key);
    if (since !== undefined) this.#options.observer?.done(this.#options.now() - since);
    this.#finish(key);
    const added = this.#addedWhileInProgress.get(key);
    this.#addedWhileInProgress.delete(key);
    if (this.#closed) return;
    if (added !== undefined) this.#enqueue(key, added);
    this.#dispatch();
  }

  /** Gives out no more keys; waiting workers get undefined. Keys in progress are not affected. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#queued.clear();
    this.#order.clear();
    for (let worker = this.#waitingWorkers.shift(); worker !== undefined; worker = this.#waitingWorkers.shift())
      worker(undefined);
  }

  #schedule(key: string, ms: number, afterFailure: boolean): void {
    const due = this.#options.now() + ms;
    const known = this.#delayed.get(key);
    const hasFailed = afterFailure || known?.afterFailure === true;
    if (known !== undefined && known.due <= due) {
      this.#delayed.set(key, { ...known, afterFailure: hasFailed });
      return;
    }
    if (known !== undefined) clearTimeout(known.timer);
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key);
        if (ms > MAX_TIMER_MS) this.#schedule(key, ms - MAX_TIMER_MS, hasFailed);
        else this.add(key);
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    this.#delayed.set(key, { due, timer, afterFailure: hasFailed });
  }

  /** Queues a key, or gives it to a waiting worker. */
  #enqueueAndDispatch(key: string, since: number): void {
    this.#enqueue(key, since);
    this.#dispatch();
  }

  #enqueue(key: string, since: number): void {
    this.#queued.add(key);
    this.#order.push(namespaceOf(key), { key, since });
  }

  /** Gives keys to waiting workers, as long as there are both. */
  #dispatch(): void {
    while (this.#waitingWorkers.size > 0) {
      const next = this.#next();
      if (next === undefined) return;
      this.#waitingWorkers.shift()?.(next);
    }
  }

  #next(): string | undefined {
    const next = this.#order.shift((namespace) => this.#mayRunAnother(namespace));
    if (next === undefined) return undefined;
    this.#queued.delete(next.key);
    this.#start(next.key, next.since);
    return next.key;
  }

  /**
   * Whether the namespace may use one more worker: at most half of those that no other namespace uses, so that one
   * stays free for the next namespace.
   */
  #mayRunAnother(namespace: string): boolean {
    const { workers } = this.#options;
    if (workers === undefined) return true;
    const own = this.#inProgressByNamespace.get(namespace) ?? 0;
    return own < Math.max(1, Math.floor((workers - (this.#inProgress.size - own)) / 2));
  }

  #start(key: string, since: number): void {
    const now = this.#options.now();
    const namespace = namespaceOf(key);
    this.#inProgress.set(key, now);
    this.#inProgressByNamespace.set(namespace, (this.#inProgressByNamespace.get(namespace) ?? 0) + 1);
    this.#options.observer?.taken(now - since);
  }

  #finish(key: string): void {
    if (!this.#inProgress.delete(key)) return;
    const namespace = namespaceOf(key);
    const left = (this.#inProgressByNamespace.get(namespace) ?? 0) - 1;
    if (left > 0) this.#inProgressByNamespace.set(namespace, left);
    else this.#inProgressByNamespace.delete(namespace);
  }
}

/** The namespace of a key `namespace/name`. */
function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}
