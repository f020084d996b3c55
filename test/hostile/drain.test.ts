/** SIGTERM in the worst moment: what has begun is answered, what idles or drips is not waited for, and the end is 0. */
import { afterEach, expect, it, jest } from '@jest/globals';
import { VALIDATE_PATH } from '../../webhook/app.ts';
import { BODY, ServedWebhook } from './served-webhook.ts';
import { openMany, openTcp, openTls } from './http-client.ts';

jest.setTimeout(180_000);

const ASKING = 100;
const IDLE = 400;
const SLOW = 50;

/** Requests in progress are finished within 20 s (docs/reliability.md). */
const END_MS = 20_000;

let served: ServedWebhook;
afterEach(async () => served.stop());

const HEAD = `POST ${VALIDATE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`;

it(`${ASKING} requests are answered, ${IDLE} idle and ${2 * SLOW} slow connections closed, and the process exits with 0 within 20 s`, async () => {
  served = await ServedWebhook.start();
  // With a review among them, so that this address is known for one that may have so many connections.
  expect(await served.problems()).toEqual([]);
  const asking = await openMany(ASKING, async () => openTls(served));
  const idle = await openMany(IDLE, async () => openTls(served));
  const dripping = await openMany(SLOW, async () => openTls(served));
  const halfOpen = await openMany(SLOW, async () => openTcp(served));
  for (const line of asking) line.send(HEAD + BODY.slice(0, 50));
  for (const line of dripping) line.send(HEAD);
  for (const line of halfOpen) line.send(Buffer.from('160301', 'hex'));
  // Once a later one is answered, the earlier ones are known to it.
  expect(await served.problems()).toEqual([]);
  const started = performance.now();
  const ended = served.operator.end('SIGTERM');
  await served.operator.untilSays('stopping');
  for (const line of asking) line.send(BODY.slice(50));
  const answers = await Promise.all(asking.map(async (line) => line.answers(1)));
  expect(answers).toEqual(Array.from({ length: ASKING }, () => [200]));
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(END_MS);
  expect(served.faults).toEqual([]);
  await Promise.all([...asking, ...idle, ...dripping, ...halfOpen].map(async (line) => line.closed(10)));
});

it('a second signal is not needed, and does no harm', async () => {
  served = await ServedWebhook.start();
  const idle = await openMany(100, async () => openTls(served));
  const ended = served.operator.end('SIGTERM');
  await served.operator.untilSays('stopping');
  await Promise.all(idle.map(async (line) => line.closed(10)));
  expect(await ended).toEqual({ code: 0, signal: null });
});
