/** How many objects a page of a list may have, so that its size stays bounded: what an object weighs shows only when it comes. */

export interface PageSizeOptions {
  /** In objects; default 500. */
  readonly most?: number | undefined;
}

/** Of the first page, when nothing is known yet: 75 MiB at worst, of which 8 are read. */
const FIRST = 50;
const MOST = 500;
/** By how much a page may have more objects than the one before: small objects may be followed by large ones. */
const GROWTH = 4;
/** What a page should weigh, in bytes of JSON. */
const AIM_BYTES = 4 * 1024 * 1024;
/** A page that weighs more is given up where it has more than one object. */
const MAX_BYTES = 2 * AIM_BYTES;

export class PageSize {
  readonly #most: number;
  #limit: number;

  constructor({ most = MOST }: PageSizeOptions = {}) {
    this.#most = most;
    this.#limit = Math.min(FIRST, most);
  }

  /** Objects of the next page. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether a page that has so many objects and so many bytes by now is to be given up, and asked for anew with fewer objects. */
  isTooLarge({ objects, bytes }: PageWeight): boolean {
    if (bytes <= MAX_BYTES || this.#limit === 1) return false;
    this.#limit = Math.max(1, Math.min(Math.floor(objects / 2), Math.floor(this.#limit / 2)));
    return true;
  }

  /** Takes what a page had that was read to its end. */
  read({ objects, bytes }: PageWeight): void {
    if (objects === 0) return;
    const fitting = Math.floor(AIM_BYTES / Math.max(1, bytes / objects));
    this.#limit = Math.max(1, Math.min(fitting, this.#limit * GROWTH, this.#most));
  }
}

export interface PageWeight {
  readonly objects: number;
  /** Of JSON. */
  readonly bytes: number;
}
