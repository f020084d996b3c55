/**
 * The work queue of keys (as k8s.io/client-go/util/workqueue): a key waits at most once, is worked on by one worker at
 * a time, comes back when it was added during the work, and can be added later or with a growing delay.
 */
import { type BackoffOptions, backoffDelay } from '../shared/backoff.ts';

export interface QueueOptions {
  readonly backoff: BackoffOptions;
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Delayed {
  readonly due: number;
  readonly timer: NodeJS.Timeout;
}

/** setTimeout's longest delay; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class WorkQueue {
  readonly #options: QueueOptions;
  /** Keys that wait, in order. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  /** Keys added while they were worked on. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Keys that wait now, without the delayed ones. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Adds a key, unless it waits already. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    const taker = this.#waiting.has(key) ? undefined : this.#takers.shift();
    if (taker === undefined) {
      this.#waiting.add(key);
      return;
    }
    this.#working.add(key);
    taker(key);
  }

  /** Adds a key after a delay; of several delays for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.#options.now() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.due <= due) return;
    if (known !== undefined) clearTimeout(known.timer);
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key);
        if (ms > MAX_TIMER_MS) this.addAfter(key, ms - MAX_TIMER_MS);
        else this.add(key);
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    this.#delayed.set(key, { due, timer });
  }

  /**
   * Adds a key after a failure: the delay grows with each failure until `forget`. Returns it, in milliseconds. What was
   * added while the failing work was going on waits with it: most of that is the echo of the work's own writes, and
   * would turn the delay into none. What is added from now on does not wait.
   */
  addAfterFailure(key: string, atLeastMs = 0): number {
    this.#again.delete(key);
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.max(atLeastMs, backoffDelay(failures, this.#options.backoff, this.#options.random));
    this.addAfter(key, delay);
    return delay;
  }

  /** The key went well: its next failure starts at the shortest delay again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, when there is one; undefined once the queue is closed. Each key taken must be given to `done`. */
  async take(): Promise<string | undefined> {
    if (this.#closed) return undefined;
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      this.#working.add(key);
      return key;
    }
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }

  /** The work on this key is over; if it was added meanwhile, it waits again. */
  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** No key is given out any more; those who wait for one get undefined. What is being worked on goes on. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}
