/** The conversion webhook over HTTP: reads a ConversionReview and writes its answer at the same time. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyReservation, ByteBudget, Sender } from './byte-budget.ts';
import { ConversionReview, MalformedReview } from './conversion-review.ts';
import type { ReadProblem } from './read-body.ts';
import { type HttpRefusal, refusalByHeaders, refusalOf } from './request-body.ts';
import { JSON_HEADERS } from './respond.ts';

/** The path in the CustomResourceDefinition. */
export const CONVERT_PATH = '/convert';

/** Ten thousand objects of a hundred KiB. A client that lists more at once can ask for pages. */
const MAX_BYTES = 1024 * 1024 * 1024;

/** The answer is held back up to this length, so that a malformed review gets a 4xx. */
const HELD_BYTES = 64 * 1024;

export interface ConvertOptions {
  readonly budget: ByteBudget;
  readonly sender: Sender;
  readonly onInternalError: (error: unknown) => void;
}

/** `refusal`: nothing has been answered yet. Otherwise the answer is written, and says that the conversion failed or not. */
export type ConversionOutcome =
  { readonly refusal: HttpRefusal } | { readonly converted: number; readonly failure: string | undefined };

/**
 * Converts the objects of a review one by one, as they arrive: memory is needed for one object, and counts against the
 * budget. Stops reading while the client does not read the answer. Rejects only if the client disconnects.
 */
export async function answerConversion(
  request: IncomingMessage,
  response: ServerResponse,
  options: ConvertOptions,
): Promise<ConversionOutcome> {
  const refusal = refusalByHeaders(request.headers, MAX_BYTES);
  if (refusal !== undefined) return { refusal };
  return new Promise((resolve, reject) => {
    new Conversion(request, response, { ...options, resolve, reject }).start();
  });
}

interface Settings extends ConvertOptions {
  readonly resolve: (outcome: ConversionOutcome) => void;
  readonly reject: (error: Error) => void;
}

class Conversion {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #settings: Settings;
  readonly #review: ConversionReview;
  readonly #memory: ObjectMemory;
  #received = 0;
  #answer = '';

  constructor(request: IncomingMessage, response: ServerResponse, settings: Settings) {
    this.#request = request;
    this.#response = response;
    this.#settings = settings;
    const { budget, sender, onInternalError } = settings;
    this.#memory = new ObjectMemory(budget, sender, () => this.#refuse(refusalOf('evicted', MAX_BYTES)));
    this.#review = new ConversionReview({ write: (text) => this.#write(text), onInternalError });
  }

  start(): void {
    const request = this.#request;
    request.on('data', this.#onData);
    request.once('end', this.#onEnd);
    request.once('error', (error) => this.#disconnected(error));
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) this.#disconnected(new Error('the client disconnected'));
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    const problem = this.#take(chunk);
    if (problem !== undefined) this.#refuse(refusalOf(problem, MAX_BYTES));
    else this.#run(() => this.#review.push(chunk));
    this.#memory.shrink(this.#review.pendingBytes);
  };

  readonly #onEnd = (): void => {
    this.#run(() => {
      this.#review.end();
      this.#finish();
    });
  };

  #take(chunk: Buffer): ReadProblem | undefined {
    this.#received += chunk.length;
    if (this.#received > MAX_BYTES) return 'too large';
    return this.#memory.grow(chunk.length) ? undefined : 'no memory';
  }

  #run(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof MalformedReview) this.#refuse({ status: 400, message: error.message });
      else {
        this.#stop();
        this.#settings.reject(error as Error);
      }
    }
  }

  /** A review whose answer has begun ends as failed; the rest of the body is dropped. */
  #refuse(refusal: HttpRefusal): void {
    this.#stop();
    if (!this.#response.headersSent) this.#settings.resolve({ refusal });
    else if (this.#review.fail(refusal.message)) this.#finish();
  }

  #stop(): void {
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.resume();
    this.#memory.release();
  }

  #finish(): void {
    this.#memory.release();
    this.#sendHeaders();
    this.#response.end(this.#answer);
    this.#answer = '';
    this.#settings.resolve({ converted: this.#review.converted, failure: this.#review.failure });
  }

  #disconnected(error: Error): void {
    this.#memory.release();
    this.#settings.reject(error);
  }

  #write(text: string): void {
    this.#answer += text;
    if (this.#answer.length < HELD_BYTES) return;
    this.#sendHeaders();
    const isDrained = this.#response.write(this.#answer);
    this.#answer = '';
    if (isDrained || this.#request.isPaused()) return;
    this.#request.pause();
    this.#response.once('drain', () => this.#request.resume());
  }

  #sendHeaders(): void {
    if (this.#response.headersSent) return;
    this.#response.statusCode = 200;
    for (const [name, value] of Object.entries(JSON_HEADERS)) this.#response.setHeader(name, value);
  }
}

/** The memory of the object that is being received. */
class ObjectMemory {
  readonly #reserve: () => BodyReservation;
  #reservation: BodyReservation;
  #bytes = 0;
  #isReleased = false;

  constructor(budget: ByteBudget, sender: Sender, evict: () => void) {
    this.#reserve = () => budget.reserve(sender, evict);
    this.#reservation = this.#reserve();
  }

  /** Reserves bytes for a chunk; false if there is no memory. */
  grow(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#reservation.acquire(bytes);
  }

  /** Only so many bytes are still needed. */
  shrink(bytes: number): void {
    if (this.#isReleased || bytes >= this.#bytes) return;
    // A reservation only grows: what is still needed is reserved anew, out of what was released.
    this.#reservation.release();
    this.#reservation = this.#reserve();
    this.#bytes = bytes;
    this.#reservation.acquire(bytes);
  }

  release(): void {
    this.#isReleased = true;
    this.#reservation.release();
  }
}
