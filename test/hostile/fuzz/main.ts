/** The fuzzer as a process of its own: it measures its memory, and may hang without taking the tests along. */
import * as fc from 'fast-check';
import { pino } from 'pino';
import { createApp } from '../../../webhook/app.ts';
import { warmUp } from '../../../webhook/validate.ts';
import { bodies } from './bodies.ts';
import { examine } from './oracles.ts';

export interface Plan {
  readonly inputs: number;
  /** Goes on at least so long, however fast it is. */
  readonly seconds: number;
  readonly seed: number;
}

export interface Outcome {
  readonly inputs: number;
  readonly seconds: number;
  /** What an input broke, and the smallest that still does, in base64. */
  readonly violation?: { readonly says: string; readonly body: string };
  /** Bytes in use after a full collection, ten times over the run. */
  readonly heap: readonly number[];
}

const BATCH = 1_000;
const HEAP_LOOKS = 10;
/** A line of the log about one review, in characters: three texts of 256, all of them escaped. */
const LONGEST_LINE = 8_192;
/** For making an input small. */
const PATIENCE_MS = 60_000;

let lines: string[] = [];
const levels = { formatters: { level: (label: string) => ({ level: label }) } };
const log = pino({ level: 'info', base: null, ...levels }, { write: (line) => void lines.push(line) });
const app = createApp({ log });

const property = (seed: number): fc.IAsyncProperty<[Buffer]> =>
  fc.asyncProperty(fc.noBias(bodies(seed)), async (body) => {
    lines = [];
    await examine(app, body);
    const bad = lines.find((line) => line.includes('"level":"error"') || line.length > LONGEST_LINE);
    if (bad !== undefined) throw new Error(`the log has no error and no long line: ${bad.slice(0, 1000)}`);
  });

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function fuzz({ inputs, seconds, seed }: Plan): Promise<Outcome> {
  warmUp();
  const tested = property(seed);
  const heap: number[] = [];
  const elapsed = (): number => performance.now() / 1000;
  let tried = 0;
  for (let batch = 0; tried < inputs || elapsed() < seconds; batch += 1) {
    // Whoever ends us because we hang can see on which.
    process.stderr.write(`batch of seed ${seed * 1_000_000 + batch}\n`);
    const run = await fc.check(tested, {
      numRuns: BATCH,
      seed: seed * 1_000_000 + batch,
      interruptAfterTimeLimit: PATIENCE_MS,
      markInterruptAsFailure: false,
    });
    tried += run.numRuns;
    if (run.failed) {
      const [body = Buffer.alloc(0)] = run.counterexample ?? [];
      const violation = { says: String(run.errorInstance), body: body.toString('base64') };
      return { inputs: tried, seconds: elapsed(), heap, violation };
    }
    while (Math.min(tried / inputs, elapsed() / seconds) * HEAP_LOOKS >= heap.length + 1) heap.push(heapUsed());
  }
  return { inputs: tried, seconds: elapsed(), heap };
}

process.stdout.write(JSON.stringify(await fuzz(JSON.parse(process.argv[2] ?? '') as Plan)));
