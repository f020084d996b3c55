/**
 * Pods send reviews that are complete and cost as much as one may, again and again, with the environment of the Deployment: a large
 * review of the API server is neither refused nor lost, and memory stays below the limit.
 */
import { Agent } from 'node:https';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { MAX_NAMES } from '../../webhook/json-size.ts';
import { container } from '../support/objects.ts';
import { admissionReview, written } from '../support/reviews.ts';
import { filled } from './dense.ts';
import { deployed, ServedWebhook } from './served-webhook.ts';

jest.setTimeout(180_000);

const REVIEWS = 10;
/** What an API server waits for by default, config/webhook/validating.yaml. */
const TIMEOUT_MS = 5_000;
/**
 * On a machine that is too slow for that: the one of theirs that is evaluated when ours arrives, one whose turn comes first, and ours.
 * First come, first served, it would be ten.
 */
const MAX_TURNS = 3;

const LARGE = JSON.stringify(
  admissionReview({ object: written({ steps: [container('a', { args: ['x'.repeat(400_000)] })] }) }),
);
/** Names that are there once, as many as are parsed. */
const WORST = filled('{"%":{"%":{}}}', MAX_NAMES / 2 - 100);

const { env, limitMib } = deployed();
let served: ServedWebhook;
beforeEach(async () => {
  served = await ServedWebhook.start([], env);
});
afterEach(async () => served.stop());

/** Each sends its body again as soon as it is answered. */
async function attack(addresses: readonly string[], bodies: number, signal: AbortSignal): Promise<number> {
  let answers = 0;
  const agents = addresses.map((localAddress) => new Agent({ keepAlive: true, localAddress }));
  const send = async (agent: Agent): Promise<void> => {
    while (!signal.aborted) {
      await served.post(WORST, agent).catch(() => undefined);
      answers++;
    }
  };
  await Promise.all(agents.flatMap((agent) => Array.from({ length: bodies }, async () => send(agent))));
  for (const agent of agents) agent.destroy();
  return answers;
}

/** How long one of theirs takes alone, on this machine at this time, in milliseconds. */
async function turnMs(): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    const started = performance.now();
    await served.post(WORST);
    times.push(performance.now() - started);
  }
  return Math.max(...times);
}

it.each<readonly [string, readonly string[], number]>([
  ['one Pod with ten at once', ['127.0.0.2'], 10],
  ['ten Pods with one each', Array.from({ length: 10 }, (_, i) => `127.0.0.${i + 2}`), 1],
])('%s', async (_, addresses, bodies) => {
  const api = new Agent({ keepAlive: true });
  expect((await served.post(LARGE, api)).status).toBe(200);
  const before = await turnMs();
  const stop = new AbortController();
  const attacking = attack(addresses, bodies, stop.signal);
  const statuses: unknown[] = [];
  let [slowest, memory] = [0, 0];
  for (let n = 0; n < REVIEWS; n += 1) {
    const started = performance.now();
    statuses.push((await served.post(LARGE, api)).status);
    slowest = Math.max(slowest, performance.now() - started);
    memory = Math.max(memory, await served.memory());
  }
  stop.abort();
  const answers = await attacking;
  api.destroy();
  const turn = Math.max(before, await turnMs());
  process.stdout.write(
    `${answers} of theirs, ${turn.toFixed(0)} ms each; slowest of ours ${slowest.toFixed(0)} ms; ${memory.toFixed(0)} MiB at most\n`,
  );
  expect(statuses).toEqual(Array.from({ length: REVIEWS }, () => 200));
  expect(slowest).toBeLessThan(Math.max(TIMEOUT_MS, MAX_TURNS * turn));
  expect(memory).toBeLessThan(limitMib);
  expect(answers).toBeGreaterThan(bodies);
  expect(served.faults).toEqual([]);
});
