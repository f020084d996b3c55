/** Who may ask the webhook, where an authority for the certificates of clients is given: real handshakes. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clientRefusal } from '../../../webhook/client-certificate.ts';
import { WebhookServer } from '../../../webhook/server.ts';
import { type Authority, createAuthority, type Pair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';

const SUBJECT = 'kube-apiserver';

let authority: Authority;
let clients: Authority;
let others: Authority;
let serving: Pair;
let apiServer: Pair;
beforeAll(async () => {
  [authority, clients, others] = await Promise.all([createAuthority(), createAuthority(), createAuthority()]);
  [serving, apiServer] = await Promise.all([authority.issue(), clients.issueClient(SUBJECT)]);
});

let server: WebhookServer;
let port: number;
let refused: string[];
/** Bytes of bodies that have reached the handler, and its requests. */
let read: { bytes: number; requests: number };

beforeEach(async () => {
  refused = [];
  read = { bytes: 0, requests: 0 };
  server = new WebhookServer(
    (incoming, response) => {
      read.requests += 1;
      incoming.on('data', (chunk: Buffer) => (read.bytes += chunk.length));
      incoming.on('end', () => response.end('answered'));
    },
    {},
    { clientSubjects: ['front-proxy', SUBJECT], onRefused: (why) => refused.push(why), openPaths: ['/open'] },
  );
  ({ port } = await server.listen({ ...serving, clientCa: clients.ca }, '127.0.0.1', 0));
});
afterEach(async () => server.close(0));

interface Answer {
  readonly body: string;
  readonly connection: string | undefined;
}

async function ask(
  pair: Partial<Pair>,
  more: ConnectionOptions & { agent?: Agent | false; path?: string } = {},
): Promise<Answer> {
  const asking = request({
    host: '127.0.0.1',
    port,
    ca: authority.ca,
    method: 'POST',
    path: '/',
    agent: false,
    ...pair,
    ...more,
  });
  const answered = once(asking, 'response');
  asking.end('x'.repeat(100));
  const [response] = await answered;
  return { body: await text(response), connection: response.headers.connection };
}

/** Sends a request whatever is known of the other side; the end of the connection tells. */
async function push(
  options: ConnectionOptions,
  path = '/',
): Promise<{ readonly received: string; readonly socket: TLSSocket }> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options });
  let received = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}`);
  await eventually('the connection has been answered or closed', () =>
    socket.closed || received.includes('answered') ? true : undefined,
  );
  return { received, socket };
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  it('a client with a certificate of that CA and one of the subjects is accepted', async () => {
    expect((await ask(apiServer, only)).body).toBe('answered');
    expect((await ask(await clients.issueClient('front-proxy'), only)).body).toBe('answered');
    expect(refused).toEqual([]);
  });

  it.each<readonly [string, () => Promise<Partial<Pair>>, RegExp]>([
    ['no certificate', async () => ({}), /^no certificate$/],
    ['a certificate of another authority', async () => others.issueClient(SUBJECT), /^certificate not accepted: /],
    [
      'a certificate of the CA of the serving certificate',
      async () => authority.issueClient(SUBJECT),
      /not accepted: /,
    ],
    [
      'a certificate with another subject',
      async () => clients.issueClient('system:node:x'),
      /^certificate with another subject$/,
    ],
    ['a serving certificate', async () => clients.issue(), /not accepted: INVALID_PURPOSE/],
  ])('a client with %s is rejected, and none of its requests is read', async (_which, pair, why) => {
    const { received } = await push({ ...only, ...(await pair()) });
    expect(received).toBe('');
    await eventually('it is told why', () => (refused.length > 0 ? true : undefined));
    expect(refused).toEqual([expect.stringMatching(why)]);
    expect(read).toEqual({ bytes: 0, requests: 0 });
  });

  it('a client without a certificate may use a path that needs none, and no other on the same connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask({}, { ...only, agent, path: '/open?timeout=30s' })).body).toBe('answered');
    await expect(ask({}, { ...only, agent, path: '/' })).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect([refused, read.requests]).toEqual([['no certificate'], 1]);
    agent.destroy();
  });

  it.each(['/open/', '/opened', '//open', '/%6fpen', '/?x=/open'])(
    'a client without a certificate is rejected at %s, which only looks like a path that needs none',
    async (path) => {
      expect((await push(only, path)).received).toBe('');
      expect([refused, read]).toEqual([['no certificate'], { bytes: 0, requests: 0 }]);
    },
  );

  it('a client with a wrong certificate is rejected also where none is needed', async () => {
    const { received } = await push({ ...only, ...(await others.issueClient(SUBJECT)) }, '/open');
    expect(received).toBe('');
    await eventually('it is told why', () => (refused.length > 0 ? true : undefined));
    expect(refused).toEqual([expect.stringMatching(/^certificate not accepted: /)]);
  });

  it('a client that resumes a TLS session without a certificate is rejected all the same', async () => {
    const sessions: Buffer[] = [];
    const first = connect({ host: '127.0.0.1', port, ca: authority.ca, ...only });
    first.on('error', () => undefined);
    first.on('session', (session) => sessions.push(session));
    const session = await eventually('there is a session', () => sessions[0]);
    expect((await push({ ...only, session })).received).toBe('');
    expect([refused, read.requests]).toEqual([['no certificate'], 0]);
    first.destroy();
  });

  it('a client that resumes an accepted TLS session is accepted', async () => {
    const sessions: Buffer[] = [];
    const first = connect({ host: '127.0.0.1', port, ca: authority.ca, ...apiServer, ...only });
    first.on('session', (session) => sessions.push(session));
    await eventually('there is a session', () => sessions[0]);
    const { received, socket } = await push({ ...only, session: sessions[0] });
    expect(received).toContain('answered');
    expect(socket.isSessionReused()).toBe(true);
    for (const each of [first, socket]) each.destroy();
  });
});

describe('a changed CA', () => {
  it('applies to new connections', async () => {
    const later = await others.issueClient(SUBJECT);
    server.useCertificate({ ...serving, clientCa: others.ca });
    expect((await ask(later)).body).toBe('answered');
    expect((await push(apiServer)).received).toBe('');
    expect(refused).toEqual([expect.stringContaining('not accepted')]);
  });

  it('closes the connections that the previous CA allowed, after a response', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(apiServer, { agent })).connection).toBe('keep-alive');
    server.useCertificate({ ...serving, clientCa: `${clients.ca}\n${others.ca}` });
    expect(await ask(apiServer, { agent })).toEqual({ body: 'answered', connection: 'close' });
    expect((await ask(apiServer, { agent })).connection).toBe('keep-alive');
    agent.destroy();
  });

  it('does not allow clients to resume a session of the previous CA', async () => {
    const sessions: Buffer[] = [];
    const first = connect({ host: '127.0.0.1', port, ca: authority.ca, ...apiServer });
    first.on('session', (session) => sessions.push(session));
    await eventually('there is a session', () => sessions[0]);
    server.useCertificate({ ...serving, clientCa: others.ca });
    expect((await push({ session: sessions[0] })).received).toBe('');
    first.destroy();
  });

  it('a CA is required if client subjects are set', () => {
    expect(() => server.useCertificate(serving)).toThrow('there is no CA certificate for client certificates');
  });
});

it('a subject with two common names matches none', () => {
  const socket = {
    authorized: true,
    authorizationError: null as never,
    getPeerCertificate: () => ({ subject: { CN: [SUBJECT, 'x'] } }) as never,
  };
  expect(clientRefusal(socket, [SUBJECT])).toBe('certificate with another subject');
});
