/** Metrics and probes of a process: there before everything else, and the last to go. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { VALIDATE_PATH } from '../../../webhook/app.ts';
import { writePair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { type Family, parseMetrics, valueOf } from '../../support/metrics.ts';
import type { Operator } from '../../support/operator.ts';
import { webhookProcesses } from '../../support/webhook-process.ts';

const EXPIRY = 'sequentialjob_webhook_certificate_expiry_timestamp_seconds';

const webhook = webhookProcesses();

/** An operator with metrics, and their address. */
async function start(): Promise<readonly [Operator, string]> {
  const operator = webhook.spawn('--metrics-port=0');
  await operator.untilSays('metrics started');
  const port = /"port":(\d+),"msg":"metrics started"/.exec(operator.output)?.[1];
  return [operator, `http://127.0.0.1:${port}`];
}

const scrape = async (url: string): Promise<ReadonlyMap<string, Family>> =>
  parseMetrics(await (await fetch(`${url}/metrics`)).text());

describe('run --metrics-port', () => {
  it('shows the progress of the startup, and the expiry of a renewed certificate', async () => {
    const [operator, url] = await start();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const waiting = await fetch(`${url}/readyz`);
    expect([waiting.status, await waiting.text()]).toEqual([503, 'not ready: webhook\n']);
    expect(valueOf(await scrape(url), EXPIRY)).toBe(0);
    for (const words of ['webhook started', 'certificate reloaded']) {
      const pair = await webhook.authority.issue();
      await writePair(webhook.folder, pair);
      await operator.untilSays(words);
      const expires = Date.parse(new X509Certificate(pair.cert).validTo) / 1000;
      await eventually(
        `${EXPIRY} is ${expires}`,
        async () => valueOf(await scrape(url), EXPIRY) === expires || undefined,
      );
    }
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('serves the metrics of the role and of the process', async () => {
    const [, url] = await start();
    const names = [...(await scrape(url)).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        'sequentialjob_build_info',
        'process_resident_memory_bytes',
        'nodejs_eventloop_lag_p99_seconds',
        'controller_runtime_webhook_requests_total',
      ]),
    );
    // There is no controller in this process.
    expect(names.filter((name) => /^(workqueue|rest_client|controller_runtime_reconcile)/.test(name))).toEqual([]);
  });

  it('serves until the process ends, so that the last review can be scraped', async () => {
    await webhook.issue();
    const [operator, url] = await start();
    await operator.untilSays('webhook started');
    const port = /"port":(\d+),"msg":"webhook started"/.exec(operator.output)?.[1];
    const headers = { 'content-type': 'application/json', 'content-length': 2 };
    const asking = request(`https://127.0.0.1:${port}${VALIDATE_PATH}`, {
      method: 'POST',
      ca: webhook.authority.ca,
      headers,
    });
    asking.write('{');
    const inFlight = async (): Promise<number> =>
      valueOf(await scrape(url), 'controller_runtime_webhook_requests_in_flight', { webhook: VALIDATE_PATH });
    await eventually('the review is in flight', async () => (await inFlight()) === 1 || undefined);
    const ended = operator.end('SIGTERM');
    await operator.untilSays('"msg":"stopping"');
    expect(await inFlight()).toBe(1);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const answered = once(asking, 'response');
    asking.end('}');
    const [response] = await answered;
    expect(response.statusCode).toBe(400);
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('and --health-port serve the probes: each response closes its connection, and each check has its own path', async () => {
    const operator = webhook.spawn('--health-port=0');
    await operator.untilSays('health started');
    const health = `http://127.0.0.1:${/"port":(\d+),"msg":"health started"/.exec(operator.output)?.[1]}`;
    const ask = async (path: string): Promise<readonly unknown[]> => {
      const response = await fetch(`${health}${path}`);
      return [response.status, response.headers.get('connection'), await response.text()];
    };
    expect(await ask('/healthz')).toEqual([200, 'close', 'ok\n']);
    expect(await ask('/readyz')).toEqual([503, 'close', 'not ready: webhook\n']);
    expect(await ask('/readyz/webhook')).toEqual([503, 'close', 'not ready: webhook\n']);
    expect((await ask('/metrics'))[0]).toBe(404);
    await webhook.issue();
    await operator.untilSays('webhook started');
    expect(await ask('/readyz/webhook')).toEqual([200, 'close', 'ok\n']);
    expect(operator.says('metrics started')).toBe(false);
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('a port in use is reported in one line, and the process exits', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const operator = webhook.spawn(`--metrics-port=${port}`, '--log-level=silent');
    expect(await operator.exited()).toEqual({ code: 1, signal: null });
    expect(operator.output).toMatch(
      new RegExp(`^sequentialjob: cannot serve metrics on port ${port}: .*EADDRINUSE.*\\n$`),
    );
    other.close();
  });
});
