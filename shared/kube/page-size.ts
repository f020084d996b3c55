/**
 * Adapts the number of objects per page of a list, so that the size of a page stays bounded: the size of an object is
 * known only once it arrives.
 */

export interface PageSizeOptions {
  /** Maximum number of objects; default 500. */
  readonly maxObjects?: number | undefined;
}

/** For the first page, when no size is known: 75 MiB at worst, of which 8 MiB are read. */
const FIRST_LIMIT = 50;
const MAX_LIMIT = 500;
/** Maximum growth from one page to the next: small objects may be followed by large ones. */
const GROWTH = 4;
/** Target size of a page, in bytes of JSON. */
const TARGET_BYTES = 4 * 1024 * 1024;
/** A larger page of more than one object is aborted. */
const MAX_BYTES = 2 * TARGET_BYTES;

export class PageSize {
  readonly #maxObjects: number;
  #limit: number;

  constructor({ maxObjects = MAX_LIMIT }: PageSizeOptions = {}) {
    this.#maxObjects = maxObjects;
    this.#limit = Math.min(FIRST_LIMIT, maxObjects);
  }

  /** The number of objects to request for the next page. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * Whether to abort the page that is being read, given what arrived so far. If so, reduces the limit for the next
   * request.
   */
  shrinkIfTooLarge({ objects, bytes }: PageWeight): boolean {
    if (bytes <= MAX_BYTES || this.#limit === 1) return false;
    this.#limit = Math.max(1, Math.min(Math.floor(objects / 2), Math.floor(this.#limit / 2)));
    return true;
  }

  /** Adapts the limit to a page that was read completely. */
  pageRead({ objects, bytes }: PageWeight): void {
    if (objects === 0) return;
    const fitting = Math.floor(TARGET_BYTES / Math.max(1, bytes / objects));
    this.#limit = Math.max(1, Math.min(fitting, this.#limit * GROWTH, this.#maxObjects));
  }
}

export interface PageWeight {
  readonly objects: number;
  /** Of JSON. */
  readonly bytes: number;
}
