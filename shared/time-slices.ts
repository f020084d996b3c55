/** Divides long work into slices, so that timers and network traffic, such as the renewal of a Lease, get their turn. */

/** Maximum length of a slice: far less than a request takes that waits for it. */
const SLICE_MS = 10;

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export class TimeSlices {
  readonly #now: () => number;
  /** When the current slice began; undefined while there is no work. */
  #since: number | undefined;
  /** Pending between two slices. */
  #turn: Promise<void> | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Call it before each piece of work. Undefined while the slice lasts; else a promise that resolves when the event loop has
   * turned and the next slice has begun, to be awaited before the work. All that wait go on in that slice.
   */
  next(): Promise<void> | undefined {
    const now = this.#now();
    this.#since ??= now;
    if (this.#turn === undefined && now - this.#since < SLICE_MS) return undefined;
    // Not at the begin of each slice: an event loop that always has something to do in its next turn takes some 10 % more CPU.
    this.#turn ??= this.#endSlice();
    return this.#turn;
  }

  /** Call it when there is no more work: the next slice begins with the next work. */
  pause(): void {
    this.#since = undefined;
  }

  async #endSlice(): Promise<void> {
    await nextTurn();
    this.#since = this.#now();
    this.#turn = undefined;
  }
}
