/**
 * Answers a ConversionReview of apiextensions.k8s.io/v1 (apiextensions-apiserver pkg/apis/apiextensions/v1 types.go) while it
 * arrives. The API server converts all objects of a list in one review, so only one object at a time is in memory. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { API_VERSIONS, convert, ConversionError } from '../shared/conversion/index.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { ListReader } from '../shared/kube/list-reader.ts';
import { shorten } from '../shared/validation/field-error.ts';
import { hasMoreValues, MAX_NAMES, MAX_VALUES } from './json-size.ts';
import { nameOf } from './response.ts';

const API_VERSION = 'apiextensions.k8s.io/v1';
const KIND = 'ConversionReview';

/** The API server's own request limit of 3 MiB, with room for characters that JSON writes in several bytes. */
const MAX_OBJECT_BYTES = 3.5 * 1024 * 1024;
/** An admission review has two objects. */
const [MAX_OBJECT_VALUES, MAX_OBJECT_NAMES] = [MAX_VALUES / 2, MAX_NAMES / 2];

/** The body is not a ConversionReview; the message is one line. */
export class MalformedReview extends Error {
  override readonly name = 'MalformedReview';
}

interface ConversionRequest {
  readonly uid: string;
  readonly desiredAPIVersion: string;
}

export interface ConversionReviewOptions {
  /** Receives the answer in parts. */
  readonly write: (text: string) => void;
  /** Receives an internal error at an object; the review then fails. */
  readonly onInternalError: (error: unknown) => void;
}

export class ConversionReview {
  readonly #write: (text: string) => void;
  readonly #onInternalError: (error: unknown) => void;
  readonly #reader = new ListReader((object) => this.#convert(object), {
    key: 'objects',
    depth: 2,
    maxItemBytes: MAX_OBJECT_BYTES,
    parseItem: parseObject,
  });
  #request: ConversionRequest | undefined;
  #converted = 0;
  #failure: string | undefined;

  constructor({ write, onInternalError }: ConversionReviewOptions) {
    this.#write = write;
    this.#onInternalError = onInternalError;
  }

  /** The number of converted objects. */
  get converted(): number {
    return this.#converted;
  }

  /** Why the review fails; undefined if it does not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The bytes of an incomplete object that are held in memory. */
  get pendingBytes(): number {
    return this.#reader.pendingBytes;
  }

  /** Reads the next part of the body. Throws MalformedReview. */
  push(chunk: Buffer): void {
    this.#read(() => this.#reader.write(chunk));
  }

  /** Writes the end of the answer. Throws MalformedReview if there is none to write. */
  end(): void {
    this.#read(() => {
      const body = this.#reader.end();
      if (this.#request === undefined) this.#start(body);
    });
    this.#finish();
  }

  /** Ends the review with a failure, if its request is known: returns whether it is. */
  fail(message: string): boolean {
    this.#failure ??= message;
    if (this.#request !== undefined) this.#finish();
    return this.#request !== undefined;
  }

  #finish(): void {
    // As the API server reads the result first, objects that were written before a failure are ignored.
    const result = this.#failure === undefined ? { status: 'Success' } : { status: 'Failure', message: this.#failure };
    this.#write(`],"uid":${JSON.stringify(this.#request?.uid)},"result":${JSON.stringify(result)}}}`);
  }

  #read(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!isApiError(error)) throw error;
      throw new MalformedReview(error.code === 'Unreachable' ? 'the body must be JSON' : error.message);
    }
  }

  #convert(object: unknown): void {
    if (this.#request === undefined) this.#start(this.#reader.head());
    const text = this.#failure === undefined ? this.#convertedText(object) : undefined;
    if (text === undefined) return;
    this.#write(this.#converted === 0 ? text : `,${text}`);
    this.#converted++;
  }

  #convertedText(object: unknown): string | undefined {
    try {
      return JSON.stringify(convert(object, this.#request?.desiredAPIVersion ?? ''));
    } catch (error) {
      const isExpected = error instanceof ConversionError;
      if (!isExpected) this.#onInternalError(error);
      this.#failure = `${labelOf(object)}: ${isExpected ? error.message : 'internal error; see the log of the webhook'}`;
      return undefined;
    }
  }

  #start(head: unknown): void {
    this.#request = decodeRequest(head);
    this.#write(`{"apiVersion":"${API_VERSION}","kind":"${KIND}","response":{"convertedObjects":[`);
  }
}

/** The fields before the objects: the API server writes them first. Throws MalformedReview. */
function decodeRequest(head: unknown): ConversionRequest {
  const review = asObject<{ apiVersion: string; kind: string; request: object }>(head);
  if (review === undefined) throw new MalformedReview(`the body must be a ${KIND}`);
  if (review.apiVersion !== API_VERSION || review.kind !== KIND) {
    throw new MalformedReview(`apiVersion and kind must be ${API_VERSION} and ${KIND}, before the request`);
  }
  const request = asObject<{ uid: string; desiredAPIVersion: string; objects: readonly unknown[] }>(review.request);
  if (request === undefined) throw new MalformedReview('request must be an object');
  const uid = nonEmptyString(request.uid);
  if (uid === undefined) throw new MalformedReview('request.uid must be a non-empty string, before the objects');
  const desiredAPIVersion = API_VERSIONS.find((version) => version === request.desiredAPIVersion);
  if (desiredAPIVersion === undefined) {
    throw new MalformedReview(`request.desiredAPIVersion must be ${API_VERSIONS.join(' or ')}, before the objects`);
  }
  if (!Array.isArray(request.objects)) throw new MalformedReview('request.objects must be an array');
  return { uid, desiredAPIVersion };
}

/**
 * Parses an object so that JSON.stringify writes every number as it was: the API server keeps integers of 64 bits, which a
 * double does not hold. Throws MalformedReview.
 */
function parseObject(json: Buffer): unknown {
  if (hasMoreValues(json, MAX_OBJECT_VALUES, MAX_OBJECT_NAMES)) {
    const limit = `${MAX_OBJECT_VALUES} values, or ${MAX_OBJECT_NAMES} names of properties`;
    throw new MalformedReview(`an object must not have more than ${limit}`);
  }
  if (!isUtf8(json)) throw new MalformedReview('the body must be UTF-8');
  const text = json.toString('utf8');
  try {
    // The reviver takes several times as long, and hardly any object needs it.
    return LONG_NUMBER.test(text) ? ExactJson.parse(text, keepNumber) : JSON.parse(text);
  } catch {
    throw new MalformedReview('the body must be JSON');
  }
}

/** So many digits that a double may not hold them. */
const LONG_NUMBER = /\d{16}/;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** The source text of JSON.parse, which TypeScript's types do not have yet (ECMAScript proposal json-parse-with-source; Node 22). */
const ExactJson = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
};

const keepNumber: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && source !== String(value) ? ExactJson.rawJSON(source) : value;

/** Names the object in a message; shortened, because a client chose the name. */
function labelOf(object: unknown): string {
  const { namespace } = asObject<{ namespace: string }>(asObject<{ metadata: object }>(object)?.metadata) ?? {};
  return `SequentialJob ${shorten(nonEmptyString(namespace) ?? '')}/${shorten(nameOf(object))}`;
}
