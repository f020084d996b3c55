/**
 * Large reviews are judged in a thread of their own, one after the other. To parse and to judge one of some megabytes takes
 * some tenths of a second, in which nobody else would be answered, and the controller of the same process would neither renew its
 * lease nor start a step. The thread is there when it is needed, and for a minute after that. It has a heap of its own: a review
 * that takes more ends the thread and nothing else.
 */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { FairQueue } from './fair-queue.ts';
import type { EvaluatedReview } from './evaluate.ts';
import type { Request } from './evaluation-worker.ts';
import type { Sender } from './byte-budget.ts';

/** In bytes of a body. What is shorter is judged in 20 ms at most, and sooner than it is sent to another thread. */
export const LARGE_BYTES = 256 * 1024;

const HEAP_MB = 96;
const YOUNG_MB = 16;
const IDLE_MS = 60_000;

export interface JudgeThreadOptions {
  /** The program, whose `judge` is what runs in the thread. */
  readonly program: URL;
  /** The operator's own; default: there is none. */
  readonly ownNamespace?: string | undefined;
  /** How long it is kept when there is nothing to do, in milliseconds; default a minute. */
  readonly idleMs?: number;
  /** What a review may take, with the program itself, in MB; default 96. */
  readonly heapMb?: number;
}

/** A large review, and who waits for its verdict. */
export interface LargeReview {
  readonly path: string;
  readonly bytes: Buffer;
  readonly sender: Sender;
  /** Told when it is its turn. */
  readonly onTurn: () => void;
  /** Aborted where nobody waits for it any more: then it has no turn. */
  readonly signal: AbortSignal;
}

interface Task {
  /** Undefined where it was aborted: its bytes are not kept until its turn. */
  review: LargeReview | undefined;
  readonly resolve: (judged: EvaluatedReview | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class EvaluationThread {
  readonly #options: JudgeThreadOptions;
  /** By address: whoever sends what costs most waits longest. */
  readonly #waiting = new FairQueue<Task>();
  #current: Task | undefined;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: JudgeThreadOptions) {
    this.#options = options;
  }

  /**
   * Judges a review when it is its turn; undefined where it was aborted before that. One that takes more memory than there is gets
   * refused. Rejects where the thread ends.
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
      this.#waiting.push(review.sender.address, review.bytes.length, task);
      this.#next();
    });
  }

  /** Ends the thread; what it has not judged by then is rejected. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#current?.reject(ended());
    this.#current = undefined;
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) task.reject(ended());
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    clearTimeout(this.#idle);
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) {
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
    const request: Request = { path, bytes, ownNamespace: this.#options.ownNamespace };
    this.#worker.postMessage(request, []);
  }

  #start(): Worker {
    const { program, heapMb = HEAP_MB } = this.#options;
    // Flags of the process count for every heap of it, whatever a Worker is given. The main heap has read them by now.
    setFlagsFromString('--max-old-space-size=0');
    setFlagsFromString('--max-semi-space-size=0');
    const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(program, { argv: ['judge'], resourceLimits });
    worker.unref();
    worker.on('message', (judged: EvaluatedReview) => this.#finish(({ resolve }) => resolve(judged)));
    const fail = (error: Error & { readonly code?: unknown }): void => {
      // One that is told of already, or was to end.
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#finish(({ resolve, reject }) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve(TOO_LARGE);
        else reject(error);
      });
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(ended()));
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
  isOurs: true,
};

const ended = (): Error => new Error('the review thread has ended');
