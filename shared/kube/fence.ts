/** A client that sends nothing once its owner may not act any more. */
import type { Readable } from 'node:stream';
import type { ApiClient, ApiRequest, StreamRequest } from './client.ts';
import { ApiError } from './errors.ts';

export interface LeaderFence {
  /** Asked before each request is sent: what a timer would say may come too late in a process that stood still. */
  readonly mayAct: () => boolean;
  /** What is in flight when it is aborted fails. */
  readonly signal: AbortSignal;
}

/** The same client behind a fence: beyond it a request rejects with `Aborted`, and nothing is sent. */
export function fenced(client: ApiClient, fence: LeaderFence): ApiClient {
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
    // A request with a signal of its own ends with the connections.
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
    if (signal.aborted || !mayAct()) throw new ApiError('Aborted', 'not sent: not the leader any more');
  }
}
