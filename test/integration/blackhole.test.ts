/** A network that drops what is sent, between a controller and a real API server: connections are not refused, but never made. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { Controller } from '../../controller/manager.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { sleep } from '../../shared/sleep.ts';
import { connect, kubeconfig, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type Line, recordingLog } from '../support/recording-log.ts';
import { sequence } from '../support/sequences.ts';
import { type SlowLink, startSlowLink } from '../support/slow-link.ts';

/** Long enough for two connections that are not made (10 s each). */
const OUTAGE_MS = 22_000;
/** A connection that is being tried when the network is back, 5 s of backoff, and a busy machine. */
const BACK_S = 30;

let calm: ApiClient;
let link: SlowLink;
let client: ApiClient;
let namespace: Namespace;
let controller: Controller;
let lines: Line[];
/** Whole lists, as an informer asks for them. */
let lists: string[];

beforeAll(async () => {
  calm = connect();
  namespace = await Namespace.create(calm, 'blackhole');
  const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
  const direct = new URL(clusters[0]?.server ?? '');
  link = await startSlowLink(Number(direct.port));
  const config = new KubeConfig();
  const through = clusters.map((cluster) =>
    Object.assign({}, cluster, { server: `${direct.protocol}//${direct.hostname}:${link.port}` }),
  );
  config.loadFromOptions({ clusters: through, contexts, users, currentContext });
  const inner = createApiClient(config, { userAgent: 'sequentialjob-tests' });
  lists = [];
  client = {
    server: inner.server,
    stream: (request) => inner.stream(request),
    close: () => inner.close(),
    request: (request) => {
      if (request.method === 'GET' && request.query?.['limit'] === 500) lists.push(request.path);
      return inner.request(request);
    },
  };
  const recording = recordingLog();
  ({ lines } = recording);
  controller = new Controller({ client, log: recording.log, namespace: namespace.name, workers: 2 });
  await controller.start();
}, 60_000);

afterAll(async () => {
  link.isBlackhole = false;
  await namespace.remove();
  await controller.stop();
  await client.close();
  await calm.close();
  await link.close();
});

it('is lived through as a dead API server is: watches go on from where they were, and nothing is listed anew', async () => {
  await namespace.apply('before', sequence(1));
  await namespace.untilFinished('before');
  // Its watch of Pods, too.
  await sleep(500);
  lists.length = 0;
  lines.length = 0;
  link.isBlackhole = true;
  await namespace.apply('during', sequence(2));
  await sleep(OUTAGE_MS);
  const said = lines.filter(({ msg }) => msg === 'watch failed, will retry');
  expect(said.length).toBeGreaterThanOrEqual(4);
  for (const { retryMs } of said) expect(retryMs).toBeLessThanOrEqual(5_000);
  expect(said.some(({ err }) => /timeout/i.test(String(err)))).toBe(true);
  link.isBlackhole = false;
  const since = performance.now();
  await eventually('the sequence of meanwhile', async () => (await namespace.jobs('during')).length > 0, BACK_S);
  process.stderr.write(
    `  measured: its first Job ${((performance.now() - since) / 1000).toFixed(1)} s after the network is back\n`,
  );
  const { status } = await namespace.untilFinished('during');
  expect(status?.phase).toBe('Completed');
  expect(lists).toEqual([]);
}, 120_000);
