import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import {
  type ApiClient,
  type ApiClientOptions,
  type ApiRequest,
  createApiClient,
  METADATA_ONLY,
  PATCH_TYPE,
  type RequestObserver,
} from '../../../../shared/kube/client.ts';
import { isApiError } from '../../../../shared/kube/errors.ts';
import { type Answer, json, startServer, type TestServer } from '../../../support/http-server.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(answer: Answer, tls?: { readonly key: string; readonly cert: string }): Promise<TestServer> {
  const server = await startServer(answer, tls);
  cleanups.push(() => server.close());
  return server;
}

interface Access {
  readonly user?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
}

function connect(url: string, options: Partial<ApiClientOptions> = {}, { user, cluster }: Access = {}): ApiClient {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      'current-context': 'x',
      clusters: [{ name: 'x', cluster: { server: url, 'insecure-skip-tls-verify': true, ...cluster } }],
      users: [{ name: 'x', user: user ?? {} }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    }),
  );
  const client = createApiClient(config, { userAgent: 'sequentialjob/test', ...options });
  cleanups.push(() => client.close());
  return client;
}

const ok: Answer = (_, response) => json(response, 200, { kind: 'Thing' });
const silent: Answer = () => undefined;
const get = (path = '/api/v1/things', more: Partial<ApiRequest> = {}): ApiRequest => ({ method: 'GET', path, ...more });

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    expect(isApiError(error)).toBe(true);
    return error;
  }
  throw new Error('it went well');
}

describe('a request', () => {
  it.each<readonly [string, ApiRequest, { readonly url: string; readonly type?: string; readonly body: string }]>([
    ['a plain GET', get(), { url: '/base/api/v1/things', body: '' }],
    [
      'a GET with query parameters, escaped, without undefined ones',
      get('/apis/x', { query: { limit: 1, continue: undefined, fieldSelector: 'a=b&c d', watch: true } }),
      { url: '/base/apis/x?limit=1&fieldSelector=a%3Db%26c+d&watch=true', body: '' },
    ],
    [
      'a GET with an empty query',
      get('/apis/x', { query: { continue: undefined } }),
      { url: '/base/apis/x', body: '' },
    ],
    [
      'a POST',
      { method: 'POST', path: '/apis/x', body: { a: 'ü' } },
      { url: '/base/apis/x', type: 'application/json', body: '{"a":"ü"}' },
    ],
    [
      'a JSON patch',
      { method: 'PATCH', path: '/apis/x', contentType: PATCH_TYPE.json, body: [] },
      { url: '/base/apis/x', type: 'application/json-patch+json', body: '[]' },
    ],
    [
      'a merge patch',
      { method: 'PATCH', path: '/apis/x', contentType: PATCH_TYPE.merge, body: {} },
      { url: '/base/apis/x', type: 'application/merge-patch+json', body: '{}' },
    ],
    [
      'a DELETE with options',
      { method: 'DELETE', path: '/apis/x', body: { propagationPolicy: 'Foreground' } },
      { url: '/base/apis/x', type: 'application/json', body: '{"propagationPolicy":"Foreground"}' },
    ],
  ])('%s', async (_says, request, expected) => {
    const server = await serve(ok);
    const client = connect(`${server.url}/base/`, {}, { user: { token: 'secret' } });
    expect(await client.request(request)).toEqual({ kind: 'Thing' });
    const [received] = server.received;
    expect(received).toMatchObject({ method: request.method, url: expected.url, body: expected.body });
    expect(received?.headers).toMatchObject({
      'user-agent': 'sequentialjob/test',
      accept: 'application/json',
      authorization: 'Bearer secret',
    });
    expect(received?.headers['content-type']).toBe(expected.type);
  });

  it('sends only the Accept header that the caller sets', async () => {
    const server = await serve(ok);
    await connect(server.url).request(get('/api/v1/things', { accept: METADATA_ONLY }));
    expect(server.received[0]?.headers.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  });

  it('ignores the body of a successful response if told to, but parses an error', async () => {
    const server = await serve((_, response) => response.end('no JSON'));
    expect(await connect(server.url).request(get('/x', { ignoresAnswer: true }))).toBeUndefined();
    const full = await serve((_, response) =>
      json(response, 403, { kind: 'Status', reason: 'Forbidden', message: 'no' }),
    );
    const request = connect(full.url).request(get('/x', { ignoresAnswer: true }));
    expect(await failure(request)).toMatchObject({ code: 'Forbidden', message: 'no' });
  });

  describe('that reads the items of a list', () => {
    const page = { kind: 'List', metadata: { resourceVersion: '7' }, items: [{ a: 1 }, { b: 2 }] };
    const items: unknown[] = [];
    const onItem = (item: unknown, bytes: number): void => void items.push([item, bytes]);
    beforeEach(() => void items.splice(0));

    it('passes them one by one, and returns the rest as its result', async () => {
      const server = await serve((_, response) => json(response, 200, page));
      const answer = await connect(server.url).request(get('/x', { onItem }));
      expect(answer).toEqual({ ...page, items: [] });
      expect(items).toEqual([
        [{ a: 1 }, 7],
        [{ b: 2 }, 7],
      ]);
    });

    it('passes no items if the response is an error, and returns its continue token', async () => {
      const status = { kind: 'Status', reason: 'Expired', metadata: { continue: 'rest' }, items: [1] };
      const server = await serve((_, response) => json(response, 410, status));
      const refusal = await failure(connect(server.url).request(get('/x', { onItem })));
      expect(refusal).toMatchObject({ code: 'Gone', continueToken: 'rest' });
      expect(items).toEqual([]);
    });

    it('rejects with the error that the callback throws, stops reading, and leaves the client usable', async () => {
      const server = await serve((_, response) => {
        response.writeHead(200).write(JSON.stringify(page));
        // More comes for as long as somebody reads.
        const more = setInterval(() => response.write(' '.repeat(1000)), 1);
        response.on('close', () => clearInterval(more));
      });
      const client = connect(server.url);
      const thrown = new Error('enough');
      const stop = (): void => {
        throw thrown;
      };
      await expect(client.request(get('/x', { onItem: stop }))).rejects.toBe(thrown);
      const other = await serve(ok);
      expect(await connect(other.url).request(get())).toEqual({ kind: 'Thing' });
    });

    it('rejects like any other request after a truncated body or invalid JSON', async () => {
      const server = await serve((_, response) => response.writeHead(200).end('{"items":[{"a":1},'));
      expect(await failure(connect(server.url).request(get('/x', { onItem })))).toMatchObject({ code: 'Unreachable' });
      expect(items).toHaveLength(1);
    });
  });

  // undici may open a second one while the first still puts away the answer before; never a third.
  it('reuses connections: sequential requests need one or two', async () => {
    const server = await serve(ok);
    const client = connect(server.url);
    for (let i = 0; i < 50; i++) await client.request(get());
    expect(server.received).toHaveLength(50);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it('keeps its connections when the credentials are refreshed', async () => {
    const server = await serve(ok);
    let now = 0;
    const client = connect(server.url, { now: () => now });
    for (let i = 0; i < 20; i++) {
      await client.request(get());
      now += 60_000;
    }
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it.each<readonly [string, Answer, Record<string, unknown>]>([
    [
      'a Status',
      (_, response) => json(response, 409, { kind: 'Status', reason: 'AlreadyExists', message: 'it exists' }),
      { code: 'AlreadyExists', status: 409, message: 'it exists' },
    ],
    [
      'too many requests',
      (_, response) => json(response, 429, {}, { 'retry-after': '3' }),
      { code: 'TooManyRequests', retryAfterMs: 3000 },
    ],
    [
      'a connection that is closed within the body',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"kind":');
        setImmediate(() => response.destroy());
      },
      { code: 'Unreachable' },
    ],
    ['a response that is not JSON', (_, response) => response.end('<html>'), { name: 'ApiError' }],
  ])('fails with ApiError: %s', async (_says, answer, expected) => {
    const server = await serve(answer);
    expect(await failure(connect(server.url).request(get()))).toMatchObject(expected);
  });

  it('fails with Timeout if no response arrives in time, and names the request', async () => {
    const server = await serve(silent);
    const error = await failure(connect(server.url).request(get('/slow', { timeoutMs: 20 })));
    expect(error).toMatchObject({ code: 'Timeout', message: 'GET /slow: no answer within 0.02 s' });
  });

  it('counts the body within the timeout', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{');
    });
    expect(await failure(connect(server.url, { timeoutMs: 20 }).request(get()))).toMatchObject({ code: 'Timeout' });
  });

  it('rejects with Aborted if the caller aborts, before or during the request', async () => {
    const stop = new AbortController();
    const server = await serve(() => stop.abort());
    const client = connect(server.url);
    expect(await failure(client.request(get('/x', { signal: stop.signal })))).toMatchObject({ code: 'Aborted' });
    expect(await failure(client.request(get('/x', { signal: stop.signal })))).toMatchObject({ code: 'Aborted' });
    expect(server.received).toHaveLength(1);
  });

  it('notifies the observer of each attempt', async () => {
    const seen: Parameters<RequestObserver>[0][] = [];
    let now = 0;
    const server = await serve((_, response) => {
      now += 5;
      json(response, 404, {});
    });
    const client = connect(server.url, { observe: (one) => seen.push(one), now: () => now });
    await failure(client.request(get('/x')));
    expect(seen).toEqual([{ method: 'GET', path: '/x', status: 404, ms: 5 }]);
  });
});

describe('credentials', () => {
  const unauthorized: Answer = (_, response) =>
    json(response, 401, { kind: 'Status', reason: 'Unauthorized', message: 'no' });

  it.each([
    ['an exec plugin that returns no expirationTimestamp', 'plugin'],
    ['a token file', 'file'],
  ])('of %s are used until they are rejected, and refreshed after a 401', async (_says, kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'sequentialjob-token-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const [runs, token] = [join(folder, 'runs'), join(folder, 'token')];
    writeFileSync(runs, '');
    writeFileSync(token, 'first');
    const says = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$(cat ${token})'"}}`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', `echo run >> ${runs}; echo '${says}'`],
      interactiveMode: 'Never',
    };
    let accepted = 'Bearer first';
    const server = await serve((received, response) =>
      received.headers.authorization === accepted ? ok(received, response) : unauthorized(received, response),
    );
    let now = 0;
    const user =
      kind === 'plugin' ? { exec } : { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } };
    const client = connect(server.url, { now: () => now }, { user });
    for (let i = 0; i < 5; i++) {
      await client.request(get());
      now += 60_000;
    }
    const ran = (): number => readFileSync(runs, 'utf8').split('\n').length - 1;
    expect(ran()).toBe(kind === 'plugin' ? 1 : 0);
    writeFileSync(token, 'second');
    accepted = 'Bearer second';
    expect(await client.request(get())).toEqual({ kind: 'Thing' });
    expect(server.received.slice(-2).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ]);
    expect(ran()).toBe(kind === 'plugin' ? 2 : 0);
  });

  it('are refreshed only once per request: a second 401 is the result', async () => {
    const server = await serve(unauthorized);
    expect(await failure(connect(server.url).request(get()))).toMatchObject({ code: 'Unauthorized', message: 'no' });
    expect(server.received).toHaveLength(2);
  });

  it.each<readonly [string, (client: ApiClient) => Promise<unknown>, string]>([
    ['the timeout', (client) => client.request(get()), 'Timeout'],
    ['the signal of the caller', (client) => client.request({ ...get(), signal: AbortSignal.abort() }), 'Aborted'],
    [
      'the signal of a stream',
      (client) => client.stream({ path: '/x', idleMs: 1000, signal: AbortSignal.abort() }),
      'Aborted',
    ],
  ])('that never load do not delay a request beyond %s', async (_says, use, code) => {
    const server = await serve(ok);
    const { promise: never } = Promise.withResolvers<never>();
    const waiting = jest.spyOn(KubeConfig.prototype, 'applyToHTTPSOptions').mockReturnValue(never);
    try {
      expect(await failure(use(connect(server.url, { timeoutMs: 20 })))).toMatchObject({ code });
    } finally {
      waiting.mockRestore();
    }
    expect(server.received).toHaveLength(0);
  });

  it('if the exec plugin fails, the error is Unauthorized and has the message of the plugin', async () => {
    const server = await serve(ok);
    const args = ['-c', 'echo log in first >&2; exit 1'];
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args };
    const error = await failure(connect(server.url, {}, { user: { exec } }).request(get()));
    expect(error).toMatchObject({ code: 'Unauthorized', message: expect.stringMatching(/log in first/) });
    expect(server.received).toHaveLength(0);
  });
});

describe('a stream', () => {
  async function read(body: AsyncIterable<Buffer>): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  const stream = { path: '/watch', idleMs: 5000, signal: new AbortController().signal } as const;

  it('returns the body as it arrives', async () => {
    const server = await serve((_, response) => {
      response.write('one\n');
      response.end('two\n');
    });
    const seen: Parameters<RequestObserver>[0][] = [];
    const client = connect(`${server.url}/base`, { observe: (one) => seen.push(one) });
    expect(await read(await client.stream({ ...stream, query: { watch: true } }))).toBe('one\ntwo\n');
    expect(server.received[0]?.url).toBe('/base/watch?watch=true');
    expect(seen).toMatchObject([{ method: 'WATCH', path: '/watch', status: 200 }]);
  });

  it.each<readonly [string, Answer]>([
    ['end', (_, response) => response.end('one\n')],
    ['are rejected', (_, response) => json(response, 410, {})],
    ['are closed', (_, response) => response.write('one\n', () => response.destroy())],
  ])('leaves no listener on the signal, however many streams %s', async (_says, answer) => {
    const server = await serve(answer);
    const client = connect(server.url);
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) {
      await client
        .stream({ ...stream, signal })
        .then(read)
        .catch(() => undefined);
      await client.request(get('/x', { signal })).catch(() => undefined);
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects if the server rejects the request', async () => {
    const server = await serve((_, response) =>
      json(response, 410, { kind: 'Status', reason: 'Expired', message: 'too old' }),
    );
    expect(await failure(connect(server.url).stream(stream))).toMatchObject({ code: 'Gone', message: 'too old' });
  });

  it('fails with Timeout if nothing arrives for too long', async () => {
    const server = await serve((_, response) => response.write('one\n'));
    const body = await connect(server.url).stream({ ...stream, idleMs: 50 });
    await expect(read(body)).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });
});

describe('TLS', () => {
  function selfSigned(): { readonly key: string; readonly cert: string } {
    const folder = mkdtempSync(join(tmpdir(), 'tls-'));
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const name = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', ...kind, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    rmSync(folder, { recursive: true });
    return pair;
  }

  it('trusts only the certificate authority of the kubeconfig', async () => {
    const pair = selfSigned();
    const server = await serve(ok, pair);
    const ca = {
      'insecure-skip-tls-verify': false,
      'certificate-authority-data': Buffer.from(pair.cert).toString('base64'),
    };
    expect(await connect(server.url, {}, { cluster: ca }).request(get())).toEqual({ kind: 'Thing' });
    const strict = { 'insecure-skip-tls-verify': false };
    const error = await failure(connect(server.url, {}, { cluster: strict }).request(get()));
    expect(error).toMatchObject({ code: 'Untrusted' });
    expect(await connect(server.url).request(get())).toEqual({ kind: 'Thing' });
  });

  it('rejects plain HTTP unless the kubeconfig has insecure-skip-tls-verify', async () => {
    const server = await serve(ok);
    const strict = { 'insecure-skip-tls-verify': false };
    expect(await failure(connect(server.url, {}, { cluster: strict }).request(get()))).toMatchObject({
      code: 'Unauthorized',
    });
    expect(server.received).toHaveLength(0);
  });
});
