/** A run of the fuzzer: inputs in batches, what they broke, what they reached, what they left in memory. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApp } from '../../../webhook/app.ts';
import { warmUp } from '../../../webhook/validate.ts';
import { Corpus } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { Dice } from './dice.ts';
import { minimise } from './minimise.ts';
import { examine, type Violation } from './oracles.ts';
import { seedReviews } from './seeds.ts';

export interface Plan {
  readonly inputs: number;
  /** Goes on at least so long, however fast it is. */
  readonly seconds: number;
  readonly seed: number;
  /** Where inputs that break something are written, and, in lines of base64, those that are being tried. */
  readonly folder: string;
}

export interface Outcome {
  readonly inputs: number;
  readonly seconds: number;
  readonly violations: readonly (Violation & { readonly file: string })[];
  /** Blocks of code reached by the seeds alone, and by all. */
  readonly seedBlocks: number;
  readonly blocks: number;
  readonly corpus: number;
  /** Bytes in use after a full collection, ten times over the run. */
  readonly heap: readonly number[];
}

/**
 * After how many inputs it is looked what was reached. A look costs some milliseconds, and finding out which of a batch it
 * was costs the batch twice; so batches are small while there is much to find.
 */
const batchSize = (tried: number): number => Math.min(1000, 64 + Math.floor(tried / 1000));

const HEAP_LOOKS = 10;
/** Then it ends: the same fault is met again and again. */
const MOST_VIOLATIONS = 5;
/** A line of the log about one review, in characters: three texts of 256, all of them escaped. */
const LONGEST_LINE = 8_192;

export class Campaign {
  readonly #plan: Plan;
  readonly #coverage = new Coverage();
  readonly #violations = new Map<string, Violation & { readonly file: string }>();
  readonly #app = createApp({
    log: pino(
      { level: 'info', base: null, formatters: { level: (label) => ({ level: label }) } },
      { write: (line) => this.#note(line) },
    ),
  });
  #logged: Violation | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    mkdirSync(plan.folder, { recursive: true });
  }

  /** Runs the plan; `beat` is called often. Needs `--expose-gc`. */
  async run(beat: (inputs: number) => void): Promise<Outcome> {
    const { inputs, seconds, seed } = this.#plan;
    const dice = new Dice(seed);
    const started = performance.now();
    const elapsed = (): number => (performance.now() - started) / 1000;
    this.#coverage.start();
    warmUp();
    const corpus = new Corpus(seedReviews(seed), this.#coverage);
    await this.#try(corpus.seeds);
    this.#coverage.learn(this.#coverage.take());
    const seedBlocks = this.#coverage.blocks;
    const heap: number[] = [];
    let tried = corpus.seeds.length;
    while ((tried < inputs || elapsed() < seconds) && this.#violations.size < MOST_VIOLATIONS) {
      const batch = Array.from({ length: batchSize(tried) }, () => corpus.next(dice));
      await this.#try(batch);
      tried += batch.length;
      await corpus.learn(batch, async (bodies) => this.#try(bodies));
      const progress = Math.min(tried / inputs, elapsed() / seconds);
      while (progress * HEAP_LOOKS >= heap.length + 1) heap.push(heapUsed());
      beat(tried);
    }
    this.#coverage.stop();
    const { blocks } = this.#coverage;
    return {
      inputs: tried,
      seconds: elapsed(),
      violations: [...this.#violations.values()],
      seedBlocks,
      blocks,
      corpus: corpus.found,
      heap,
    };
  }

  async #try(bodies: readonly Buffer[]): Promise<void> {
    // Whoever ends us because we hang can see on what.
    writeFileSync(join(this.#plan.folder, 'current'), bodies.map((body) => `${body.toString('base64')}\n`).join(''));
    for (const body of bodies) {
      const violation = await this.#examine(body);
      if (violation !== undefined && !this.#violations.has(violation.oracle)) await this.#keep(body, violation);
    }
  }

  async #examine(body: Buffer): Promise<Violation | undefined> {
    this.#logged = undefined;
    return (await examine(this.#app, body)) ?? this.#logged;
  }

  #note(line: string): void {
    if (line.includes('"level":"error"'))
      this.#logged ??= { oracle: 'nothing is an error of the webhook', detail: line.slice(0, 1000) };
    if (line.length > LONGEST_LINE)
      this.#logged ??= { oracle: 'a line of the log is bounded', detail: `${line.length} characters` };
  }

  async #keep(body: Buffer, violation: Violation): Promise<void> {
    const file = join(this.#plan.folder, `${this.#violations.size}.json`);
    this.#violations.set(violation.oracle, { ...violation, file });
    writeFileSync(file, body);
    writeFileSync(`${file}.txt`, `${violation.oracle}\n${violation.detail}\n`);
    const small = await minimise(
      body,
      async (candidate) => (await this.#examine(candidate))?.oracle === violation.oracle,
    );
    writeFileSync(file.replace('.json', '.min.json'), small);
  }
}

function heapUsed(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
