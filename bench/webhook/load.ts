/** Drives the load generator: one round at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Question } from './reviews.ts';

/** Ask one server for a while. */
export interface Round {
  readonly port: number;
  readonly question: Question;
  readonly steps: number;
  readonly connections: number;
  readonly ms: number;
}

export interface RoundResult {
  /** How long it took in all, in milliseconds. */
  readonly ms: number;
  /** Of each answer, in milliseconds. */
  readonly times: readonly number[];
  /** Answers that did not allow. */
  readonly bad: number;
}

export class LoadGenerator {
  readonly #process: ChildProcess;
  readonly #died: Promise<never>;

  constructor() {
    this.#process = fork(join(import.meta.dirname, 'generator.ts'), { serialization: 'advanced' });
    this.#died = once(this.#process, 'exit').then(() => {
      throw new Error('the load generator died');
    });
    // Whether it matters, `round` says.
    this.#died.catch(() => undefined);
  }

  /** Throws where an answer was not what it should be: a benchmark of refusals says nothing. */
  async round(round: Round): Promise<RoundResult> {
    this.#process.send(round);
    const [result] = (await Promise.race([once(this.#process, 'message'), this.#died])) as [RoundResult];
    if (result.bad > 0) throw new Error(`${result.bad} reviews were not allowed`);
    return result;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}
