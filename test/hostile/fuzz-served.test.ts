/** A part of the fuzzer's inputs over TLS, to a process of its own: what only a real connection and a real process show. */
import { Agent } from 'node:https';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';
import { SEED, shared } from '../support/share.ts';
import { bodies } from './fuzz/bodies.ts';
import { answerProblem, decoded, uidOf } from './fuzz/oracles.ts';
import { ServedWebhook } from './served-webhook.ts';

jest.setTimeout(30 * 60_000);

const INPUTS = shared(50_000, 1_000);
const CLIENTS = 8;
const LOOKS = 10;
/** Made at once. */
const BATCH = 100;

/** In MiB, of the process, from the first tenth to the end: garbage that is not collected yet, and no more. */
const MAY_GROW = 120;

let served: ServedWebhook;
beforeAll(async () => {
  served = await ServedWebhook.start();
});
afterAll(async () => served.stop());

it('every input gets a correct response, probes in between as well, and the process does not grow', async () => {
  const requests = fc.noBias(fc.tuple(bodies(SEED), fc.constantFrom(MUTATE_PATH, VALIDATE_PATH)));
  const agent = new Agent({ keepAlive: true, ca: served.ca, maxSockets: CLIENTS });
  const problems: string[] = [];
  const memory: number[] = [];
  const one = async ([body, path]: readonly [Buffer, string]): Promise<void> => {
    const { status = 0, body: answer } = await served.post(body, agent, path);
    const type = status === 200 ? 'application/json' : 'text/plain';
    const problem = answerProblem({ status, type, body: answer }, body, uidOf(decoded(body)));
    if (problem !== undefined)
      problems.push(
        `${problem}: ${path} ${status} ${answer.slice(0, 200)} to ${body.toString('base64').slice(0, 4_000)}`,
      );
  };
  for (let look = 0; look < LOOKS; look += 1) {
    for (let sent = 0; sent < INPUTS / LOOKS; sent += BATCH) {
      const batch = fc.sample(requests, { numRuns: BATCH, seed: SEED + 1_000 + look * INPUTS + sent }).values();
      const client = async (): Promise<void> => {
        for (const request of batch) await one(request);
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
    }
    expect(await served.problems()).toEqual([]);
    memory.push(Math.round(await served.memory()));
    expect(problems).toEqual([]);
  }
  agent.destroy();
  process.stdout.write(`fuzzed over TLS with seed ${SEED}: ${INPUTS} inputs, resident MiB ${memory.join(', ')}\n`);
  expect(served.faults).toEqual([]);
  expect((memory.at(-1) ?? 0) - (memory[0] ?? 0)).toBeLessThan(MAY_GROW);
});
