/** Metrics and probes over HTTP, and clients that behave badly. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Gauge, Registry } from 'prom-client';
import { createMetricsServer } from '../../../../shared/metrics/server.ts';
import type { HttpLimits, HttpServer } from '../../../../shared/http-server.ts';
import { eventually } from '../../../support/eventually.ts';
import { recordingLog } from '../../../support/recording-log.ts';

const { log, lines } = recordingLog();
const HOST = '127.0.0.1';
const running: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (server) => server.close(0)));
  lines.splice(0);
});

interface Options {
  readonly registry?: Registry;
  readonly checks?: Readonly<Record<string, () => boolean>>;
  readonly limits?: Partial<HttpLimits>;
}

async function start({ registry = new Registry(), checks = {}, limits = {} }: Options = {}): Promise<number> {
  const server = createMetricsServer({ registry, checks, log, limits });
  running.push(server);
  return (await server.listen(0, HOST)).port;
}

const ask = async (port: number, path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://${HOST}:${port}${path}`, { method });

function withGauge(collect: (gauge: Gauge) => void): Registry {
  const registry = new Registry();
  const gauge: Gauge = new Gauge({ name: 'a', help: 'A', registers: [registry], collect: () => collect(gauge) });
  return registry;
}

/** So much that no socket's buffers hold it. */
function large(): Registry {
  const registry = new Registry();
  registry.registerMetric(new Gauge({ name: 'a', help: 'x'.repeat(50_000_000), registers: [] }));
  return registry;
}

describe('the server returns', () => {
  it.each<readonly [string, string, number, RegExp]>([
    ['metrics', 'GET /metrics', 200, /^# HELP a A\n# TYPE a gauge\na 7\n$/],
    ['metrics with a query', 'GET /metrics?name=a', 200, /\na 7\n$/],
    ['200 for the liveness probe', 'GET /healthz', 200, /^ok\n$/],
    ['503 and the reasons for the readiness probe', 'GET /readyz', 503, /^not ready: caches, webhook\n$/],
    ['200 for a readiness check that passes', 'GET /readyz/works', 200, /^ok\n$/],
    ['503 for a readiness check that fails', 'GET /readyz/webhook', 503, /^not ready: webhook\n$/],
    ['404 for an unknown readiness check', 'GET /readyz/x', 404, /^not found\n$/],
    ['404 for another path', 'GET /', 404, /^not found\n$/],
    ['404 below a known path', 'GET /metrics/', 404, /^not found\n$/],
    ['no body for HEAD', 'HEAD /metrics', 200, /^$/],
    ['the status of GET for HEAD', 'HEAD /readyz', 503, /^$/],
    ['405 for POST', 'POST /metrics', 405, /^the method must be GET or HEAD\n$/],
    ['405 for DELETE of a probe', 'DELETE /healthz', 405, /^the method must be GET or HEAD\n$/],
  ])('%s', async (_says, request, status, body) => {
    const [method, path = ''] = request.split(' ');
    const checks = { caches: () => false, works: () => true, webhook: () => false };
    const port = await start({ registry: withGauge((gauge) => gauge.set(7)), checks });
    const response = await ask(port, path, method);
    expect([response.status, await response.text()]).toEqual([status, expect.stringMatching(body)]);
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null);
  });

  it('metrics with the content type that Prometheus asks for', async () => {
    const response = await ask(await start(), '/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('with the current state', async () => {
    let ready = false;
    const port = await start({ checks: { caches: () => ready } });
    expect((await ask(port, '/readyz')).status).toBe(503);
    ready = true;
    expect((await ask(port, '/readyz')).status).toBe(200);
  });

  it('500 if the metrics cannot be read; only the log has the reason', async () => {
    const port = await start({
      registry: withGauge(() => {
        throw new Error('a fault');
      }),
    });
    const response = await ask(port, '/metrics');
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    expect(lines).toMatchObject([{ level: 'error', path: '/metrics', err: { message: 'a fault' } }]);
    expect((await ask(port, '/healthz')).status).toBe(200);
  });
});

describe('the server closes the connection of a client', () => {
  const SHORT = { requestTimeout: 200, answerTimeout: 300, idleTimeout: 5_000, checkInterval: 50 };

  async function open(port: number, first = ''): Promise<Socket> {
    const socket = connect(port, HOST);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(first);
    return socket;
  }

  it.each<readonly [string, string, Partial<HttpLimits>]>([
    ['that sends no request', '', { ...SHORT, requestTimeout: 5_000, idleTimeout: 200 }],
    ['that stops within its headers', 'GET /metrics HTTP/1.1\r\nhost: x\r\n', SHORT],
    [
      'that stops within its body',
      'GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc',
      { ...SHORT, keepAliveTimeout: 100 },
    ],
    [
      'that sends nothing after its response',
      'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
      { ...SHORT, keepAliveTimeout: 100 },
    ],
  ])('%s', async (_says, first, limits) => {
    const socket = await open(await start({ limits }), first);
    socket.resume();
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });

  it('that does not read its response', async () => {
    const port = await start({ registry: large(), limits: SHORT });
    const socket = await open(port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    socket.pause();
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000);
    });
    // It was cut off: what is in the buffers is all there is.
    expect((await text(socket).catch(() => '')).length).toBeLessThan(50_000_000);
  });

  it('that is idle while there is one connection too many', async () => {
    const port = await start({ limits: { maxConnections: 2 } });
    const sockets = [await open(port), await open(port)];
    expect((await ask(port, '/healthz')).status).toBe(200);
    await eventually('the one that idled longest is closed', () => (sockets[0]?.resume().closed ? true : undefined));
    expect(sockets[1]?.destroyed).toBe(false);
    for (const socket of sockets) socket.destroy();
  });
});

describe('close', () => {
  it('closes idle connections at once', async () => {
    const server = createMetricsServer({ registry: new Registry(), checks: {}, log });
    const { port } = await server.listen(0, HOST);
    const socket = connect(port, HOST);
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await server.close(10_000);
    await closed;
    await expect(ask(port, '/healthz')).rejects.toThrow('fetch failed');
  });

  it('aborts a response that does not finish within the grace period', async () => {
    const registry = new Registry();
    const asked = Promise.withResolvers<void>();
    const collect = async (): Promise<void> => {
      asked.resolve();
      return Promise.withResolvers<void>().promise;
    };
    registry.registerMetric(new Gauge({ name: 'a', help: 'A', registers: [], collect }));
    const server = createMetricsServer({ registry, checks: {}, log });
    const { port } = await server.listen(0, HOST);
    const answer = ask(port, '/metrics').catch((error: unknown) => error);
    await asked.promise;
    const started = performance.now();
    await server.close(200);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await answer).toMatchObject({ message: 'fetch failed' });
  });

  it('does nothing before the start', async () => {
    await createMetricsServer({ registry: new Registry(), checks: {}, log }).close(10_000);
  });

  it('reports that its port is in use', async () => {
    const other = createServer().listen(0, HOST);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = createMetricsServer({ registry: new Registry(), checks: {}, log });
    await expect(server.listen(port, HOST)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.close(0);
    other.close();
  });
});
