/** A time limit combined with the caller's signal: whichever comes first cancels the request. */
export class RequestDeadline {
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #listeners = new Set<() => void>();
  #isCancelled = false;
  #isExpired = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isExpired = !this.#isCancelled;
      this.#cancel();
    }, ms);
    if (outer?.aborted === true) this.#isCancelled = true;
    outer?.addEventListener('abort', this.#cancel, { once: true });
  }

  /** Whether the time limit caused the cancellation. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Calls `listener` on cancellation, at once if it has happened. Returns a function that removes the listener. */
  onCancel(listener: () => void): () => void {
    if (this.#isCancelled) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Call it when the request is done: nothing is cancelled any more, and the listeners are released. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#cancel);
    this.#listeners.clear();
  }

  readonly #cancel = (): void => {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    for (const listener of this.#listeners) listener();
  };
}
