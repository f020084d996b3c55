/** An ApiClient without a network: what it answers is up to the test, and what it was asked is on record. */
import { PassThrough, type Readable } from 'node:stream';
import type { ApiClient, ApiRequest, StreamRequest } from '../../shared/kube/client.ts';
import { markUncertainWrite } from '../../shared/kube/uncertain-write.ts';

export interface FakeAnswers {
  /** The answer to a request, or a throw; that counts as sent. */
  readonly request?: (request: ApiRequest) => unknown;
  /** The body of a stream, or a throw. */
  readonly stream?: (request: StreamRequest) => Readable;
}

export class FakeClient implements ApiClient {
  readonly server = 'https://api.example.com:6443';
  readonly requests: ApiRequest[] = [];
  readonly streams: StreamRequest[] = [];
  readonly #answers: FakeAnswers;

  constructor(answers: FakeAnswers = {}) {
    this.#answers = answers;
  }

  async request<T>(request: ApiRequest): Promise<T> {
    this.requests.push(request);
    if (this.#answers.request === undefined) throw new Error(`not expected: ${request.method} ${request.path}`);
    try {
      return handOn(await this.#answers.request(request), request) as T;
    } catch (error) {
      throw markUncertainWrite(request, error);
    }
  }

  async stream(request: StreamRequest): Promise<Readable> {
    this.streams.push(request);
    if (this.#answers.stream === undefined) throw new Error(`not expected: watch ${request.path}`);
    return this.#answers.stream(request);
  }

  async close(): Promise<void> {
    // There is nothing to close.
  }
}

/** The items of a list one by one, to whoever asks for them so. */
function handOn(answer: unknown, { onItem }: ApiRequest): unknown {
  if (onItem === undefined || typeof answer !== 'object' || answer === null) return answer;
  const { items } = answer as { readonly items?: unknown };
  if (!Array.isArray(items)) return answer;
  for (const item of items) onItem(item, JSON.stringify(item)?.length ?? 0);
  return { ...answer, items: [] };
}

/** A watch that the test writes to; it ends with AbortError when its reader's signal is aborted, as undici's do. */
export class FakeWatch {
  readonly body = new PassThrough();

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.fail(Object.assign(new Error('aborted'), { name: 'AbortError' })), {
      once: true,
    });
  }

  send(type: string, object: unknown): void {
    this.body.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Ends as a server does whose time for this watch is up. */
  end(): void {
    this.body.end();
  }

  fail(error: Error): void {
    this.body.destroy(error);
  }
}
