/** What golden files cannot hold: sizes, depths, faults of our own, clients that go away. */
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import supertest from 'supertest';
import { WebhookMetrics } from '../../../webhook/metrics.ts';
import { createApp, VALIDATE_PATH, type AppOptions } from '../../../webhook/app.ts';
import { MAX_BODY_BYTES } from '../../../webhook/request-body.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionReview, REVIEW_UID, written } from '../../support/reviews.ts';

interface Answer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly status?: {
    readonly code: number;
    readonly message: string;
    readonly details?: { readonly causes: readonly unknown[] };
  };
}

const { log, lines } = recordingLog();
beforeEach(() => void lines.splice(0));

const said = (level: string): readonly string[] => lines.filter((line) => line.level === level).map(({ msg }) => msg);

async function post(body: string, options: Partial<AppOptions> = {}): Promise<supertest.Response> {
  return supertest(createApp({ log, ...options }))
    .post(VALIDATE_PATH)
    .set('content-type', 'application/json')
    .send(body);
}

/** The answer to a review, which it must be. */
async function judge(body: string, options: Partial<AppOptions> = {}): Promise<Answer> {
  const response = await post(body, options);
  expect(response.status).toBe(200);
  const { response: answer } = JSON.parse(response.text) as { readonly response: Answer };
  expect(answer.uid).toBe(REVIEW_UID);
  return answer;
}

const judgeSpec = async (spec: unknown): Promise<Answer> =>
  judge(JSON.stringify(admissionReview({ object: written(spec) })));

const steps = (count: number, image = 'registry.example.com/etl:1.0'): readonly unknown[] =>
  Array.from({ length: count }, (_, i) => container(`step-${i}`, { image }));

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('large objects', () => {
  it('a spec with too many values to validate in time is rejected as a whole', async () => {
    const env = Array.from({ length: 300_000 }, () => ({ name: '' }));
    const { status } = await judgeSpec({ containers: [container('a', { env })] });
    expect(status?.details?.causes).toEqual([expect.objectContaining({ field: 'spec' })]);
  });

  describe('limited in bytes', () => {
    const LONG = { containers: [container('a', { args: ['x'.repeat(1024 * 1024)] })] };
    const SHORT = { containers: [container('a')] };
    const TOO_LONG = [{ reason: 'FieldValueTooLong', field: 'spec' }];
    const update = (from: unknown, to: unknown): Readonly<Record<string, unknown>> => ({
      operation: 'UPDATE',
      oldObject: written(from),
      object: written(to),
    });

    it.each([
      ['a spec above 1 MiB is denied', { object: written(LONG) }, TOO_LONG],
      ['an update of a spec to more than 1 MiB is denied', update(SHORT, LONG), TOO_LONG],
      ['an unchanged stored spec above 1 MiB is allowed', update(LONG, LONG), undefined],
      ['a stored spec above 1 MiB can be suspended', update(LONG, { ...LONG, suspend: true }), undefined],
      ['a stored spec above 1 MiB can be reduced', update(LONG, SHORT), undefined],
    ])('%s', async (_says, request, causes) => {
      const answer = await judge(JSON.stringify(admissionReview(request)));
      expect(answer.status?.details?.causes).toEqual(causes?.map((cause) => expect.objectContaining(cause)));
      expect(answer.allowed).toBe(causes === undefined);
    });
  });

  it('warnings are truncated at the limit of the API server, with the number of the others', async () => {
    const { allowed, warnings = [] } = await judgeSpec({ containers: steps(1000, 'busybox') });
    expect(allowed).toBe(true);
    expect(warnings.join('').length).toBeLessThan(4096);
    expect(warnings.at(-1)).toBe(`and ${1000 - (warnings.length - 1)} more warnings`);
  });

  const withDepth = (review: object, depth: number): string =>
    JSON.stringify(admissionReview(review as never)).replaceAll('"deep":0', `"deep":${nested(depth)}`);
  const spec = { containers: steps(1) };

  it.each([
    ['in an unknown field', withDepth({ object: written({ ...spec, deep: 0 }) }, 90_000)],
    ['in the labels', withDepth({ object: written(spec, { name: 'etl', labels: { deep: 0 } }) }, 100_000)],
    ['beside the object', withDepth({ object: written(spec), deep: 0 }, 1_000_000)],
    [
      'in a spec that is compared',
      withDepth(
        {
          operation: 'UPDATE',
          object: written({ ...spec, suspend: true, deep: 0 }),
          oldObject: written({ ...spec, deep: 0 }),
        },
        90_000,
      ),
    ],
  ])('a deep nesting %s causes no error', async (_where, body) => {
    expect((await judge(body)).allowed).toBe(true);
    expect(said('error')).toEqual([]);
  });

  it.each([
    ['a nested array', nested(1_400_000), 400],
    ['an unterminated nested array', '['.repeat(1_400_000), 400],
    ['a nested array above the size limit', '['.repeat(3_000_000), 413],
  ])('%s is not an AdmissionReview', async (_what, body, status) => {
    expect((await post(body)).status).toBe(status);
  });
});

describe('a body without a content length', () => {
  it.each([1, 1000])('is read completely, in chunks of %i bytes', async (size) => {
    const body = JSON.stringify(admissionReview({ object: written({ containers: steps(2) }) }));
    const asking = supertest(createApp({ log })).post(VALIDATE_PATH).set('content-type', 'application/json');
    // Each is a chunk of its own on the way, and for who reads.
    for (let start = 0; start < body.length; start += size) asking.write(body.slice(start, start + size));
    const response = await asking;
    expect([response.status, JSON.parse(response.text)]).toMatchObject([
      200,
      { response: { uid: REVIEW_UID, allowed: true } },
    ]);
  });
});

describe('a request body and its size limit', () => {
  // As the API server does; to a client that wants the connection closed it is, whatever it is still sending.
  const agent = new Agent({ keepAlive: true });
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer(createApp({ log })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(async () => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function send(bytes: number, headers: Record<string, string | number>): Promise<IncomingMessage> {
    const asking = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: VALIDATE_PATH,
      agent,
      headers: { 'content-type': 'application/json', ...headers },
    });
    const answered = once(asking, 'response');
    for (let sent = 0; sent < bytes; sent += 65_536) asking.write(Buffer.alloc(Math.min(65_536, bytes - sent), ' '));
    asking.end();
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response;
  }

  it.each([
    ['a Content-Length above the limit is rejected', MAX_BODY_BYTES + 1, { 'content-length': MAX_BODY_BYTES + 1 }, 413],
    [
      'a chunked body above the limit is rejected while it is received',
      MAX_BODY_BYTES + 1,
      { 'transfer-encoding': 'chunked' },
      413,
    ],
    ['a chunked body far above the limit is rejected', 8 * MAX_BODY_BYTES, { 'transfer-encoding': 'chunked' }, 413],
    ['a body at the limit is read', MAX_BODY_BYTES, { 'transfer-encoding': 'chunked' }, 400],
  ])('%s', async (_how, bytes, headers, status) => {
    expect((await send(bytes, headers)).statusCode).toBe(status);
  });

  it('a large body is rejected before the client has sent all of it', async () => {
    const asking = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: VALIDATE_PATH,
      headers: { 'content-type': 'application/json', 'content-length': 1e12 },
    });
    asking.flushHeaders();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    asking.on('error', () => undefined).destroy();
  });

  it('a client that disconnects while it sends causes no error', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST ${VALIDATE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"api`,
    );
    await eventually('the request is there', () => (server.listening ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await eventually('it is noticed', () => (said('debug').includes('client disconnected') ? true : undefined));
    expect(said('error')).toEqual([]);
    expect((await post(JSON.stringify(admissionReview({ object: written({ containers: steps(1) }) })))).status).toBe(
      200,
    );
  });
});

describe('an internal error', () => {
  const failing = {
    [VALIDATE_PATH]: () => {
      throw new TypeError('secret of the house');
    },
  };

  it('still gets a response to the review, and only the log has the reason', async () => {
    const body = JSON.stringify(admissionReview({ object: written({ containers: steps(1) }) }));
    const response = await post(body, { reviewers: failing });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.text)).toMatchObject({
      response: { uid: REVIEW_UID, allowed: false, status: { code: 500, reason: 'InternalError' } },
    });
    const line = lines.find(({ level }) => level === 'error');
    expect(line).toMatchObject({ uid: REVIEW_UID, err: { message: 'secret of the house' } });
    expect(JSON.stringify(line)).toContain('app.test.ts');
  });

  it('shows no stack trace for other requests', async () => {
    const broken = createApp({ log, checks: { caches: failing[VALIDATE_PATH] } });
    const response = await supertest(broken).get('/readyz');
    expect([response.status, response.text]).toEqual([500, 'internal error\n']);
  });

  it('shows no stack trace if the middleware before the endpoints fails', async () => {
    const metrics = new WebhookMetrics(new Registry(), [VALIDATE_PATH]);
    metrics.requestStarted = failing[VALIDATE_PATH];
    const response = await supertest(createApp({ log, metrics })).post(VALIDATE_PATH);
    expect([response.status, response.text]).toEqual([500, 'internal error\n']);
    expect(said('error')).toEqual(['request failed']);
  });
});

describe('readiness', () => {
  it('names the missing field', async () => {
    const checks = { webhook: () => true, caches: () => false };
    const response = await supertest(createApp({ log, checks })).get('/readyz');
    expect([response.status, response.text]).toEqual([503, 'not ready: caches\n']);
  });
});

it('no response has headers that name the server software or allow caching', async () => {
  const { headers } = await post(JSON.stringify(admissionReview({ object: written({ containers: steps(1) }) })));
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('etag');
});

it('no request can change Object.prototype', async () => {
  const evil = '{"polluted":true,"backoffLimit":7,"allowed":true}';
  const body = JSON.stringify(admissionReview({ object: written({ containers: steps(1), template: { spec: {} } }) }))
    .replace('"request":{', `"request":{"__proto__":${evil},"constructor":{"prototype":${evil}},`)
    .replace('"spec":{', `"spec":{"__proto__":${evil},"constructor":{"prototype":${evil}},`);
  expect((await judge(body)).allowed).toBe(true);
  for (const name of ['polluted', 'backoffLimit', 'allowed'])
    expect(({} as Record<string, unknown>)[name]).toBeUndefined();
});

describe('the log lines about a review', () => {
  it('have the object and the result, but no value of the object', async () => {
    await judgeSpec({ containers: [container('a', { env: [{ name: 'A=B', value: 'secret' }] })] });
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.anything(),
        uid: REVIEW_UID,
        operation: 'CREATE',
        sequentialJob: 'team-a/etl',
        errors: 1,
        msg: 'review denied',
      },
    ]);
  });

  it('are written only at level debug if the object was allowed', async () => {
    await judgeSpec({ containers: steps(1) });
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([['debug', 'review allowed']]);
  });
});

describe('requests of unauthenticated clients', () => {
  const post = async (app: ReturnType<typeof createApp>, body: string, type = 'application/json'): Promise<number> =>
    (await supertest(app).post(VALIDATE_PATH).set('content-type', type).send(body)).status;

  it('are logged once per kind if they are not reviews', async () => {
    const app = createApp({ log });
    for (let count = 0; count < 20; count += 1) {
      expect(await post(app, '{}')).toBe(400);
      expect(await post(app, 'x')).toBe(400);
      expect(await post(app, '{}', 'text/plain')).toBe(415);
      expect(await post(app, JSON.stringify(admissionReview({ kind: {} })))).toBe(200);
    }
    expect(lines.map(({ msg, problem }) => [msg, problem])).toEqual([
      ['request refused before its review', 'apiVersion and kind must be admission.k8s.io/v1 and AdmissionReview'],
      ['request refused before its review', 'the body must be JSON'],
      ['request refused before its review', 'the content type must be application/json'],
      [
        'malformed AdmissionReview',
        'request.kind must be SequentialJob of batch.example.com/v1alpha1 or batch.example.com/v1beta1, or CronSequentialJob of batch.example.com/v1beta1',
      ],
    ]);
  });

  it.each<readonly [string, object]>([
    ['group', { group: { toString: 'batch.example.com' } }],
    ['version', { version: { toString: 'v1beta1' } }],
    ['kind', { kind: { toString: null } }],
  ])('whose %s is no text are answered with what is wrong', async (_, change) => {
    const kind = { group: 'batch.example.com', version: 'v1beta1', kind: 'SequentialJob', ...change };
    const body = JSON.stringify(admissionReview({ kind }));
    const answer = await supertest(createApp({ log }))
      .post(VALIDATE_PATH)
      .set('content-type', 'application/json')
      .send(body);
    expect(answer.body).toMatchObject({
      response: { allowed: false, status: { code: 400, message: expect.stringContaining('request.kind must be') } },
    });
  });

  it('are logged a hundred times per minute if they are denied reviews', async () => {
    const app = createApp({ log });
    const body = JSON.stringify(admissionReview({ object: written({ containers: [] }) }));
    for (let count = 0; count < 110; count += 1) expect(await post(app, body)).toBe(200);
    expect(said('info')).toEqual(Array.from({ length: 100 }, () => 'review denied'));
  });
});
