import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Agent, get, type RequestOptions } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WebhookServer, type Limits } from '../../../webhook/server.ts';
import { type Authority, createAuthority, type Pair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';

let authority: Authority;
let pairs: readonly [Pair, Pair];
beforeAll(async () => {
  authority = await createAuthority();
  pairs = [await authority.issue(), await authority.issue()];
});

const held: ServerResponse[] = [];
let server: WebhookServer;
let port: number;

/** Answers everything with its path; `/hold` when the test lets it. */
async function start(limits: Partial<Limits> = {}): Promise<void> {
  server = new WebhookServer((incoming, response) => {
    incoming.resume();
    if (incoming.url === '/hold') held.push(response);
    else incoming.on('end', () => response.end(incoming.url));
  }, limits);
  ({ port } = await server.listen(pairs[0], '127.0.0.1', 0));
}

beforeEach(() => void held.splice(0));
afterEach(async () => server.close(0));

const options = (more: RequestOptions = {}): RequestOptions => ({ host: '127.0.0.1', port, ca: authority.ca, ...more });

async function ask(
  path: string,
  agent: Agent | false = false,
): Promise<{ body: string; connection: string | undefined }> {
  const asking = get({ ...options({ path, agent }) });
  const [response] = await once(asking, 'response');
  return { body: await text(response), connection: response.headers.connection };
}

async function open(more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...more });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

const closed = async (socket: TLSSocket): Promise<boolean> => {
  if (!socket.closed) await once(socket.resume(), 'close');
  return true;
};

describe('TLS', () => {
  it.each(['before', 'after'])('rejects TLS 1.1, %s a new certificate', async (when) => {
    await start();
    if (when === 'after') server.useCertificate(pairs[1]);
    // OpenSSL offers 1.1 at the lowest security level only.
    const old = open({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await expect(old).rejects.toMatchObject({ code: expect.stringMatching(/PROTOCOL_VERSION/) });
  });

  it('uses a new certificate for new connections, and keeps the open ones', async () => {
    await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await open();
    const serial = before.getPeerCertificate().serialNumber;
    await ask('/one', agent);
    server.useCertificate(pairs[1]);
    expect((await ask('/two', agent)).body).toBe('/two');
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    before.write('GET /three HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = (await once(before, 'data')) as [Buffer];
    expect(answer.toString()).toContain('/three');
    const after = await open();
    expect(after.getPeerCertificate().serialNumber).not.toBe(serial);
    for (const socket of [before, after]) socket.destroy();
    agent.destroy();
  });
});

describe('limits', () => {
  it.each<readonly [string, Partial<Limits>, string]>([
    ['that sends no request', { idleTimeout: 50 }, ''],
    ['whose headers do not end', { headersTimeout: 50, checkInterval: 20 }, 'GET / HTTP/1.1\r\nHost: x\r\nA: '],
    [
      'whose body does not end',
      { requestTimeout: 50, headersTimeout: 50, checkInterval: 20 },
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ],
    ['that is idle after its response', { keepAliveTimeout: 50 }, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('closes a connection %s', async (_which, limits, sent) => {
    await start(limits);
    const socket = await open();
    socket.write(sent);
    expect(await closed(socket)).toBe(true);
  });

  it('closes a connection without a TLS handshake', async () => {
    await start({ handshakeTimeout: 50 });
    const socket = tcpConnect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket.resume(), 'close');
  });
});

describe('listen', () => {
  it('rejects if the port is in use', async () => {
    await start();
    const second = new WebhookServer(() => undefined);
    await expect(second.listen(pairs[0], '127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.close(0);
  });

  it('serves from the start until close', async () => {
    server = new WebhookServer((_request, response) => response.end());
    expect(server.serving).toBe(false);
    await server.listen(pairs[0], '127.0.0.1', 0);
    expect(server.serving).toBe(true);
    const ended = server.close(1000);
    expect(server.serving).toBe(false);
    await ended;
  });
});

describe('close', () => {
  it('responds to started requests, and closes their connections', async () => {
    await start();
    const agent = new Agent({ keepAlive: true });
    const answer = ask('/hold', agent);
    const [response] = await eventually('it is asked', () => (held.length > 0 ? held : undefined));
    const ended = server.close(10_000);
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    response?.end('late');
    expect(await answer).toEqual({ body: 'late', connection: 'close' });
    await ended;
    agent.destroy();
  });

  it('closes the connections of all waiting clients, in any order of their responses', async () => {
    await start();
    const agent = new Agent({ keepAlive: true });
    const answers: ReturnType<typeof ask>[] = [];
    for (let count = 1; count <= 4; count++) {
      answers.push(ask('/hold', agent));
      await eventually('it is asked', () => (held.length === count ? true : undefined));
    }
    for (const early of [0, 2]) {
      held[early]?.end('early');
      expect(await answers[early]).toEqual({ body: 'early', connection: 'keep-alive' });
      // Comes and goes after it.
      await ask('/other');
    }
    const ended = server.close(10_000);
    for (const late of [1, 3]) {
      held[late]?.end('late');
      expect(await answers[late]).toEqual({ body: 'late', connection: 'close' });
    }
    await ended;
    agent.destroy();
  });

  it('closes connections without a request in flight', async () => {
    await start();
    const [fresh, used] = [await open(), await open()];
    used.write('GET /one HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(used, 'data');
    await server.close(10_000);
    expect(await Promise.all([closed(fresh), closed(used)])).toEqual([true, true]);
  });

  it('keeps serving for its delay, with one more response on each connection, so that no client uses a closed one', async () => {
    await start();
    const agent = new Agent({ keepAlive: true });
    const known = await Promise.all(Array.from({ length: 8 }, async () => ask('/before', agent)));
    expect(new Set(known.map(({ connection }) => connection))).toEqual(new Set(['keep-alive']));
    const idle = Object.values(agent.freeSockets).flat();
    expect(idle).toHaveLength(8);
    const waiting = ask('/hold');
    await eventually('it is asked', () => (held.length > 0 ? true : undefined));
    const delay = Promise.withResolvers<void>();
    const ended = server.close(10_000, () => delay.promise);
    expect(server.serving).toBe(false);
    // By the connections that there were, one after the other, and then by new ones.
    for (let count = 0; count < 20; count++) {
      expect(await ask('/after', agent)).toEqual({ body: '/after', connection: 'close' });
    }
    await eventually('those are all closed', () => (idle.every((socket) => socket?.closed) ? true : undefined));
    delay.resolve();
    await eventually('no connection is accepted', async () =>
      open().then(
        (socket) => void socket.destroy(),
        ({ code }) => code === 'ECONNREFUSED' || undefined,
      ),
    );
    held[0]?.end('late');
    expect(await waiting).toEqual({ body: 'late', connection: 'close' });
    await ended;
    agent.destroy();
  });

  it('aborts requests that take longer than the limit', async () => {
    await start();
    const answer = ask('/hold');
    await eventually('it is asked', () => (held.length > 0 ? true : undefined));
    await server.close(20);
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
