/** A network that drops packets between a controller and a real API server: connections are not refused, but never made. */
import { afterAll, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { sleep } from '../../shared/sleep.ts';
import { kubeconfig } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { intercept } from '../support/intercept.ts';
import { recordingLog } from '../support/recording-log.ts';
import { sequence } from '../support/sequences.ts';
import { type SlowLink, startSlowLink } from '../support/slow-link.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

/** Long enough for two connections that are not made (10 s each). */
const OUTAGE_MS = 22_000;
/** A connection that is being tried when the network is back, 5 s of backoff, and a busy machine. */
const BACK_S = 30;

let link: SlowLink;
/** Whole lists, as an informer asks for them. */
const lists: string[] = [];
const { log, lines } = recordingLog();

const { namespace } = withInProcessController('blackhole', {
  log,
  open: async () => {
    const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
    const direct = new URL(clusters[0]?.server ?? '');
    link = await startSlowLink(Number(direct.port));
    const server = `${direct.protocol}//${direct.hostname}:${link.port}`;
    const config = new KubeConfig();
    const through = clusters.map((cluster) => Object.assign({}, cluster, { server }));
    config.loadFromOptions({ clusters: through, contexts, users, currentContext });
    return intercept(createApiClient(config, { userAgent: 'sequentialjob-tests' }), (request, send) => {
      if (request.method === 'GET' && request.query?.['limit'] === 500) lists.push(request.path);
      return send();
    });
  },
});

afterAll(async () => link.close());

it('is handled like an unreachable API server: watches resume at their resourceVersion, without a new list', async () => {
  await namespace.apply('before', sequence(1));
  await namespace.untilFinished('before');
  // Its watch of Pods, too.
  await sleep(500);
  lists.length = 0;
  lines.length = 0;
  link.isBlackhole = true;
  try {
    await namespace.apply('during', sequence(2));
    await sleep(OUTAGE_MS);
    const failed = lines.filter(({ msg }) => msg === 'watch failed, will retry');
    expect(failed.length).toBeGreaterThanOrEqual(4);
    for (const { retryMs } of failed) expect(retryMs).toBeLessThanOrEqual(5_000);
    expect(failed.some(({ err }) => /timeout/i.test(String(err)))).toBe(true);
  } finally {
    link.isBlackhole = false;
  }
  await eventually('the first Job', async () => (await namespace.jobs('during')).length > 0, BACK_S);
  await namespace.untilCompleted('during');
  expect(lists).toEqual([]);
}, 120_000);
