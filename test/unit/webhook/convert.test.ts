/** Conversion reviews over HTTP: what is converted, what is refused and how, and what it takes while it arrives. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sleep } from '../../../shared/sleep.ts';
import { ByteBudget } from '../../../webhook/byte-budget.ts';
import { CONVERT_PATH, createApp } from '../../../webhook/app.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { V1ALPHA1, V1BETA1 } from '../../support/versions.ts';

const image = 'busybox:1.36';
const v1alpha1 = (name: string, spec: unknown = { containers: [{ name: 'a', image }] }) => ({
  apiVersion: V1ALPHA1,
  kind: 'SequentialJob',
  metadata: { name, namespace: 'team-a' },
  spec,
});

const review = (request: unknown) => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', request });
const conversion = (objects: unknown, desiredAPIVersion: unknown = V1BETA1) =>
  review({ uid: 'review-1', desiredAPIVersion, objects });

const budget = new ByteBudget({ bytes: 8 * 1024 * 1024 });
const { log, lines } = recordingLog();
let server: Server;
beforeEach(async () => {
  lines.splice(0);
  server = createServer(createApp({ log, budget })).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

interface Response {
  readonly uid: string;
  readonly convertedObjects: readonly unknown[];
  readonly result: { readonly status: string; readonly message?: string };
}

const port = (): number => (server.address() as AddressInfo).port;

function open(headers: Readonly<Record<string, string>> = {}) {
  const asking = httpRequest({
    host: '127.0.0.1',
    port: port(),
    method: 'POST',
    path: `${CONVERT_PATH}?timeout=30s`,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const response = once(asking, 'response') as Promise<[IncomingMessage]>;
  // A test that ends the request itself awaits no response.
  response.catch(() => undefined);
  return {
    asking,
    answer: async () => response.then(async ([one]) => ({ status: one.statusCode, text: await text(one) })),
  };
}

async function post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { asking, answer } = open(headers);
  asking.end(typeof body === 'string' ? body : JSON.stringify(body));
  return answer();
}

async function responseTo(body: unknown): Promise<Response> {
  const answer = await post(body);
  expect(answer.status).toBe(200);
  const { apiVersion, kind, response } = JSON.parse(answer.text) as { response: Response } & Record<string, unknown>;
  expect([apiVersion, kind, response.uid]).toEqual(['apiextensions.k8s.io/v1', 'ConversionReview', 'review-1']);
  return response;
}

it('converts all objects of a review, in order', async () => {
  const { convertedObjects, result } = await responseTo(conversion([v1alpha1('one'), v1alpha1('two')]));
  expect(result).toEqual({ status: 'Success' });
  expect(convertedObjects).toEqual(
    ['one', 'two'].map((name) =>
      Object.assign(v1alpha1(name), { apiVersion: V1BETA1, spec: { steps: [{ name: 'a', image }] } }),
    ),
  );
});

it('numbers that a double does not hold, and such texts, stay as they are', async () => {
  const fields =
    '"resume":9223372036854775807,"a":1e400,"b":0.1234567890123456789,"c":"\\\"12345678901234567890","d":[-9007199254740993]';
  const { text: body } = await post(
    JSON.stringify(conversion([v1alpha1('a', { containers: [], x: 0 })])).replace('"x":0', fields),
  );
  expect(body).toContain(fields);
});

it('an empty list is converted', async () => {
  expect(await responseTo(conversion([]))).toMatchObject({ convertedObjects: [], result: { status: 'Success' } });
});

it('the first object that cannot be converted fails the review, and the message names it', async () => {
  const wrong = v1alpha1('wrong', { containers: [], stepPolicies: 'none' });
  const { result } = await responseTo(conversion([v1alpha1('one'), wrong, null]));
  const message =
    'SequentialJob team-a/wrong: spec.stepPolicies: Invalid value: "string": spec.stepPolicies in body must be of type array: "string"';
  expect(result).toEqual({ status: 'Failure', message });
  expect(lines.map(({ msg, problem }) => [msg, problem])).toEqual([['conversion failed', message]]);
});

describe('a body that is not a ConversionReview gets one line', () => {
  const both = `${V1ALPHA1} or ${V1BETA1}`;
  it.each<readonly [number, string, unknown]>([
    [400, 'the body must be JSON', ''],
    [400, 'the body must be JSON', '{"kind":'],
    [400, 'the body must be JSON', JSON.stringify(conversion([1])).replace('[1]', '[{]')],
    [400, 'the body must be a ConversionReview', []],
    [
      400,
      'apiVersion and kind must be apiextensions.k8s.io/v1 and ConversionReview, before the request',
      { request: {} },
    ],
    [400, 'request must be an object', review(null)],
    [400, 'request.uid must be a non-empty string, before the objects', review({ objects: [1] })],
    [400, `request.desiredAPIVersion must be ${both}, before the objects`, conversion([1], 'batch.example.com/v1')],
    [
      400,
      `request.desiredAPIVersion must be ${both}, before the objects`,
      review({ uid: 'x', objects: [1], desiredAPIVersion: V1BETA1 }),
    ],
    [400, 'request.objects must be an array', conversion({})],
    [400, 'an item of the list is larger than 3670016 bytes', conversion([v1alpha1('x'.repeat(3_700_000))])],
    [
      400,
      'an object must not have more than 750000 values, or 200000 names of properties',
      conversion([
        v1alpha1(
          'a',
          Array.from({ length: 800_000 }, () => 0),
        ),
      ]),
    ],
  ])('%i: %s', async (status, message, body) => {
    expect(await post(body)).toEqual({ status, text: `${message}\n` });
  });

  it('is rejected with another content type', async () => {
    expect(await post('<a/>', { 'content-type': 'text/xml' })).toMatchObject({ status: 415 });
  });
});

it('a body in another encoding is refused', async () => {
  const { asking, answer } = open();
  asking.end(Buffer.from(JSON.stringify(conversion([v1alpha1('é')])), 'latin1'));
  expect(await answer()).toEqual({ status: 400, text: 'the body must be UTF-8\n' });
});

describe('a large list', () => {
  /** One after the other, so that no more than one is ever needed. */
  const LARGE = { ...v1alpha1('large'), spec: { containers: [{ name: 'a', image, args: ['x'.repeat(1024 * 1024)] }] } };
  const COUNT = 40;

  it('is converted while it arrives, in the memory of one object', async () => {
    const { asking, answer } = open();
    asking.write(JSON.stringify(conversion([])).replace(']}}', ''));
    const [response] = await Promise.all([
      once(asking, 'response').then(([one]) => one as IncomingMessage),
      (async () => {
        for (let i = 0; i < COUNT; i++) asking.write(`${i === 0 ? '' : ','}${JSON.stringify(LARGE)}`);
      })(),
    ]);
    expect(response.statusCode).toBe(200);
    asking.end(']}}');
    const { text: body } = await answer();
    const { response: converted } = JSON.parse(body) as { response: Response };
    expect(converted.convertedObjects).toHaveLength(COUNT);
    expect(converted.result).toEqual({ status: 'Success' });
  });

  it('whose response has started ends as a failure if the rest is malformed', async () => {
    const body = `${JSON.stringify(conversion([LARGE])).slice(0, -3)},{]}}`;
    const { result } = await responseTo(body);
    expect(result).toEqual({ status: 'Failure', message: 'the body must be JSON' });
  });

  it('is not read further while the client does not read the response', async () => {
    const socket = connect(port(), '127.0.0.1');
    await once(socket, 'connect');
    const begin = JSON.stringify(conversion([])).replace(']}}', '');
    socket.pause();
    socket.write(
      `POST ${CONVERT_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n${begin}`,
    );
    const piece = `${JSON.stringify(LARGE)},`;
    const isStuck = async (): Promise<boolean> => {
      const isFull = !socket.write(piece);
      if (!isFull) return false;
      const before = socket.bytesWritten - socket.writableLength;
      await sleep(300);
      return socket.bytesWritten - socket.writableLength === before;
    };
    await eventually('the client can send no more', isStuck);
    socket.destroy();
  });
});

it('if there is no memory for an object, the review is rejected, and the next one is accepted', async () => {
  const other = budget.reserve({ address: 'other', isTrusted: true }, () => undefined);
  expect(other.acquire(8 * 1024 * 1024)).toBe(true);
  const { status } = await post(conversion([v1alpha1('a', { containers: [{ name: 'x'.repeat(600 * 1024) }] })]));
  other.release();
  expect(status).toBe(429);
  expect(await responseTo(conversion([v1alpha1('a')]))).toMatchObject({ result: { status: 'Success' } });
});

it('the memory of a client that disconnects is released', async () => {
  const { asking } = open();
  asking.on('error', () => undefined);
  asking.write(`${JSON.stringify(conversion([])).replace(']}}', '')}{"a":"${'x'.repeat(3 * 1024 * 1024)}`);
  await sleep(100);
  asking.destroy();
  const all = (): boolean => {
    const reservation = budget.reserve({ address: 'x', isTrusted: false }, () => undefined);
    const isFree = reservation.acquire(8 * 1024 * 1024);
    reservation.release();
    return isFree;
  };
  await eventually('all memory is free', all);
});
