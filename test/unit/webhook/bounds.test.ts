/** What a client sends is not repeated at length, and not kept without bound: found by fuzzing (test/hostile). */
import { once } from 'node:events';
import { createServer, request as httpRequest, type ClientRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { createApp, VALIDATE_PATH } from '../../../webhook/app.ts';
import { ByteBudget } from '../../../webhook/byte-budget.ts';
import { container } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionReview, written } from '../../support/reviews.ts';

const { log, lines } = recordingLog();
beforeEach(() => void lines.splice(0));

const LONG = '\u0001'.repeat(300_000);
const SPEC = { containers: [container('a')] };
const started = (spec: object): object => ({ ...written(spec), status: { startTime: '2026-11-02T10:00:00Z' } });

async function judge(request: Readonly<Record<string, unknown>>): Promise<string> {
  const response = await supertest(createApp({ log }))
    .post(VALIDATE_PATH)
    .set('content-type', 'application/json')
    .send(JSON.stringify(admissionReview(request)));
  expect(response.status).toBe(200);
  return response.text;
}

describe('a string of the length of the body', () => {
  it.each([
    ['as a name', { object: written({}, { name: LONG }) }],
    [
      'as the name of a field',
      { operation: 'UPDATE', object: started({ ...SPEC, [LONG]: 1 }), oldObject: started(SPEC) },
    ],
  ])('%s is truncated in the response', async (_where, request) => {
    const answer = await judge(request);
    expect(answer).toContain('"allowed":false');
    expect(answer.length).toBeLessThan(20_000);
  });

  it('is truncated in the log, even if it is the UID, which is complete in the response', async () => {
    const answer = await judge({ uid: LONG, namespace: LONG, object: written({}, { name: LONG }) });
    expect((JSON.parse(answer) as { readonly response: { readonly uid: string } }).response.uid).toBe(LONG);
    expect(lines.map((line) => JSON.stringify(line).length > 10_000)).toEqual([false]);
  });
});

describe('many concurrent bodies', () => {
  const HELD = 100_000;
  const MOST = 70_000;
  const body = JSON.stringify(admissionReview({ object: written(SPEC) })).padEnd(HELD / 2, ' ');
  let server: Server;
  beforeEach(async () => {
    server = createServer(
      createApp({ log, maxBodyBytes: MOST, budget: new ByteBudget({ bytes: HELD, smallBytes: 0 }) }),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function ask(): ClientRequest {
    const { port } = server.address() as AddressInfo;
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const asking = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: VALIDATE_PATH, agent: false, headers });
    asking.on('error', () => undefined);
    return asking;
  }

  const statusOf = async (asking: ClientRequest): Promise<number | undefined> => {
    const [response] = await once(asking, 'response');
    response.resume();
    return response.statusCode;
  };

  it('are rejected if the budget is exhausted, and accepted when bytes are available again', async () => {
    const waiting = [ask(), ask()];
    for (const asking of waiting) asking.write(body.slice(0, -1));
    // Whether theirs has come in already is not to be seen from here: this is asked until it has.
    let refused: number | undefined = 200;
    while (refused === 200) {
      const third = ask();
      third.end(body);
      refused = await statusOf(third);
    }
    expect(refused).toBe(429);
    const answered = waiting.map(statusOf);
    for (const asking of waiting) asking.end(body.slice(-1));
    expect(await Promise.all(answered)).toEqual([200, 200]);
    const fourth = ask();
    fourth.end(body);
    expect(await statusOf(fourth)).toBe(200);
  });

  it('release their bytes if they are rejected as too large, even while they are still received', async () => {
    const asked: ClientRequest[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { port } = server.address() as AddressInfo;
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const asking = httpRequest({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: VALIDATE_PATH,
        agent: false,
        headers,
      });
      asking.on('error', () => undefined);
      asking.write(' '.repeat(MOST));
      asking.write(' ');
      expect(await statusOf(asking)).toBe(413);
      asked.push(asking);
    }
    for (const asking of [ask(), ask()]) {
      asking.end(body);
      expect(await statusOf(asking)).toBe(200);
    }
    for (const asking of asked) asking.destroy();
  });

  it('release their bytes if the client disconnects', async () => {
    for (let round = 0; round < 10; round += 1) {
      const asking = ask();
      asking.write(body.slice(0, -1));
      await new Promise((resolve) => setTimeout(resolve, 10));
      const closed = new Promise((resolve) => asking.once('close', resolve));
      asking.destroy();
      await closed;
    }
    const last = ask();
    last.end(body);
    expect([200, 429]).toContain(await statusOf(last));
    let status: number | undefined = 429;
    while (status === 429) {
      const again = ask();
      again.end(body);
      status = await statusOf(again);
    }
    expect(status).toBe(200);
  });
});
