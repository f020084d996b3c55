/** A server that has just started may deny what its roles allow, because it has not loaded them yet. */
const STARTING_UP_MS = 10_000;

/** Whether a denial of what was granted before may pass. */
export class Denial {
  #wasGranted = false;
  #since: number | undefined;

  granted(): void {
    this.#wasGranted = true;
    this.#since = undefined;
  }

  /** To be called at each denial. False if it is final: nothing was granted before, or it has lasted too long. */
  mayPass(): boolean {
    this.#since ??= performance.now();
    return this.#wasGranted && performance.now() - this.#since < STARTING_UP_MS;
  }
}
