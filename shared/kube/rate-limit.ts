/** A limit of our own to the rate of requests, as client-go's flowcontrol has it: a token bucket in front of a client. */
import type { Readable } from 'node:stream';
import { Fifo } from '../fifo.ts';
import type { ApiClient, ApiRequest, StreamRequest } from './client.ts';
import { ApiError } from './errors.ts';

export interface TokenBucketOptions {
  /** Tokens that come back in a second; above 0. */
  readonly qps: number;
  /**
   * Tokens that there are at most, 1 or more: so many requests may go at once after a pause. One that is below what comes in
   * a few milliseconds costs rate: timers are no more exact than that, and what comes beyond it is lost.
   */
  readonly burst: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

interface Waiter {
  readonly go: () => void;
  isGone: boolean;
}

export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #waiting = new Fifo<Waiter>();
  #tokens: number;
  #filledAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ qps, burst, now = (): number => performance.now() }: TokenBucketOptions) {
    this.#perMs = qps / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#filledAt = now();
  }

  /** Resolves when it is the caller's turn: first come, first served. Rejects with `Aborted`, and costs no token then. */
  async take(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { go: resolve, isGone: false };
    const abort = (): void => {
      waiter.isGone = true;
      reject(givenUp());
    };
    if (signal?.aborted === true) throw givenUp();
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.push(waiter);
    this.#serve();
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #serve(): void {
    this.#fill();
    // A sum of fractions may miss a whole token by a little.
    while (this.#waiting.size > 0 && this.#tokens > 1 - 1e-6) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined || waiter.isGone) continue;
      this.#tokens--;
      waiter.go();
    }
    if (this.#waiting.size === 0 || this.#timer !== undefined) return;
    const ms = Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs - 1e-6));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#serve();
    }, ms);
  }

  #fill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}

function givenUp(): ApiError {
  return new ApiError('Aborted', 'given up while it waited for its turn (--kube-api-qps)');
}

/**
 * The same client behind the bucket: each request, and each opening of a stream, takes a token before it is sent. Its time
 * limit counts from then. Whoever waits for a token is let go by the request's own signal or, where it has none, by `signal`.
 */
export function limited(client: ApiClient, bucket: TokenBucket, signal: AbortSignal): ApiClient {
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
