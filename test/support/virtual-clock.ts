/** The clock of a controller in the test's own process: real time, moved on so that the next minute comes soon. */

const MINUTE_MS = 60_000;

export class VirtualClock {
  #offsetMs = 0;

  readonly now = (): number => Date.now() + this.#offsetMs;

  /** The minute that comes next, as RFC 3339. */
  get nextMinute(): string {
    return toMinute(Math.floor(this.now() / MINUTE_MS) + 1);
  }

  /** Moves the clock on to shortly before the next minute; returns that minute. */
  approachNextMinute(leadMs = 1_000): string {
    const minute = this.nextMinute;
    this.#offsetMs += Math.max(0, Date.parse(minute) - leadMs - this.now());
    return minute;
  }

  /** Moves the clock on, as if nothing had run in between. */
  skip(minutes: number): void {
    this.#offsetMs += minutes * MINUTE_MS;
  }
}

const toMinute = (minutes: number): string => new Date(minutes * MINUTE_MS).toISOString().replace('.000Z', 'Z');
