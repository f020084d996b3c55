/** A client that sends no requests after its owner has lost leadership. */
import type { Readable } from 'node:stream';
import type { ApiClient, ApiRequest, StreamRequest } from './client.ts';
import { ApiError } from './errors.ts';

export interface LeaderFence {
  /** Checked before each request is sent: in a process that was paused, a timer could fire too late. */
  readonly mayAct: () => boolean;
  /** Aborted when leadership ends; requests in progress then fail. */
  readonly signal: AbortSignal;
}

/** Wraps the client: after leadership is lost, requests reject with `Aborted` and are not sent. */
export function withLeaderFence(client: ApiClient, fence: LeaderFence): ApiClient {
  return new FencedClient(client, fence);
}

class FencedClient implements ApiClient {
  readonly #client: ApiClient;
  readonly #fence: LeaderFence;

  constructor(client: ApiClient, fence: LeaderFence) {
    this.#client = client;
    this.#fence = fence;
  }

  get server(): string {
    return this.#client.server;
  }

  async request<T>(request: ApiRequest): Promise<T> {
    this.#check();
    // A request's own signal replaces the fence's; such a request ends when its connection is closed.
    return this.#client.request<T>({ signal: this.#fence.signal, ...request });
  }

  async stream(request: StreamRequest): Promise<Readable> {
    this.#check();
    return this.#client.stream(request);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #check(): void {
    const { mayAct, signal } = this.#fence;
    if (signal.aborted || !mayAct()) throw new ApiError('Aborted', 'not sent: no longer the leader');
  }
}
