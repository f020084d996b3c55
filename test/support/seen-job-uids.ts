/** Every UID that was ever seen under a Job name: a second one is a step that was started twice. */
import { sleep } from '../../shared/sleep.ts';
import type { Namespace } from './namespace.ts';

const POLL_MS = 20;

export class SeenJobUIDs implements AsyncDisposable {
  readonly #seen = new Map<string, Set<string>>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;

  /** Begins to look at once; at the Jobs of the namespace, or of one sequence. */
  constructor(namespace: Namespace, sequence?: string) {
    this.#watching = this.#watch(namespace, sequence);
    // What it failed with, `stop` says.
    this.#watching.catch(() => undefined);
  }

  /** Looks no more; says which Jobs were seen, and with how many UIDs each. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#stopping.abort();
    await this.#watching;
    return Object.fromEntries([...this.#seen].map(([name, uids]) => [name, uids.size]));
  }

  /** Ends it where a test failed before it did so. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#watching.catch(() => undefined);
  }

  async #watch(namespace: Namespace, sequence: string | undefined): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      for (const { metadata } of await namespace.jobs(sequence)) {
        this.#seen.set(metadata.name, (this.#seen.get(metadata.name) ?? new Set()).add(metadata.uid));
      }
      await sleep(POLL_MS, this.#stopping.signal);
    }
  }
}
