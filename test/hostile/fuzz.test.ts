/**
 * A million reviews, and what is none, against the real handler: each is answered, in a second at most, and rightly
 * (fuzz/oracles.ts). The inputs are made of all that the project has written down.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, jest } from '@jest/globals';
import { SEED, shared } from '../support/share.ts';
import type { Outcome, Plan } from './fuzz/main.ts';

const INPUTS = shared(1_000_000, 5_000);
const SECONDS = shared(600, 5);

/** Without a word of progress: on something it hangs. */
const SILENCE_MS = 120_000;

/** After the first tenth, in which code is compiled. */
const MAY_GROW_BYTES = 24 * 1024 * 1024;

jest.setTimeout(60 * 60_000);

async function fuzz(plan: Plan): Promise<Outcome> {
  const main = join(import.meta.dirname, 'fuzz/main.ts');
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--expose-gc', main, JSON.stringify(plan)], { env });
  let said = '';
  let watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-2_000);
    clearTimeout(watchdog);
    watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  clearTimeout(watchdog);
  if (code !== 0) {
    throw new Error(`the fuzzer ended with ${signal ?? code}: ${said}`);
  }
  return JSON.parse(output) as Outcome;
}

it('every input gets a correct response in time, and leaves nothing behind', async () => {
  const outcome = await fuzz({ inputs: INPUTS, seconds: SECONDS, seed: SEED });
  const { violation, heap, ...figures } = outcome;
  process.stdout.write(`fuzzed with seed ${SEED}: ${JSON.stringify({ ...figures, heap })}\n`);
  expect(violation).toBeUndefined();
  expect(outcome.inputs).toBeGreaterThanOrEqual(INPUTS);
  expect((heap.at(-1) ?? 0) - (heap[0] ?? 0)).toBeLessThan(MAY_GROW_BYTES);
});
