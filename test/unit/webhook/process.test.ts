/** The role `webhook` as a process: it needs a certificate and nothing else, and ends when it is told to. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { VALIDATE_PATH } from '../../../webhook/app.ts';
import { createAuthority, type Pair } from '../../support/certificates.ts';
import { container } from '../../support/objects.ts';
import { Operator } from '../../support/operator.ts';
import { webhookProcesses } from '../../support/webhook-process.ts';
import { admissionReview, REVIEW_UID, written } from '../../support/reviews.ts';

const BODY = JSON.stringify(admissionReview({ object: written({ containers: [container('a')] }) }));

interface Answer {
  readonly response: { readonly allowed: boolean };
}

const webhook = webhookProcesses();

/** A webhook that serves, and its port as the log says it. */
async function start(): Promise<{ operator: Operator; port: number }> {
  await webhook.issue();
  const operator = webhook.spawn();
  await operator.untilSays('webhook started');
  return { operator, port: portOf(operator) };
}

const portOf = (operator: Operator, started = 'webhook started'): number =>
  Number(new RegExp(`"port":(\\d+),"msg":"${started}"`).exec(operator.output)?.[1]);

const options = (port: number, more: RequestOptions): RequestOptions => ({
  host: '127.0.0.1',
  port,
  ca: webhook.authority.ca,
  agent: false,
  ...more,
});

/** The answer to a review. */
async function post(port: number, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asking = request(options(port, { path: VALIDATE_PATH, method: 'POST', headers })).end(body);
  const [response] = await once(asking, 'response');
  return text(response);
}

async function get(port: number, path: string): Promise<readonly [number | undefined, string]> {
  const asking = request(options(port, { path })).end();
  const [response] = await once(asking, 'response');
  return [response.statusCode, await text(response)];
}

describe('run --role=webhook', () => {
  it('serves without a cluster, and exits with 0', async () => {
    const { operator, port } = await start();
    expect(await get(port, '/readyz')).toEqual([200, 'ok\n']);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(operator.output).toMatch(/"msg":"stopping"[^]*"msg":"stopped"/);
  });

  it('rejects objects in its own namespace, which a flag sets, and no others', async () => {
    await webhook.issue();
    const operator = webhook.spawn('--operator-namespace=team-b');
    await operator.untilSays('webhook started');
    const object = written({ containers: [container('a')] });
    const answers = ['team-a', 'team-b'].map(async (namespace) =>
      post(portOf(operator), JSON.stringify(admissionReview({ namespace, object }))),
    );
    expect((await Promise.all(answers)).map((one) => (JSON.parse(one) as Answer).response.allowed)).toEqual([
      true,
      false,
    ]);
  });

  it('waits for its certificate, and then serves', async () => {
    const operator = webhook.spawn();
    await operator.untilSays('waiting for the serving certificate');
    expect(operator.says('webhook started')).toBe(false);
    await webhook.issue();
    await operator.untilSays('webhook started');
    expect(await get(portOf(operator), '/healthz')).toEqual([200, 'ok\n']);
  });

  it('keeps serving for its shutdown delay after SIGTERM, with one last response on each connection', async () => {
    await webhook.issue();
    // The longest: the signal after the first cuts it short.
    const operator = webhook.spawn('--shutdown-delay=10');
    await operator.untilSays('webhook started');
    const port = portOf(operator);
    const ended = operator.end('SIGTERM');
    await operator.untilSays('"msg":"stopping"');
    const headers = { 'content-type': 'application/json' };
    const agent = new Agent({ keepAlive: true });
    const asking = request(options(port, { path: VALIDATE_PATH, method: 'POST', headers, agent })).end(BODY);
    const [response] = await once(asking, 'response');
    expect(JSON.parse(await text(response)).response).toEqual({ uid: REVIEW_UID, allowed: true });
    expect(response.headers.connection).toBe('close');
    expect(await get(port, '/readyz')).toEqual([503, 'not ready: webhook\n']);
    void operator.end('SIGTERM');
    expect(await ended).toEqual({ code: 1, signal: null });
    agent.destroy();
  });

  it('exits with 0 after its shutdown delay, or at once if it does not serve', async () => {
    const waiting = webhook.spawn('--shutdown-delay=10');
    await waiting.untilSays('waiting for the serving certificate');
    const at = Date.now();
    expect(await waiting.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - at).toBeLessThan(9_000);
    await webhook.issue();
    const serving = webhook.spawn('--shutdown-delay=1');
    await serving.untilSays('webhook started');
    const told = Date.now();
    expect(await serving.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - told).toBeGreaterThanOrEqual(1_000);
  });

  it('reports in one line that its port is in use, and exits with 1', async () => {
    const { port } = await start();
    const second = webhook.spawn(`--webhook-port=${port}`);
    expect(await second.exited()).toEqual({ code: 1, signal: null });
    expect(second.output).toContain(
      `sequentialjob: cannot serve the webhook on port ${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    );
    expect(second.output).not.toContain('    at ');
  });
});

describe('run --client-ca-file', () => {
  /** The status of an answer, or how it went otherwise. */
  async function review(port: number, pair: Partial<Pair>): Promise<number | string | undefined> {
    const headers = { 'content-type': 'application/json' };
    const asking = request(options(port, { path: VALIDATE_PATH, method: 'POST', headers, ...pair }));
    asking.end(BODY);
    const ended = await once(asking, 'response').then(
      ([response]) => response.resume().statusCode as number,
      () => 'no answer',
    );
    return ended;
  }

  it('accepts only clients with a certificate of that CA, reloads the CA, and needs no certificate on the health port', async () => {
    const [clients, later] = await Promise.all([createAuthority(), createAuthority()]);
    const [apiServer, kubelet, renewed] = await Promise.all([
      clients.issueClient('api-server'),
      clients.issueClient('system:node:x'),
      later.issueClient('api-server'),
    ]);
    const file = join(webhook.folder, 'client-ca.crt');
    await webhook.issue();
    const flags = [`--client-ca-file=${file}`, '--client-subjects=front-proxy,api-server'];
    const operator = webhook.spawn(...flags, '--health-port=0');
    await operator.untilSays(`ENOENT: no such file or directory, open '${file}'`);
    expect(operator.says('webhook started')).toBe(false);
    await writeFile(file, clients.ca);
    await operator.untilSays('webhook started');
    const port = portOf(operator);
    expect([await review(port, apiServer), await review(port, kubelet), await review(port, {})]).toEqual([
      200,
      'no answer',
      'no answer',
    ]);
    await writeFile(file, later.ca);
    await operator.untilSays('certificate reloaded');
    expect([await review(port, apiServer), await review(port, renewed)]).toEqual(['no answer', 200]);
    const health = await fetch(`http://127.0.0.1:${portOf(operator, 'health started')}/readyz/webhook`);
    expect([health.status, await health.text()]).toEqual([200, 'ok\n']);
    const reasons = [...operator.output.matchAll(/"reason":"([^"]*)","msg":"client refused"/g)].map(([, why]) => why);
    expect(reasons).toEqual([
      'certificate with another subject',
      'no certificate',
      expect.stringContaining('certificate not accepted'),
    ]);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('run, with both roles', () => {
  it('serves the webhook before the controller is ready, as the metrics port shows, and exits with 0', async () => {
    const operator = await startBoth('--metrics-port=0');
    expect(await get(portOf(operator, 'webhook started'), '/readyz')).toEqual([200, 'ok\n']);
    expect(await get(portOf(operator, 'webhook started'), '/healthz')).toEqual([200, 'ok\n']);
    const metrics = `http://127.0.0.1:${portOf(operator, 'metrics started')}`;
    const controller = await fetch(`${metrics}/readyz`);
    expect([controller.status, await controller.text()]).toEqual([
      503,
      'not ready: caches (sequentialjobs and jobs)\n',
    ]);
    expect((await fetch(`${metrics}/healthz`)).status).toBe(200);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('stops its webhook if its controller gives up', async () => {
    const operator = await startBoth('--startup-timeout=1');
    expect(await operator.exited()).toEqual({ code: 1, signal: null });
    expect(operator.output).toContain('sequentialjob: no answer from the API server at https://127.0.0.1:1 for 1 s');
  });
});

/** Both roles, with an API server that does not answer. */
async function startBoth(...more: readonly string[]): Promise<Operator> {
  await webhook.issue();
  const kubeconfig = join(webhook.folder, 'kubeconfig');
  const content = {
    'current-context': 'x',
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'x', user: { token: 'x' } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  };
  await writeFile(kubeconfig, JSON.stringify(content));
  const flags = [
    '--webhook-host=127.0.0.1',
    '--webhook-port=0',
    `--cert-dir=${webhook.folder}`,
    `--kubeconfig=${kubeconfig}`,
  ];
  const operator = Operator.spawn(['run', '--role=all', ...flags, ...more]);
  await operator.untilSays('webhook started');
  return operator;
}
