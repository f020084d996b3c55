/**
 * Large reviews are judged in a thread of their own, one after the other. To parse and to judge one of some megabytes takes up
 * to a quarter of a second, in which nobody else would be answered, and the controller of the same process would neither renew its
 * lease nor start a step. The thread is there when it is needed, and for a minute after that. It has a heap of its own: a review
 * that takes more ends the thread and nothing else.
 */
import { Worker } from 'node:worker_threads';
import { Fifo } from '../shared/fifo.ts';
import type { Judged } from './judge.ts';
import type { Request } from './judge-worker.ts';

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

interface Task {
  readonly path: string;
  readonly bytes: Buffer;
  readonly resolve: (judged: Judged) => void;
  readonly reject: (error: Error) => void;
}

export class JudgeThread {
  readonly #options: JudgeThreadOptions;
  readonly #waiting = new Fifo<Task>();
  #current: Task | undefined;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: JudgeThreadOptions) {
    this.#options = options;
  }

  /**
   * Judges a review, after those that came before it. One that takes more memory than there is gets refused. Rejects where the
   * thread ends.
   */
  async judge(path: string, bytes: Buffer): Promise<Judged> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ path, bytes, resolve, reject });
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
    this.#current = this.#waiting.shift();
    clearTimeout(this.#idle);
    if (this.#current === undefined) {
      this.#idle = setTimeout(() => void this.close(), this.#options.idleMs ?? IDLE_MS).unref();
      return;
    }
    this.#worker ??= this.#start();
    const { path, bytes } = this.#current;
    const request: Request = { path, bytes, ownNamespace: this.#options.ownNamespace };
    this.#worker.postMessage(request, []);
  }

  #start(): Worker {
    const { program, heapMb = HEAP_MB } = this.#options;
    const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(program, { argv: ['judge'], resourceLimits });
    worker.unref();
    worker.on('message', (judged: Judged) => this.#finish(({ resolve }) => resolve(judged)));
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

const TOO_LARGE: Judged = { type: 'refused', status: 413, message: 'the review takes too much memory to be judged' };

const ended = (): Error => new Error('the thread that judges has ended');
