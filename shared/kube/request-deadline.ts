/** A time limit joined with the caller's signal: whichever comes first calls off what is under way. */
export class RequestDeadline {
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #listeners = new Set<() => void>();
  #isOver = false;
  #isExpired = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isExpired = !this.#isOver;
      this.#cancel();
    }, ms);
    if (outer?.aborted === true) this.#isOver = true;
    outer?.addEventListener('abort', this.#cancel, { once: true });
  }

  /** True where it was the time that was up. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Calls `listener` when it is over, at once where it is already. Returns what takes the listener off again. */
  onCancel(listener: () => void): () => void {
    if (this.#isOver) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called when the work is done: nothing is called off any more, and nothing is kept of it. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#cancel);
    this.#listeners.clear();
  }

  readonly #cancel = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const listener of this.#listeners) listener();
  };
}
