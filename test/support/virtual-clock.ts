/** The clock of a controller in the test's own process. It stands still, so that no minute passes but those that the test lets pass. */

const MINUTE_MS = 60_000;

export class VirtualClock {
  #nowMs = Date.now();

  readonly now = (): number => this.#nowMs;

  /** The minute that comes next, as RFC 3339. */
  get nextMinute(): string {
    return nextMinute(this.#nowMs);
  }

  /** Moves the clock on to the next minute; returns that minute. */
  reachNextMinute(): string {
    const minute = this.nextMinute;
    this.#nowMs = Date.parse(minute);
    return minute;
  }

  /** Moves the clock on to the real time, unless it is ahead. */
  catchUp(): void {
    this.#nowMs = Math.max(this.#nowMs, Date.now());
  }

  /** Moves the clock on, as if nothing had run in between. */
  advance(minutes: number): void {
    this.#nowMs += minutes * MINUTE_MS;
  }
}

/** The first minute after this time, as RFC 3339. */
export const nextMinute = (ms: number): string =>
  new Date((Math.floor(ms / MINUTE_MS) + 1) * MINUTE_MS).toISOString().replace('.000Z', 'Z');
