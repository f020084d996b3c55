/** Divides long work into slices, so that timers and network traffic, such as the renewal of a Lease, get their turn. */

/** Maximum length of a slice: far less than a request takes that waits for it. */
const SLICE_MS = 10;

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export class TimeSlices {
  readonly #now: () => number;
  /** When the work of this turn of the event loop began; undefined if there was none yet. */
  #since: number | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Call it before each piece of work. Undefined while the slice lasts; else a promise that resolves when the event loop has
   * turned and a slice is free, to be awaited before the work.
   */
  next(): Promise<void> | undefined {
    const now = this.#now();
    if (this.#since === undefined) {
      this.#since = now;
      setImmediate(() => {
        this.#since = undefined;
      });
      return undefined;
    }
    if (now - this.#since < SLICE_MS) return undefined;
    // Another one that waited may have used up that turn, too.
    return nextTurn().then(() => this.next());
  }
}
