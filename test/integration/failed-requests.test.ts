/** What a failure and a resume cost in requests: no more than their Jobs, their status and their events. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import { createApiClient, type ApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { createLog } from '../../shared/log.ts';
import { connect, kubeconfig, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { sequence } from '../support/sequences.ts';

let client: ApiClient;
let counted: ApiClient;
let namespace: Namespace;
let controller: Controller;
const requests: string[] = [];

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'failed-requests');
  counted = createApiClient(loadKubeConfig({ path: kubeconfig() }), {
    userAgent: 'sequentialjob-counted',
    observe: ({ method, path, status }) => {
      const resource = path.replace(/^.*\/namespaces\/[^/]+\//, '').replace(/^([^/]+)\/[^/]+(\/status)?$/, '$1$2');
      requests.push(`${method} ${resource} ${status}`);
    },
  });
  const log = createLog({ level: 'silent', format: 'json' });
  controller = new Controller({ client: counted, log, namespace: namespace.name, workers: 4 });
  await controller.start();
}, 60_000);

afterAll(async () => {
  try {
    await namespace.remove();
  } finally {
    await controller.stop();
    await counted.close();
    await client.close();
  }
});

/** The requests since the last call, counted. */
function taken(): Readonly<Record<string, number>> {
  const groups = Map.groupBy(requests.splice(0), (request) => request);
  return Object.fromEntries([...groups].map(([request, list]) => [request, list.length]));
}

const untilEvents = (count: number): Promise<true> =>
  eventually(`${count} events`, async () => ((await namespace.events('counted')).length === count ? true : undefined));

describe('the requests of a sequence that fails', () => {
  it('are those of its steps, and at most one look for the Pods of the Job that failed', async () => {
    await eventually('all watches', () =>
      requests.filter((request) => request.startsWith('WATCH')).length === 4 ? true : undefined,
    );
    taken();
    await namespace.apply('counted', sequence(3, { 0: 'sleep 1', 1: 'echo gone; exit 3' }));
    await namespace.untilFinished('counted');
    await untilEvents(6);
    const { 'GET pods 200': looks = 0, ...others } = taken();
    expect(looks).toBeLessThanOrEqual(1);
    expect(others).toEqual({
      'POST jobs 201': 2,
      'PATCH sequentialjobs/status 200': 3, // the first start, its end with the second start, the failure
      'POST events 201': 6,
    });
  });

  it('and is resumed are those of the step that is run again', async () => {
    await namespace.patch('counted', { spec: { resume: 1 } });
    await namespace.until('counted', ({ status }) => status?.phase === 'Failed' && status.resumes === 1);
    await untilEvents(10);
    const { 'GET pods 200': looks = 0, ...others } = taken();
    expect(looks).toBeLessThanOrEqual(1);
    expect(others).toEqual({
      'POST jobs 201': 1,
      'PATCH sequentialjobs/status 200': 3, // the resume, before anything is started; the start; the failure
      'POST events 201': 4,
    });
  });
});
