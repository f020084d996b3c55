/** Bodies that are small as bytes and large as values, with the environment of the Deployment: they stay below its limit of memory. */
import { Agent } from 'node:https';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { MAX_BODY_BYTES } from '../../webhook/body.ts';
import { MAX_VALUES } from '../../webhook/values.ts';
import { deployments, present, readManifests } from '../support/manifests.ts';
import { admissionReview, written } from '../support/reviews.ts';
import { Served } from './served.ts';

jest.setTimeout(180_000);

const ROUNDS = 5;
/** As many as there is room for. */
const AT_ONCE = 4;

let served: Served;
/** Of the Deployment, in MiB. */
let limit: number;
beforeAll(async () => {
  const [deployment] = deployments(readManifests('config/manager/deployment.yaml'));
  const { env, resources } = present(present(deployment, 'Deployment').spec.template.spec.containers[0], 'container');
  limit = Number(/^(\d+)Mi$/.exec(resources.limits['memory'] ?? '')?.[1]);
  const own = env.filter(({ name }) => name !== 'NODE_COMPILE_CACHE');
  served = await Served.start([], Object.fromEntries(own.map(({ name, value }) => [name, value])));
});
afterAll(async () => served.stop());

/** A review that is filled up with these: with as many as there is room for, and as are parsed, if need be. */
function filled(item: string, most = Infinity): string {
  const review = JSON.stringify(admissionReview({ object: written({ containers: [] }), filling: [] }));
  const room = MAX_BODY_BYTES - review.length;
  const items = `${item},`.repeat(Math.min(Math.floor(room / (item.length + 1)), most));
  return review.replace('"filling":[]', `"filling":[${items.slice(0, -1)}]`);
}

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
  expect(await served.complaints()).toEqual([]);
  expect(served.faults).toEqual([]);
  return [...statuses];
}

it.each([['{}'], ['[]'], ['{"a":{}}'], ['[[]]'], ['""'], ['0.5'], ['{"":{"":{}}}']])(
  'a body of nothing but %s is refused before it is parsed',
  async (item) => {
    const body = filled(item);
    expect(body.length).toBeGreaterThan(MAX_BODY_BYTES - 100);
    expect(await send(body)).toEqual([413]);
  },
);

it.each([
  ['{}', 2],
  ['[]', 2],
  ['{"a":{}}', 3],
  ['[[]]', 3],
  ['""', 1],
  ['{"":{"":{}}}', 4],
])('as many of %s as are parsed do no harm', async (item, each) => {
  expect(await send(filled(item, Math.floor(MAX_VALUES / each) - 100))).toEqual([200]);
});
