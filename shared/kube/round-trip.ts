/**
 * One request with its complete answer, on undici's `dispatch`. undici's `request` creates a stream and an async
 * scope per answer, which for a small answer costs more than all other work of the controller (docs/performance.md).
 */
import type { Dispatcher } from 'undici';
import type { RequestDeadline } from './request-deadline.ts';
import { ApiError } from './errors.ts';

export interface Answer {
  readonly status: number;
  /** The header `Retry-After`. */
  readonly retryAfter: string | undefined;
  readonly text: string;
}

export interface RoundTripOptions {
  readonly deadline: RequestDeadline;
  /**
   * Called when a connection is open and the request is about to be written; before that the server knows nothing of
   * it.
   */
  readonly onSend?: (() => void) | undefined;
  /**
   * Called with each chunk of a 2xx body, which then has no `text`. If it throws, the request ends and rejects with
   * that error.
   */
  readonly onChunk?: ((chunk: Buffer) => void) | undefined;
}

/**
 * Resolves with the answer, whatever its status. Rejects with undici's error, or with `Aborted` when the deadline
 * cancels it, which the client reports as `Timeout`.
 */
export async function roundTrip(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { deadline, onSend, onChunk }: RoundTripOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const handler = new Handler({ resolve, reject, onSend, onChunk });
    deadline.onCancel(() => handler.abort());
    dispatcher.dispatch(request, handler);
  });
}

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

interface HandlerOptions extends Pick<RoundTripOptions, 'onSend' | 'onChunk'> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

class Handler implements Dispatcher.DispatchHandler {
  readonly #options: HandlerOptions;
  /** Set once undici has started the request. */
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  readonly #chunks: Buffer[] = [];

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Aborts a request in progress; one that waits for a connection is not sent. */
  abort(): void {
    this.#aborted = new ApiError('Aborted', 'the request was aborted');
    this.#controller?.abort(this.#aborted);
    this.#options.reject(this.#aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted === undefined) this.#options.onSend?.();
    else controller.abort(this.#aborted);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    const retryAfter = headers['retry-after'];
    this.#retryAfter = typeof retryAfter === 'string' ? retryAfter : retryAfter?.[0];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { onChunk, reject } = this.#options;
    if (onChunk === undefined || this.#status < 200 || this.#status >= 300) {
      this.#chunks.push(chunk);
      return;
    }
    if (this.#aborted !== undefined) return;
    try {
      onChunk(chunk);
    } catch (error) {
      this.#aborted = error as Error;
      reject(this.#aborted);
      controller.abort(this.#aborted);
    }
  }

  onResponseEnd(): void {
    const [only] = this.#chunks;
    const bytes = only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
    this.#options.resolve({ status: this.#status, retryAfter: this.#retryAfter, text: bytes.toString('utf8') });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#options.reject(error);
  }
}
