/** Bodies that are small as bytes and large as values, with the environment of the Deployment: they stay below its limit of memory. */
import { Agent } from 'node:https';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { MAX_BODY_BYTES } from '../../webhook/request-body.ts';
import { MAX_NAMES, MAX_VALUES } from '../../webhook/json-size.ts';
import { densest, filled } from './dense.ts';
import { deployed, ServedWebhook } from './served-webhook.ts';

jest.setTimeout(180_000);

const ROUNDS = 3;
/** As many as there is room for. */
const AT_ONCE = 4;

let served: ServedWebhook;
/** Of the Deployment, in MiB. */
let limit: number;
beforeAll(async () => {
  const { limitMib, env } = deployed();
  limit = limitMib;
  served = await ServedWebhook.start([], env);
});
afterAll(async () => served.stop());

/** Sends it several times at once, again and again; what is answered. */
async function send(body: string): Promise<readonly (number | undefined)[]> {
  const agent = new Agent({ keepAlive: true });
  const statuses = new Set<number | undefined>();
  let most = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, async () => served.post(body, agent)));
    for (const { status } of replies) statuses.add(status);
    most = Math.max(most, await served.memory());
  }
  agent.destroy();
  process.stdout.write(`${body.slice(-20, -10)}: ${Math.round(most)} MiB at most\n`);
  expect(most).toBeLessThan(limit);
  expect(await served.problems()).toEqual([]);
  expect(served.faults).toEqual([]);
  return [...statuses];
}

it.each([['{}'], ['[]'], ['{"a":{}}'], ['[[]]'], ['""'], ['0.5'], ['{"":{"":{}}}'], ['{"%":{"%":{}}}'], ['{"%":0}']])(
  'a body of nothing but %s is refused before it is parsed',
  async (item) => {
    const body = filled(item);
    expect(body.length).toBeGreaterThan(MAX_BODY_BYTES - 100);
    expect(await send(body)).toEqual([413]);
  },
);

/** Judged, or refused as it takes more memory than there is for one. */
const HARMLESS = new Set<number | undefined>([200, 413]);

it.each([
  ['{}', 2, 0],
  ['[]', 2, 0],
  ['{"a":{}}', 3, 1],
  ['[[]]', 3, 0],
  ['""', 1, 0],
  ['"%"', 1, 0],
  ['{"":{"":{}}}', 4, 2],
  ['{"%":{"%":{}}}', 4, 2],
  ['{"%":0}', 2, 1],
])('the maximum number of %s is parsed within the memory limit', async (item, values, names) => {
  const most = Math.min(MAX_VALUES / values, names === 0 ? Infinity : MAX_NAMES / names);
  const statuses = await send(filled(item, Math.floor(most) - 100));
  expect(statuses.filter((status) => !HARMLESS.has(status))).toEqual([]);
});

it('the two densest objects that etcd accepts are evaluated', async () => {
  const body = densest(17_000);
  // Each of them has 1.5 MiB with what is around it.
  expect(body.length).toBeGreaterThan(2.8 * 1024 * 1024);
  expect(await send(body)).toEqual([200]);
});
