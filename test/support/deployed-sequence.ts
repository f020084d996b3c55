/** A sequence of three steps that waits in its first for the test, and how its steps were handed on. */
import { kubectl } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import { SeenJobUIDs } from './seen-job-uids.ts';
import { GATE, gated } from './real-pods.ts';
import { sequence } from './sequences.ts';

export class HeldSequence implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #name: string;
  readonly #uids: SeenJobUIDs;

  private constructor(namespace: Namespace, name: string) {
    this.#namespace = namespace;
    this.#name = name;
    this.#uids = new SeenJobUIDs(namespace, name);
  }

  /** Resolves when its first step runs. */
  static async start(namespace: Namespace, name: string): Promise<HeldSequence> {
    await namespace.apply(name, sequence(3, { 0: gated() }));
    const held = new HeldSequence(namespace, name);
    try {
      await namespace.untilRunning(name, 0);
      return held;
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lets the first step end. */
  async open(): Promise<void> {
    await kubectl('exec', '-n', this.#namespace.name, `job/${this.#name}-0-s0`, '--', 'touch', GATE);
  }

  /** Resolves when it has completed; how many seconds after the end of the first Job the second one was made. */
  async handOffSeconds(): Promise<number> {
    await this.#namespace.untilCompleted(this.#name, 120);
    const [first, second] = await this.#namespace.jobs(this.#name);
    return (
      (Date.parse(second?.metadata.creationTimestamp ?? '') - Date.parse(first?.status.completionTime ?? '')) / 1000
    );
  }

  /** Every Job there ever was, and how many of its name. */
  async jobsEver(): Promise<Readonly<Record<string, number>>> {
    return this.#uids.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#uids[Symbol.asyncDispose]();
  }
}
