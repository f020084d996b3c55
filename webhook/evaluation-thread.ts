/**
 * Evaluates large reviews in a worker thread, one after the other. Parsing and evaluating some megabytes takes some
 * tenths of a second; on the main thread no other request would be answered, and a controller in the same process
 * would neither renew its Lease nor start a step. The thread is started when needed, and ends after a minute without
 * work. It has its own heap: a review that exceeds it ends only the thread.
 */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { FairQueue } from './fair-queue.ts';
import type { EvaluatedReview } from './evaluate.ts';
import type { EvaluationRequest } from './evaluation-worker.ts';
import type { Sender } from './byte-budget.ts';

/** In bytes of the body. A smaller one is evaluated in at most 20 ms, faster than it is sent to the thread. */
export const LARGE_BYTES = 256 * 1024;

const HEAP_MB = 96;
const YOUNG_MB = 16;
const IDLE_MS = 60_000;

export interface EvaluationThreadOptions {
  /** The entry point of the program, whose internal command `evaluate-reviews` runs in the thread. */
  readonly program: URL;
  /** The operator's own namespace; default: there is none. */
  readonly ownNamespace?: string | undefined;
  /** How long the thread is kept without work, in milliseconds; default a minute. */
  readonly idleMs?: number;
  /** Heap limit of the thread, program included, in MB; default 96. */
  readonly heapMb?: number;
}

/** A large review in the queue. */
export interface LargeReview {
  readonly path: string;
  readonly bytes: Buffer;
  readonly sender: Sender;
  /** Called when its evaluation starts. */
  readonly onTurn: () => void;
  /** Aborted if the caller no longer waits for the decision: a queued review is then dropped. */
  readonly signal: AbortSignal;
}

interface Task {
  /** Undefined once aborted, so that its bytes are released before its turn. */
  review: LargeReview | undefined;
  readonly resolve: (evaluated: EvaluatedReview | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class EvaluationThread {
  readonly #options: EvaluationThreadOptions;
  /** By address: the address with the most expensive reviews waits longest. */
  readonly #queue = new FairQueue<Task>();
  #current: Task | undefined;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: EvaluationThreadOptions) {
    this.#options = options;
  }

  /**
   * Evaluates a review when it is its turn; undefined if it was aborted before. A review that exceeds the heap limit
   * is refused. Rejects if the thread ends.
   */
  async evaluate(review: LargeReview): Promise<EvaluatedReview | undefined> {
    return new Promise((resolve, reject) => {
      if (review.signal.aborted) {
        resolve(undefined);
        return;
      }
      const task: Task = { review, resolve, reject };
      const drop = (): void => {
        if (this.#current === task) return;
        task.review = undefined;
        resolve(undefined);
      };
      review.signal.addEventListener('abort', drop, { once: true });
      this.#queue.push(review.sender.address, review.bytes.length, task);
      this.#next();
    });
  }

  /** Ends the thread; unfinished reviews are rejected. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#current?.reject(threadEndedError());
    this.#current = undefined;
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift())
      task.reject(threadEndedError());
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    clearTimeout(this.#idle);
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      const { review } = task;
      if (review === undefined) continue;
      this.#current = task;
      this.#post(review);
      return;
    }
    this.#idle = setTimeout(() => void this.close(), this.#options.idleMs ?? IDLE_MS).unref();
  }

  #post({ path, bytes, onTurn }: LargeReview): void {
    this.#worker ??= this.#start();
    onTurn();
    const request: EvaluationRequest = { path, bytes, ownNamespace: this.#options.ownNamespace };
    this.#worker.postMessage(request, []);
  }

  #start(): Worker {
    const { program, heapMb = HEAP_MB } = this.#options;
    // Heap flags of the process override a Worker's resource limits. The main heap has applied them already.
    setFlagsFromString('--max-old-space-size=0');
    setFlagsFromString('--max-semi-space-size=0');
    const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(program, { argv: ['evaluate-reviews'], resourceLimits });
    worker.unref();
    worker.on('message', (evaluated: EvaluatedReview) => this.#finish(({ resolve }) => resolve(evaluated)));
    const fail = (error: Error & { readonly code?: unknown }): void => {
      // The end of this worker was handled before, or was requested.
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#finish(({ resolve, reject }) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve(TOO_LARGE);
        else reject(error);
      });
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(threadEndedError()));
    return worker;
  }

  #finish(how: (task: Task) => void): void {
    const task = this.#current;
    this.#current = undefined;
    if (task === undefined) return;
    how(task);
    this.#next();
  }
}

const TOO_LARGE: EvaluatedReview = {
  type: 'refused',
  status: 413,
  message: 'the review takes too much memory',
  isServerSide: true,
};

const threadEndedError = (): Error => new Error('the review thread has ended');
