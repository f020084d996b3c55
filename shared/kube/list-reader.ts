/**
 * Reads a list as it comes: each item is cut out of the body, parsed and handed on by itself, so that no more than one of them
 * is held, whatever the size of the page. What is not among the items makes up the answer in the end.
 */
import { ApiError } from './errors.ts';
import { MAX_OBJECT_BYTES } from './watch.ts';

/** Told of each item in the order of the list, and of its length in bytes of JSON. May throw: then nothing more is read. */
export type OnItem = (item: unknown, bytes: number) => void;

/** What a list says besides its items: versions, a token. The token of a page of 1.5 MiB names has some hundred bytes. */
const MAX_REST_BYTES = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** Space, line feed, carriage return and tab: the others are no JSON there. */
const SPACE = 0x20;

/** The name of the list's items, as it stands in JSON. */
const ITEMS = '"items"';
/** The depth of the list's own properties, and that of its items. */
const OWN = 1;
const ITEM = 2;

export class ListReader {
  readonly #onItem: OnItem;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** Inside of the list `items`. */
  #inItems = false;
  /** The last string at the depth of the list's own properties: a name, or a value that is none of `items`. */
  #lastString: Buffer[] = [];
  #item: Buffer[] = [];
  #itemBytes = 0;
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(onItem: OnItem) {
    this.#onItem = onItem;
  }

  /** Takes the next piece of the body. Throws ApiError where an item is too large or is no JSON, and what `onItem` throws. */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#inItems ? this.#readItems(chunk, at) : this.#readRest(chunk, at);
  }

  /** The list without its items: `items` is an empty list where it had any. Throws ApiError where the body was no JSON. */
  end(): unknown {
    return parsed(Buffer.concat(this.#rest));
  }

  /** Reads to the end of the chunk or to where the items begin; returns where that is. */
  #readRest(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString || byte === QUOTE) {
        const end = this.#readString(chunk, at);
        if (this.#depth === OWN) this.#lastString.push(chunk.subarray(at, end));
        at = end - 1;
      } else if (byte === OPEN_BRACKET && this.#depth === OWN && this.#isNamedItems()) {
        this.#inItems = true;
        this.#depth++;
        this.#keepRest(chunk.subarray(from, at + 1));
        return at + 1;
      } else this.#nest(byte);
    }
    this.#keepRest(chunk.subarray(from));
    return chunk.length;
  }

  /** Reads to the end of the chunk or to that of the items; returns where that is. */
  #readItems(chunk: Buffer, from: number): number {
    let start = from;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString || byte === QUOTE) at = this.#readString(chunk, at) - 1;
      else if (this.#depth === ITEM && (byte === COMMA || byte === CLOSE_BRACKET)) {
        this.#finishItem(chunk.subarray(start, at));
        start = at + 1;
        if (byte === COMMA) continue;
        this.#inItems = false;
        return at;
      } else this.#nest(byte);
    }
    this.#keepItem(chunk.subarray(start));
    return chunk.length;
  }

  /** Reads a string from its quote, or from the start of the chunk; returns where it ends. */
  #readString(chunk: Buffer, from: number): number {
    let at = from;
    if (!this.#inString) {
      this.#inString = true;
      this.#lastString = [];
      at++;
    }
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
    }
    return at;
  }

  #nest(byte: number | undefined): void {
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
  }

  #isNamedItems(): boolean {
    return Buffer.concat(this.#lastString).toString('latin1') === ITEMS;
  }

  #keepRest(bytes: Buffer): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    if (this.#restBytes > MAX_REST_BYTES)
      throw new ApiError('Unexpected', 'the list makes no sense: it says too much of itself');
  }

  #keepItem(bytes: Buffer): void {
    this.#item.push(bytes);
    this.#itemBytes += bytes.length;
    if (this.#itemBytes > MAX_OBJECT_BYTES) {
      throw new ApiError('Unexpected', `an item of the list is larger than ${MAX_OBJECT_BYTES} bytes`);
    }
  }

  #finishItem(tail: Buffer): void {
    this.#keepItem(tail);
    const bytes = this.#item.length === 1 ? tail : Buffer.concat(this.#item);
    this.#item = [];
    this.#itemBytes = 0;
    if (!isBlank(bytes)) this.#onItem(parsed(bytes), bytes.length);
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte <= SPACE);

/** What stands between us and the API server may answer anything. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ApiError('Unreachable', 'the answer is no JSON', { cause: error });
  }
}
