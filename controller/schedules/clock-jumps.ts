/**
 * Notices that the clock was set, or that the machine slept: timers count monotonic time, so a wake-up that was computed
 * before comes at another time of the day.
 */

export interface ClockJumpsOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds, which stand still while the machine sleeps. */
  readonly monotonic: () => number;
  /** Called after a jump in either direction. */
  readonly onJump: () => void;
}

const INTERVAL_MS = 10_000;
/** A clock that is slewed drifts by less than a millisecond in a second. */
const MIN_JUMP_MS = 500;

export class ClockJumps {
  readonly #options: ClockJumpsOptions;
  #offset = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClockJumpsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#offset = this.#currentOffset();
    this.#timer ??= setInterval(() => this.#check(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const offset = this.#currentOffset();
    const hasJumped = Math.abs(offset - this.#offset) >= MIN_JUMP_MS;
    this.#offset = offset;
    if (hasJumped) this.#options.onJump();
  }

  #currentOffset(): number {
    return this.#options.now() - this.#options.monotonic();
  }
}
