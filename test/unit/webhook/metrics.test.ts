/** What the webhook counts, seen from its clients. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import supertest from 'supertest';
import { WebhookMetrics } from '../../../webhook/metrics.ts';
import { createApp, MUTATE_PATH, type Reviewer, VALIDATE_PATH } from '../../../webhook/app.ts';
import { eventually } from '../../support/eventually.ts';
import { parseMetrics } from '../../support/metrics.ts';
import { container } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionReview, written } from '../../support/reviews.ts';

const { log } = recordingLog();
const GOOD = admissionReview({ object: written({ containers: [container('a')] }) });
const BAD = admissionReview({ object: written({ containers: [] }) });

let registry: Registry;
let metrics: WebhookMetrics;
beforeEach(() => {
  registry = new Registry();
  metrics = new WebhookMetrics(registry, [MUTATE_PATH, VALIDATE_PATH]);
});

/** The samples of these families that are not 0, in the text's own form without the family. */
async function counted(...names: readonly string[]): Promise<readonly string[]> {
  const families = parseMetrics(await registry.metrics());
  return names.flatMap((name) =>
    (families.get(name)?.samples ?? [])
      .filter(({ value }) => value !== 0)
      .map(({ labels, value }) => `${Object.values(labels).join(' ')} ${value}`),
  );
}

const REQUESTS = 'controller_runtime_webhook_requests_total';
const VERDICTS = 'sequentialjob_webhook_verdicts_total';
const IN_FLIGHT = 'controller_runtime_webhook_requests_in_flight';

const broken: Reviewer = () => {
  throw new Error('a fault');
};

it.each<
  readonly [
    string,
    path: string,
    asked: readonly [body: object, Reviewer?],
    readonly [request: string, verdict?: string],
  ]
>([
  ['a valid object is counted as allowed', VALIDATE_PATH, [GOOD], ['200 1', 'allowed 1']],
  ['an object that gets defaults is counted as patched', MUTATE_PATH, [GOOD], ['200 1', 'patched 1']],
  ['an invalid object is counted as denied', VALIDATE_PATH, [BAD], ['200 1', 'denied 1']],
  [
    'a malformed request is counted as errored',
    VALIDATE_PATH,
    [{ ...GOOD, request: { uid: 'x' } }],
    ['200 1', 'errored 1'],
  ],
  ['an internal error is counted as errored', VALIDATE_PATH, [GOOD, broken], ['200 1', 'errored 1']],
  ['a body that is not an AdmissionReview is counted with code 400', VALIDATE_PATH, [{}], ['400 1']],
])('%s', async (_says, path, [body, reviewer], [request, verdict]) => {
  const app = createApp({ log, metrics, ...(reviewer === undefined ? {} : { reviewers: { [path]: reviewer } }) });
  await supertest(app).post(path).send(body);
  expect(await counted(REQUESTS)).toEqual([`${path} ${request}`]);
  expect(await counted(VERDICTS)).toEqual(verdict === undefined ? [] : [`${path} ${verdict}`]);
  expect(await counted(IN_FLIGHT)).toEqual([]);
  const latency = parseMetrics(await registry.metrics()).get('controller_runtime_webhook_latency_seconds');
  expect(latency?.samples.filter(({ name, value }) => name.endsWith('_count') && value === 1)).toHaveLength(1);
});

it('a request with a wrong method is counted; a request to another path, or a probe, is not', async () => {
  const app = createApp({ log, metrics });
  await supertest(app).get(VALIDATE_PATH);
  await supertest(app).post(`${VALIDATE_PATH}/below`);
  await supertest(app).get('/healthz');
  await supertest(app).get('/nowhere');
  expect(await counted(REQUESTS)).toEqual([`${VALIDATE_PATH} 405 1`]);
});

it('a request is in flight until it ends, even if its client disconnects', async () => {
  const server = createServer(createApp({ log, metrics })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asking = httpRequest({
    host: '127.0.0.1',
    port,
    path: VALIDATE_PATH,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': 100 },
  });
  asking.on('error', () => undefined);
  asking.write('{');
  await eventually('it is in flight', async () => ((await counted(IN_FLIGHT)).length > 0 ? true : undefined));
  expect(await counted(IN_FLIGHT, REQUESTS)).toEqual([`${VALIDATE_PATH} 1`]);
  asking.destroy();
  await eventually('it is over', async () => ((await counted(IN_FLIGHT)).length === 0 ? true : undefined));
  expect(await counted(REQUESTS, VERDICTS)).toEqual([`${VALIDATE_PATH} 499 1`]);
  server.close();
});
