/** What connections can do to a webhook process, and that it answers the API server within a second all the same. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { VALIDATE_PATH } from '../../webhook/app.ts';
import { MAX_BODY_BYTES } from '../../webhook/request-body.ts';
import { BUDGET_BYTES } from '../../webhook/byte-budget.ts';
import { MAX_CONNECTIONS } from '../../webhook/server.ts';
import { eventually } from '../support/eventually.ts';
import { shared } from '../support/share.ts';
import { BODY, ServedWebhook } from './served-webhook.ts';
import type { RawConnection } from './http-client.ts';
import { openMany, openTcp, openTls } from './http-client.ts';

jest.setTimeout(180_000);

let served: ServedWebhook;
/** Descriptors of the process when nobody is connected. */
let quiet: number;
beforeAll(async () => {
  served = await ServedWebhook.start();
  // What is loaded with the first review stays open.
  await served.problems();
  quiet = await served.descriptors();
});
afterAll(async () => served.stop());

/** It answers, has let go of every connection, and has found no fault in itself. */
async function expectUnharmed(seconds = 60): Promise<void> {
  expect(await served.problems()).toEqual([]);
  await served.untilDescriptors(quiet + 2, seconds);
  expect(served.faults).toEqual([]);
}

const JSON_TYPE = 'Content-Type: application/json\r\n';
const head = (headers: string, { method = 'POST', path = VALIDATE_PATH, version = '1.1' } = {}): string =>
  `${method} ${path} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`;
const review = (more = ''): string => `${head(`${JSON_TYPE}${more}Content-Length: ${BODY.length}\r\n`)}${BODY}`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')).toString('latin1');

/** What is said, and the statuses of the answers. Where the connection has to be of use afterwards, a review follows. */
const REQUESTS: readonly (readonly [what: string, said: string, statuses: readonly number[], goesOn?: boolean])[] = [
  ['a review', review(), [200], true],
  ['fifty reviews at once', review().repeat(50), Array.from({ length: 50 }, () => 200), true],
  ['a method that is not for reviews', head('Content-Length: 0\r\n', { method: 'PUT' }), [405], true],
  [
    'a method that is not for probes',
    head('Content-Length: 0\r\n', { method: 'DELETE', path: '/healthz' }),
    [405],
    true,
  ],
  ['a method that HTTP does not have', head('', { method: 'BREW' }), [400]],
  ['a tunnel', head('', { method: 'CONNECT', path: 'x:443' }), []],
  ['a path that is not there', head('Content-Length: 0\r\n', { path: '/../../etc/passwd' }), [404], true],
  ['another type', `${head(`Content-Type: text/xml\r\nContent-Length: 4\r\n`)}<a/>`, [415], true],
  [
    'a compressed body',
    `${head(`${JSON_TYPE}Content-Encoding: gzip\r\nContent-Length: ${BOMB.length}\r\n`)}${BOMB}`,
    [415],
    true,
  ],
  [
    'an encoding that nobody knows',
    `${head(`${JSON_TYPE}Content-Encoding: x, y\r\nContent-Length: 2\r\n`)}{}`,
    [415],
    true,
  ],
  ['no body', head(`${JSON_TYPE}Content-Length: 0\r\n`), [400], true],
  ['a body that says it is too large', head(`${JSON_TYPE}Content-Length: ${MAX_BODY_BYTES + 1}\r\n`), [413]],
  ['a length beyond all numbers', head(`${JSON_TYPE}Content-Length: 1${'0'.repeat(30)}\r\n`), [400]],
  ['a negative length', head(`${JSON_TYPE}Content-Length: -1\r\n`), [400]],
  ['two lengths', head(`${JSON_TYPE}Content-Length: 2\r\nContent-Length: 3\r\n`), [400]],
  ['a length and chunks', head(`${JSON_TYPE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`), [400]],
  ['a length that is too short', `${head(`${JSON_TYPE}Content-Length: 5\r\n`)}${BODY}`, [400]],
  ['chunks', `${head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`)}${chunk(BODY)}0\r\n\r\n`, [200], true],
  ['a chunk that is no number', `${head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`)}zz\r\n`, [400]],
  ['a header of a megabyte', head(`X: ${'a'.repeat(1_000_000)}\r\n`), [431]],
  ['a hundred thousand headers', head('X: a\r\n'.repeat(100_000)), [431]],
  ['a line end in a header', head('X: a\rb\r\n'), [400]],
  ['a NUL in a header', head('X: a\u0000b\r\n'), [400]],
  ['no host', `POST ${VALIDATE_PATH} HTTP/1.1\r\n\r\n`, [400]],
  ['a version that is none', head('', { version: '9.9' }), [400]],
  ['bytes that are no HTTP', '\u0000\u0001\u0002\r\n\r\n', [400]],
  ['a client that asks first', review('Expect: 100-continue\r\n'), [100, 200], true],
  ['a client that expects something else', review('Expect: tea\r\n'), [417]],
  ['a client that would rather speak something else', review('Connection: Upgrade\r\nUpgrade: websocket\r\n'), [200]],
];

describe('idle connections', () => {
  const IDLE = 1_000;

  it(`${IDLE} use little memory, and do not block other clients`, async () => {
    const before = await served.memory();
    const lines = await openMany(IDLE, async () => openTls(served));
    expect(await served.problems()).toEqual([]);
    const each = ((await served.memory()) - before) / IDLE;
    process.stdout.write(`an idle connection takes ${Math.round(each * 1024)} KiB\n`);
    expect(each).toBeLessThan(0.12);
    for (const line of lines) line.cut();
    await expectUnharmed();
  });
});

describe('a request', () => {
  it.each(REQUESTS)('%s is answered', async (_what, said, statuses, goesOn = false) => {
    const line = await openTls(served);
    line.send(Buffer.from(said, 'latin1'));
    expect(await line.answers(Math.max(1, statuses.length))).toEqual(statuses);
    if (goesOn) {
      line.send(review());
      expect(await line.answers(statuses.length + 1)).toEqual([...statuses, 200]);
    }
    expect(line.received).not.toMatch(/node_modules|\n\s+at /);
    line.cut();
    await expectUnharmed();
  });

  it('of HTTP/1.0 is answered, and the connection is closed', async () => {
    const line = await openTls(served);
    line.send(review().replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await line.answers(1)).toEqual([200]);
    await line.closed(20);
    await expectUnharmed();
  });

  it('is refused with 413 while its chunks arrive, and the connection stays usable', async () => {
    const line = await openTls(served);
    line.send(head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`));
    for (let sent = 0; sent <= MAX_BODY_BYTES; sent += 65_536) line.send(chunk(' '.repeat(65_536)));
    expect(await line.answers(1)).toEqual([413]);
    line.send(`0\r\n\r\n${review()}`);
    expect(await line.answers(2)).toEqual([413, 200]);
    line.cut();
    await expectUnharmed();
  });
});

describe('memory', () => {
  const CHUNKS = shared(3_000_000, 600_000);

  it('depends on the bytes of a body, not on the number of chunks', async () => {
    const before = await served.memory();
    const line = await openTls(served);
    line.send(head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`));
    const pieces = '1\r\n \r\n'.repeat(10_000);
    for (let sent = 0; sent < CHUNKS; sent += 10_000) {
      if (!line.socket.write(pieces)) await new Promise((resolve) => line.socket.once('drain', resolve));
    }
    // Once it answers others, it has read what was there for it.
    expect(await served.problems()).toEqual([]);
    const most = await served.memory();
    line.send(`${chunk(BODY)}0\r\n\r\n`);
    expect(await line.answers(1, 60)).toEqual([200]);
    line.cut();
    process.stdout.write(`${CHUNKS} chunks of one byte: ${Math.round(before)} to ${Math.round(most)} MiB\n`);
    expect(most - before).toBeLessThan(130);
    // A large body is evaluated in a thread, which ends after a minute without work.
    await expectUnharmed(90);
  });

  it('is limited for all bodies together, also if all clients hold back the last byte', async () => {
    const most = Math.floor(BUDGET_BYTES / (MAX_BODY_BYTES - 1));
    const before = await served.memory();
    const lines = await openMany(3 * most, async () => openTls(served));
    for (const line of lines) {
      line.send(head(`${JSON_TYPE}Content-Length: ${MAX_BODY_BYTES}\r\n`));
      line.send(Buffer.alloc(MAX_BODY_BYTES - 1, ' '));
    }
    // 429 to one that finds no room, 408 to one that is slow while another needs its room.
    const isTold = ({ statuses }: RawConnection): boolean => statuses.includes(429) || statuses.includes(408);
    await eventually(
      'those for whom there is no room are refused',
      () => lines.filter(isTold).length >= lines.length - most,
    );
    const held = await served.memory();
    process.stdout.write(`${lines.length} bodies of 7 MiB: ${Math.round(before)} to ${Math.round(held)} MiB\n`);
    expect(held - before).toBeLessThan(260);
    for (const line of lines) line.cut();
    await expectUnharmed();
  });
});

describe('connections', () => {
  it('above the limit are closed, and one that has sent a review is served', async () => {
    const first = await openTls(served);
    first.send(review());
    expect(await first.answers(1)).toEqual([200]);
    const lines = await openMany(MAX_CONNECTIONS + 100, async () => openTcp(served));
    // Those that have idled longest, sooner than one that never shakes hands.
    await Promise.all(lines.slice(0, 50).map(async (line) => line.closed(5)));
    first.send(review());
    expect(await first.answers(2)).toEqual([200, 200]);
    for (const line of [first, ...lines]) line.cut();
    await served.untilDescriptors(quiet + 2);
    await expectUnharmed();
  });

  it('that break in the middle of a request leave nothing behind', async () => {
    for (let round = 0; round < 4; round += 1) {
      const lines = await openMany(50, async () => openTls(served));
      lines.forEach((line, i) => line.send(review().slice(0, 20 + i * 8)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const line of lines) line.cut();
    }
    await expectUnharmed();
  });

  /** By what each kind says at first, and then every second. */
  const SLOW: readonly (readonly [kind: string, tls: boolean, first: string, drop: string])[] = [
    ['headers that drip', true, 'POST / HTTP/1.1\r\nHost: x\r\n', 'A: b\r\n'],
    ['a body that drips', true, head(`${JSON_TYPE}Content-Length: 1000\r\n`), ' '],
    ['chunks that drip', true, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`), chunk(' ')],
    ['a request line that drips', true, 'P', 'O'],
    ['half a handshake', false, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', ''],
    ['a handshake that drips', false, '\u0016\u0003\u0001\u0002\u0000', '\u0001'],
    ['silence below TLS', false, '', ''],
    ['plain HTTP', false, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', ''],
    ['garbage', false, '\u00FF\u00FE\u00FD'.repeat(100), '\u0000'],
  ];

  it('that are slow are closed eventually, all kinds at once, and do not block other clients meanwhile', async () => {
    const EACH = shared(50, 5);
    const slow: { line: RawConnection; drop: string; kind: string }[] = [];
    for (const [kind, tls, first, drop] of SLOW) {
      const lines = await openMany(EACH, async (): Promise<RawConnection> => (tls ? openTls(served) : openTcp(served)));
      for (const line of lines) line.send(Buffer.from(first, 'latin1'));
      slow.push(...lines.map((line) => ({ line, drop, kind })));
    }
    const drip = setInterval(() => {
      for (const { line, drop } of slow) if (drop !== '') line.send(Buffer.from(drop, 'latin1'));
    }, 1_000);
    expect(await served.problems()).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(await served.problems()).toEqual([]);
    // A request may take 30 s, and its limit is looked after once a second.
    await Promise.all(slow.map(async ({ line }) => line.closed(50).catch(() => undefined)));
    clearInterval(drip);
    expect([...new Set(slow.filter(({ line }) => !line.socket.closed).map(({ kind }) => kind))]).toEqual([]);
    await expectUnharmed();
  });
});

it('have caused no error in the log, and no change of the process', async () => {
  await expectUnharmed();
  const memory = await served.memory();
  process.stdout.write(
    `at last: ${Math.round(memory)} MiB, ${await served.descriptors()} descriptors (at first ${quiet})\n`,
  );
  expect(memory).toBeLessThan(400);
});
