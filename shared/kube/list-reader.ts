/**
 * Parses a list while it arrives. Each item is parsed and passed on separately, so that only one item is in memory,
 * whatever the size of the list. `end` returns the body without the items.
 */
import { GrowingBuffer } from '../growing-buffer.ts';
import { ApiError } from './errors.ts';
import { MAX_OBJECT_BYTES } from './watch.ts';

/** Called with each item in the order of the list, and its length in bytes of JSON. If it throws, reading stops. */
export type OnItem = (item: unknown, bytes: number) => void;

/**
 * Maximum size of a list without its items: resource version and continue token. A continue token has some hundred
 * bytes even on a page of 1.5 MiB.
 */
const MAX_REST_BYTES = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** Space, line feed, carriage return and tab; other bytes up to this one are not valid JSON there. */
const SPACE = 0x20;

export interface ListOptions {
  /** The key of the array of items; default `items`. */
  readonly key?: string;
  /** The nesting depth of that key; default 1, for `{"items": […]}`. */
  readonly depth?: number;
  /** Maximum size of an item; default that of an object of the API. */
  readonly maxItemBytes?: number;
  /** Parses an item; what it throws ends the reading. Default JSON.parse. */
  readonly parseItem?: (json: Buffer) => unknown;
}

export class ListReader {
  readonly #onItem: OnItem;
  readonly #maxItemBytes: number;
  readonly #parseItem: (json: Buffer) => unknown;
  /** The key of the items as written in JSON. */
  readonly #key: string;
  /** The nesting depth of that key, and of the items. */
  readonly #listDepth: number;
  readonly #itemDepth: number;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** Reading inside the array `items`. */
  #inItems = false;
  /**
   * The last string at the depth of the items' key: a key, or a string value, which is never followed by an array.
   */
  readonly #lastString = new GrowingBuffer(MAX_REST_BYTES);
  readonly #item: GrowingBuffer;
  readonly #rest = new GrowingBuffer(MAX_REST_BYTES);

  constructor(onItem: OnItem, options: ListOptions = {}) {
    const { key = 'items', depth = 1, maxItemBytes = MAX_OBJECT_BYTES, parseItem = parse } = options;
    this.#onItem = onItem;
    this.#maxItemBytes = maxItemBytes;
    this.#parseItem = parseItem;
    this.#item = new GrowingBuffer(maxItemBytes);
    this.#key = JSON.stringify(key);
    this.#listDepth = depth;
    this.#itemDepth = depth + 1;
  }

  /** The bytes of an incomplete item that are held in memory. */
  get pendingBytes(): number {
    return this.#item.length;
  }

  /** The body up to its items, for `onItem`. Throws ApiError if the body is not JSON. */
  head(): unknown {
    return parse(Buffer.concat([this.#rest.bytes, Buffer.from(`]${'}'.repeat(this.#listDepth)}`)]));
  }

  /**
   * Reads the next part of the body. Throws ApiError if an item is too large or not JSON, and whatever `onItem`
   * throws.
   */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#inItems ? this.#readItems(chunk, at) : this.#readRest(chunk, at);
  }

  /** The list without its items: `items` is empty. Throws ApiError if the body is not JSON. */
  end(): unknown {
    return parse(this.#rest.bytes);
  }

  /** Reads to the end of the chunk or to the start of the items; returns that position. */
  #readRest(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString || byte === QUOTE) {
        const end = this.#readString(chunk, at);
        if (this.#depth === this.#listDepth) this.#lastString.append(chunk.subarray(at, end));
        at = end - 1;
      } else if (byte === OPEN_BRACKET && this.#depth === this.#listDepth && this.#isItemsKey()) {
        this.#inItems = true;
        this.#depth++;
        this.#keepRest(chunk.subarray(from, at + 1));
        return at + 1;
      } else this.#trackDepth(byte);
    }
    this.#keepRest(chunk.subarray(from));
    return chunk.length;
  }

  /** Reads to the end of the chunk or of the items; returns that position. */
  #readItems(chunk: Buffer, from: number): number {
    let start = from;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString || byte === QUOTE) at = this.#readString(chunk, at) - 1;
      else if (this.#depth === this.#itemDepth && (byte === COMMA || byte === CLOSE_BRACKET)) {
        this.#finishItem(chunk.subarray(start, at));
        start = at + 1;
        if (byte === COMMA) continue;
        this.#inItems = false;
        return at;
      } else this.#trackDepth(byte);
    }
    this.#keepItem(chunk.subarray(start));
    return chunk.length;
  }

  /** Reads a string from its quote, or from the start of the chunk; returns the position after it. */
  #readString(chunk: Buffer, from: number): number {
    let at = from;
    if (!this.#inString) {
      this.#inString = true;
      this.#lastString.drop();
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

  #trackDepth(byte: number | undefined): void {
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
  }

  #isItemsKey(): boolean {
    return this.#lastString.bytes.toString('latin1') === this.#key;
  }

  #keepRest(bytes: Buffer): void {
    this.#rest.append(bytes);
    if (this.#rest.length > MAX_REST_BYTES)
      throw new ApiError('Unexpected', `malformed list: without its items it is larger than ${MAX_REST_BYTES} bytes`);
  }

  #keepItem(bytes: Buffer): void {
    if (this.#item.length + bytes.length > this.#maxItemBytes) {
      throw new ApiError('Unexpected', `an item of the list is larger than ${this.#maxItemBytes} bytes`);
    }
    this.#item.append(bytes);
  }

  #finishItem(tail: Buffer): void {
    this.#keepItem(tail);
    const { bytes } = this.#item;
    this.#item.drop();
    if (isBlank(bytes)) return;
    this.#onItem(this.#parseItem(bytes), bytes.length);
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte <= SPACE);

/** A proxy between the operator and the API server may answer anything. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ApiError('Unreachable', 'the answer is not JSON', { cause: error });
  }
}
