/**
 * The work queue of keys (as k8s.io/client-go/util/workqueue): a key waits at most once, is worked on by one worker at
 * a time, comes back when it was added during the work, and can be added later or with a growing delay. Namespaces take
 * turns: thousands of keys of one do not make a key of another wait. Nor does work that takes long: a namespace has at most
 * half of the workers that the others leave it.
 */
import { type BackoffOptions, backoffDelay } from '../backoff.ts';
import { Fifo } from '../fifo.ts';
import { RoundRobin } from './round-robin.ts';

/** Told of what happens to keys, for metrics; times in milliseconds. */
export interface QueueObserver {
  /** A key was added that did not wait. */
  added(): void;
  /** A key is to be added later. */
  delayed(): void;
  /** A key was given out, so long after it was added. */
  taken(waitedMs: number): void;
  /** The work on a key is over, so long after it was given out. */
  done(workedMs: number): void;
}

export interface QueueOptions {
  readonly backoff: BackoffOptions;
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly observer?: QueueObserver | undefined;
  /** How many keys are worked on at once by all who take them; where there is only one namespace, undefined: all may be its. */
  readonly workers?: number | undefined;
}

/** How the queue is at this moment. */
export interface QueueState {
  readonly depth: number;
  /** For how long each of the keys that are being worked on has been, in milliseconds. */
  readonly workingMs: readonly number[];
}

interface Waiting {
  readonly key: string;
  readonly since: number;
}

interface Delayed {
  readonly due: number;
  readonly timer: NodeJS.Timeout;
  /** The key waits because it has failed, whatever else it waits for. */
  readonly afterFailure: boolean;
}

/** How a key has failed. */
export interface FailureOptions {
  /** How long the server asked to be left alone, in milliseconds. */
  readonly atLeastMs?: number | undefined;
  /** What was worked on was out of date: news of it is the cure, and no echo of the work's own writes. Default false. */
  readonly wasOutdated?: boolean;
}

/** Over how long keys come back that may all be tried again, so that thousands don't come at once. */
const MAX_JITTER_MS = 1_000;

/** setTimeout's longest delay; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class WorkQueue {
  readonly #options: QueueOptions;
  /** Keys that wait. */
  readonly #waiting = new Set<string>();
  /** The same keys, in the order in which they are given out. */
  readonly #order = new RoundRobin<Waiting>();
  /** Keys that are worked on, and since when. */
  readonly #working = new Map<string, number>();
  /** How many those are, by namespace. */
  readonly #workersOf = new Map<string, number>();
  /** Keys added while they were worked on, and when. */
  readonly #requeued = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #consumers = new Fifo<(key: string | undefined) => void>();
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Keys that wait now, without the delayed ones. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Keys that are being worked on. */
  get working(): number {
    return this.#working.size;
  }

  state(): QueueState {
    const now = this.#options.now();
    return { depth: this.depth, workingMs: [...this.#working.values()].map((since) => now - since) };
  }

  /** Adds a key, unless it waits already. */
  add(key: string): void {
    if (this.#closed || this.#waiting.has(key) || this.#requeued.has(key)) return;
    this.#options.observer?.added();
    const now = this.#options.now();
    if (this.#working.has(key)) this.#requeued.set(key, now);
    else this.#requeue(key, now);
  }

  /** Adds a key after a delay; of several delays for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    this.#options.observer?.delayed();
    this.#schedule(key, ms, false);
  }

  /**
   * Adds a key after a failure: the delay grows with each failure until `forget`. Returns it, in milliseconds. What was
   * added while the failing work was going on waits with it: most of that is the echo of the work's own writes, and
   * would turn the delay into none. Not so where the work was outdated: then the news is the cure, and the key comes back
   * with it at once. What is added from now on does not wait either.
   */
  addAfterFailure(key: string, { atLeastMs = 0, wasOutdated = false }: FailureOptions = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    if (wasOutdated && atLeastMs === 0 && this.#requeued.has(key)) return 0;
    this.#requeued.delete(key);
    const delay = Math.max(atLeastMs, backoffDelay(failures, this.#options.backoff, this.#options.random));
    if (this.#closed) return delay;
    this.#options.observer?.delayed();
    this.#schedule(key, delay, delay > atLeastMs);
    return delay;
  }

  /**
   * What made keys fail may be over: those that wait because of a failure come back within a second, and the next failure of
   * any key starts at the shortest delay. Keys that wait for a time stay, be it one that the server has asked for.
   */
  retryFailed(): void {
    this.#failures.clear();
    for (const [key, { afterFailure }] of this.#delayed) {
      if (afterFailure) this.#schedule(key, this.#options.random() * MAX_JITTER_MS, true);
    }
  }

  /** The key went well: its next failure starts at the shortest delay again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, when there is one; undefined once the queue is closed. Each key taken must be given to `done`. */
  async take(): Promise<string | undefined> {
    if (this.#closed) return undefined;
    const next = this.#next();
    if (next !== undefined) return next;
    return new Promise((resolve) => {
      this.#consumers.push(resolve);
    });
  }

  /** The work on this key is over; if it was added meanwhile, it waits again. */
  done(key: string): void {
    const since = this.#working.get(key);
    if (since !== undefined) this.#options.observer?.done(this.#options.now() - since);
    this.#end(key);
    const added = this.#requeued.get(key);
    this.#requeued.delete(key);
    if (this.#closed) return;
    if (added !== undefined) this.#wait(key, added);
    this.#dispatch();
  }

  /** No key is given out any more; those who wait for one get undefined. What is being worked on goes on. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    this.#order.clear();
    for (let taker = this.#consumers.shift(); taker !== undefined; taker = this.#consumers.shift()) taker(undefined);
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

  /** Gives a key to who waits for one; else it waits. */
  #requeue(key: string, since: number): void {
    this.#wait(key, since);
    this.#dispatch();
  }

  #wait(key: string, since: number): void {
    this.#waiting.add(key);
    this.#order.push(namespaceOf(key), { key, since });
  }

  /** Gives keys to those who wait for one, as long as there are both. */
  #dispatch(): void {
    while (this.#consumers.size > 0) {
      const next = this.#next();
      if (next === undefined) return;
      this.#consumers.shift()?.(next);
    }
  }

  #next(): string | undefined {
    const next = this.#order.shift((namespace) => this.#mayRunAnother(namespace));
    if (next === undefined) return undefined;
    this.#waiting.delete(next.key);
    this.#begin(next.key, next.since);
    return next.key;
  }

  /** Whether one more worker is not more than half of those that work for nobody else: so one is left for who comes next. */
  #mayRunAnother(namespace: string): boolean {
    const { workers } = this.#options;
    if (workers === undefined) return true;
    const own = this.#workersOf.get(namespace) ?? 0;
    return own < Math.max(1, Math.floor((workers - (this.#working.size - own)) / 2));
  }

  #begin(key: string, since: number): void {
    const now = this.#options.now();
    const namespace = namespaceOf(key);
    this.#working.set(key, now);
    this.#workersOf.set(namespace, (this.#workersOf.get(namespace) ?? 0) + 1);
    this.#options.observer?.taken(now - since);
  }

  #end(key: string): void {
    if (!this.#working.delete(key)) return;
    const namespace = namespaceOf(key);
    const left = (this.#workersOf.get(namespace) ?? 0) - 1;
    if (left > 0) this.#workersOf.set(namespace, left);
    else this.#workersOf.delete(namespace);
  }
}

/** Of a key `namespace/name`. */
function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}
