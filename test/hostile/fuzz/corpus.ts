/** The inputs that others are made of: the seeds, and each that reached code which none before it had reached. */
import type { Coverage } from './coverage.ts';
import type { Dice } from './dice.ts';
import { garble } from './garble.ts';
import { anySpec } from './instance.ts';
import { mutate } from './mutate.ts';
import { admissionReview, written } from '../../support/reviews.ts';
import { decoded } from './oracles.ts';

/** Larger ones would make everything slow that is made of them; they are made anew when they are drawn. */
const LARGEST_KEPT = 32 * 1024;

/** Then it is not looked any more what is new: what is left to find is worth less than the looking. */
const MOST_FOUND = 3_000;

export class Corpus {
  readonly #coverage: Coverage;
  readonly #seeds: readonly Buffer[];
  readonly #found: Buffer[] = [];

  constructor(seeds: readonly unknown[], coverage: Coverage) {
    this.#seeds = seeds.map((seed) => Buffer.from(JSON.stringify(seed)));
    this.#coverage = coverage;
  }

  get seeds(): readonly Buffer[] {
    return this.#seeds;
  }

  /** How many inputs it has found. */
  get found(): number {
    return this.#found.length;
  }

  /** A new input. */
  next(dice: Dice): Buffer {
    if (dice.oneIn(30)) return Buffer.from(JSON.stringify(admissionReview({ object: written(anySpec(dice)) })));
    const isFound = this.#found.length > 0 && dice.oneIn(2);
    const parent = dice.pick(isFound ? this.#found : this.#seeds);
    const review = parent.length > LARGEST_KEPT && !dice.oneIn(20) ? decoded(dice.pick(this.#seeds)) : decoded(parent);
    if (review === undefined || dice.oneIn(12))
      return garble(parent.length > LARGEST_KEPT ? Buffer.from('{}') : parent, dice);
    mutate(review, dice);
    const body = Buffer.from(JSON.stringify(review));
    return dice.oneIn(6) ? garble(body, dice) : body;
  }

  /** Keeps of a batch that has just been run what reached new code; `run` runs some of it again, to tell which. */
  async learn(batch: readonly Buffer[], run: (bodies: readonly Buffer[]) => Promise<void>): Promise<void> {
    if (this.#found.length >= MOST_FOUND) return;
    const fresh = this.#coverage.take();
    if (fresh.length === 0) return;
    if (batch.length > 1) {
      const middle = batch.length >> 1;
      for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
        await run(half);
        await this.learn(half, run);
      }
    } else {
      this.#found.push(...batch.filter((body) => body.length <= LARGEST_KEPT));
    }
    // Also what did not come again: code that runs once, such as a first compilation.
    this.#coverage.learn(fresh);
  }
}
