/** A Pod takes every place and all the room of a small webhook; test/hostile/crowd.test.ts does so with a whole one. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Connections, type LostConnectionReason } from '../../../shared/connections.ts';
import { createApp, VALIDATE_PATH } from '../../../webhook/app.ts';
import { ByteBudget } from '../../../webhook/byte-budget.ts';
import { WebhookServer } from '../../../webhook/server.ts';
import { type Authority, createAuthority, type Pair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionReview, written } from '../../support/reviews.ts';

const MOST = 20;
const ROOM = 1_000_000;
const POD = '127.0.0.2';

const { log } = recordingLog();
let authority: Authority;
let pair: Pair;
beforeAll(async () => {
  authority = await createAuthority();
  pair = await authority.issue();
});

let lost: LostConnectionReason[];
let connections: Connections;
let server: WebhookServer;
let port: number;
let agent: Agent;
const lines: TLSSocket[] = [];

beforeEach(async () => {
  lost = [];
  connections = new Connections({ maxConnections: MOST, limitsNewClients: true, onLost: (how) => lost.push(how) });
  const app = createApp({ log, connections, budget: new ByteBudget({ bytes: ROOM, smallBytes: 100_000 }) });
  server = new WebhookServer(app, {}, { connections });
  ({ port } = await server.listen(pair, '127.0.0.1', 0));
  agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
  agent.destroy();
  for (const line of lines.splice(0)) line.destroy();
  await server.close(0);
});

/** A connection of the Pod on which it has said that. */
async function hold(said: string, localAddress = POD): Promise<TLSSocket> {
  // Of which the types of `connect` do not know, though it hands it on.
  const options = { host: '127.0.0.1', port, ca: authority.ca, localAddress };
  const line = connect(options);
  line.on('error', () => undefined);
  lines.push(line);
  await once(line, 'secureConnect');
  line.write(said);
  return line;
}

const review = (bytes: number): string => {
  const spec = { containers: [container('a', { args: ['x'.repeat(bytes)] })] };
  return JSON.stringify(admissionReview({ object: written(spec) }));
};

/** As the API server asks, from another address. */
async function ask(body: string, through: Agent | false = agent): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json' };
  const options = { host: '127.0.0.1', port, ca: authority.ca, method: 'POST', path: VALIDATE_PATH };
  const asking = request({ ...options, agent: through, headers });
  const answered = once(asking, 'response');
  asking.end(body);
  const [response] = await answered;
  await text(response);
  return response.statusCode;
}

const POST = `POST ${VALIDATE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;

it('all connections are used: each new connection of the API server replaces one of the Pod’s, and is kept', async () => {
  for (let count = 0; count < MOST; count += 1) {
    await once(await hold('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'), 'data');
  }
  const answers = await Promise.all(Array.from({ length: 5 }, async () => ask(review(10))));
  expect(answers).toEqual([200, 200, 200, 200, 200]);
  await eventually('five have gone', () => (lines.filter(({ closed }) => closed).length === 5 ? true : undefined));
  expect(lost).toEqual(Array.from({ length: 5 }, () => 'evicted'));
  // The Pod takes them again, and gets its own: those of the API server are those that it had.
  for (let count = 0; count < 10; count += 1) await hold('');
  const before = Object.values(agent.freeSockets).flat();
  expect(before).toHaveLength(5);
  expect(await Promise.all(Array.from({ length: 5 }, async () => ask(review(10))))).toEqual(answers);
  expect(before.filter((socket) => socket?.closed)).toEqual([]);
});

it.each<readonly [string, () => string, number, boolean]>([
  ['a review that was rejected because the byte budget was exhausted', () => review(ROOM + 200_000), 429, true],
  ['a request that was not a review', () => '{}', 400, false],
])('whether a connection that has sent reviews stays trusted after %s', async (_, body, status, isTrusted) => {
  const looked = jest.spyOn(connections, 'find');
  expect(await ask(review(10))).toBe(200);
  expect(await ask(body())).toBe(status);
  expect(looked.mock.results.at(-1)?.value).toMatchObject({ isTrusted });
});

it('the whole byte budget is used: a review of the API server evicts a body of the Pod’s, which gets a response', async () => {
  // It is known by a review.
  expect(await ask(review(10))).toBe(200);
  const bodies: TLSSocket[] = [];
  for (let count = 0; count < 3; count += 1) {
    bodies.push(await hold(`${POST}Content-Length: 330001\r\n\r\n${' '.repeat(330_000)}`));
  }
  // Answered once what came before has been read.
  await once(await hold('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'), 'data');
  const told: string[] = [];
  for (const body of bodies) body.on('data', (chunk: Buffer) => told.push(chunk.toString('latin1')));
  expect([await ask(review(10)), told]).toEqual([200, []]);
  expect(await ask(review(400_000))).toBe(200);
  await eventually('bodies have ended', () => (bodies.some(({ closed }) => closed) ? true : undefined));
  expect(told.join('')).toMatch(/^HTTP\/1\.1 408 /);
  expect(told.join('')).toContain('connection: close');
});

it('several Pods use the whole byte budget, each with no more bytes than the API server needs: their slow bodies are evicted', async () => {
  for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
    await hold(`${POST}Content-Length: 330001\r\n\r\n${' '.repeat(330_000)}`, address);
  }
  await once(await hold('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'), 'data');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(await ask(review(400_000), false)).toBe(200);
});
