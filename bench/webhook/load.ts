/** Starts the load generator and runs one round at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Webhook } from './reviews.ts';

/** A period of load on one server. */
export interface Round {
  readonly port: number;
  readonly webhook: Webhook;
  readonly steps: number;
  readonly connections: number;
  readonly ms: number;
}

export interface RoundResult {
  /** Duration of the round in milliseconds. */
  readonly ms: number;
  /** Latency of each answer in milliseconds. */
  readonly times: readonly number[];
  /** Number of reviews that were not allowed. */
  readonly notAllowed: number;
}

export class LoadGenerator {
  readonly #process: ChildProcess;
  readonly #died: Promise<never>;

  constructor() {
    this.#process = fork(join(import.meta.dirname, 'generator.ts'), { serialization: 'advanced' });
    this.#died = once(this.#process, 'exit').then(() => {
      throw new Error('the load generator died');
    });
    // Not an unhandled rejection: `round` reports it.
    this.#died.catch(() => undefined);
  }

  /** Throws if a review was not allowed: a benchmark of errors would be meaningless. */
  async round(round: Round): Promise<RoundResult> {
    this.#process.send(round);
    const [result] = (await Promise.race([once(this.#process, 'message'), this.#died])) as [RoundResult];
    if (result.notAllowed > 0) throw new Error(`${result.notAllowed} reviews were not allowed`);
    return result;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}
