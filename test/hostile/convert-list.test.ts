/** Large lists at `/convert`: they take the memory of one object each, and reviews are answered meanwhile. */
import { once } from 'node:events';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { CONVERT_PATH } from '../../webhook/app.ts';
import { shared } from '../support/share.ts';
import { inParallel } from '../support/parallel.ts';
import { V1ALPHA1, V1BETA1 } from '../support/versions.ts';
import { ServedWebhook } from './served-webhook.ts';

jest.setTimeout(10 * 60_000);

const MIB = 1024 * 1024;
const LISTS = 2;
const OBJECTS = shared(500, 200);
/** In MiB, of the process: the lists together have at least 400. */
const MAY_GROW = 250;

let served: ServedWebhook;
beforeAll(async () => {
  served = await ServedWebhook.start();
});
afterAll(async () => served.stop());

const LARGE = JSON.stringify({
  apiVersion: V1ALPHA1,
  kind: 'SequentialJob',
  metadata: { name: 'etl', namespace: 'hostile' },
  spec: { containers: [{ name: 'a', image: 'busybox:1.36', args: ['x'.repeat(MIB)] }] },
});
const HEAD = `{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{"uid":"list","desiredAPIVersion":"${V1BETA1}","objects":[`;

/** Sends a list, and gives the bytes of the answer and its end. */
async function convertList(objects: number): Promise<{ readonly bytes: number; readonly end: string }> {
  const headers = { 'content-type': 'application/json' };
  const asking = request(served.options({ method: 'POST', path: CONVERT_PATH, headers }));
  const response = once(asking, 'response') as Promise<[IncomingMessage]>;
  const received = (async () => {
    const [one] = await response;
    let [bytes, end] = [0, ''];
    for await (const chunk of one) {
      bytes += (chunk as Buffer).length;
      end = `${end}${(chunk as Buffer).toString('latin1')}`.slice(-100);
    }
    return { bytes, end };
  })();
  asking.write(HEAD);
  for (let i = 0; i < objects; i++) {
    if (!asking.write(i === 0 ? LARGE : `,${LARGE}`)) await once(asking, 'drain');
  }
  asking.end(']}}');
  return received;
}

it(`${LISTS} lists of ${OBJECTS} objects of 1 MiB at once`, async () => {
  expect(await convertList(2)).toMatchObject({ end: expect.stringContaining('Success') });
  const before = await served.memory();
  let most = before;
  const running = new AbortController();
  const watching = (async () => {
    while (!running.signal.aborted) {
      expect(await served.problems()).toEqual([]);
      most = Math.max(most, await served.memory());
    }
  })();
  const answers: { readonly bytes: number; readonly end: string }[] = [];
  await inParallel(LISTS, async () => void answers.push(await convertList(OBJECTS)));
  running.abort();
  await watching;
  for (const { bytes, end } of answers) {
    expect(bytes).toBeGreaterThan(OBJECTS * MIB);
    expect(end).toContain('"result":{"status":"Success"}');
  }
  process.stdout.write(`${LISTS} lists of ${OBJECTS} MiB: ${Math.round(before)} to ${Math.round(most)} MiB\n`);
  expect(most - before).toBeLessThan(MAY_GROW);
  expect(served.faults).toEqual([]);
});

it('objects that never end take no more than the budget, and then go', async () => {
  const before = await served.memory();
  const attackers = Array.from({ length: 100 }, () => {
    const asking = request(
      served.options({ method: 'POST', path: CONVERT_PATH, headers: { 'content-type': 'application/json' } }),
    );
    asking.on('error', () => undefined);
    asking.write(`${HEAD}{"a":"${'x'.repeat(3 * MIB)}`);
    return asking;
  });
  expect(await served.problems()).toEqual([]);
  expect((await served.memory()) - before).toBeLessThan(MAY_GROW);
  for (const one of attackers) one.destroy();
  expect(await convertList(1)).toMatchObject({ end: expect.stringContaining('Success') });
});
