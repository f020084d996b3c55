/** Client-side rate limit for requests, as in client-go's flowcontrol: a token bucket in front of a client. */
import type { Readable } from 'node:stream';
import { Fifo } from '../fifo.ts';
import type { ApiClient, ApiRequest, StreamRequest } from './client.ts';
import { ApiError } from './errors.ts';

export interface TokenBucketOptions {
  /** Tokens added per second; above 0. */
  readonly qps: number;
  /**
   * Maximum number of tokens, at least 1: the number of requests that may be sent at once after a pause. If it is
   * below the tokens of a few milliseconds, the rate is not reached: timers are no more exact, and tokens beyond the
   * maximum are lost.
   */
  readonly burst: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

interface Waiter {
  readonly resolve: () => void;
  isAborted: boolean;
}

export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #waiting = new Fifo<Waiter>();
  #tokens: number;
  #refilledAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ qps, burst, now = (): number => performance.now() }: TokenBucketOptions) {
    this.#perMs = qps / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#refilledAt = now();
  }

  /** Resolves when a token is available, first come, first served. Rejects with `Aborted`, without taking a token. */
  async take(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve: resolve, isAborted: false };
    const abort = (): void => {
      waiter.isAborted = true;
      reject(abortedError());
    };
    if (signal?.aborted === true) throw abortedError();
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.push(waiter);
    this.#serveWaiters();
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #serveWaiters(): void {
    this.#refill();
    // The sum of fractions may be slightly below a whole token.
    while (this.#waiting.size > 0 && this.#tokens > 1 - 1e-6) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined || waiter.isAborted) continue;
      this.#tokens--;
      waiter.resolve();
    }
    if (this.#waiting.size === 0 || this.#timer !== undefined) return;
    const ms = Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs - 1e-6));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#serveWaiters();
    }, ms);
  }

  #refill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#refilledAt) * this.#perMs);
    this.#refilledAt = now;
  }
}

function abortedError(): ApiError {
  return new ApiError('Aborted', 'aborted while waiting for the client-side rate limit (--kube-api-qps)');
}

/**
 * Wraps the client: each request, and each opening of a stream, takes a token before it is sent. The time limit of
 * the request starts after that. The request's own signal or, without one, `signal` aborts the wait.
 */
export function withRateLimit(client: ApiClient, bucket: TokenBucket, signal: AbortSignal): ApiClient {
  return new LimitedClient(client, bucket, signal);
}

class LimitedClient implements ApiClient {
  readonly #client: ApiClient;
  readonly #bucket: TokenBucket;
  readonly #signal: AbortSignal;

  constructor(client: ApiClient, bucket: TokenBucket, signal: AbortSignal) {
    this.#client = client;
    this.#bucket = bucket;
    this.#signal = signal;
  }

  get server(): string {
    return this.#client.server;
  }

  async request<T>(request: ApiRequest): Promise<T> {
    await this.#bucket.take(request.signal ?? this.#signal);
    return this.#client.request<T>(request);
  }

  async stream(request: StreamRequest): Promise<Readable> {
    await this.#bucket.take(request.signal);
    return this.#client.stream(request);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
