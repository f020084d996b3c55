/** What the controller asks of the API server, counted: few writes, no reads. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import { createApiClient, type ApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { createLog } from '../../shared/log.ts';
import { BYPASSED } from '../support/admission.ts';
import { connect, kubeconfig, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { sequence } from '../support/sequences.ts';

const STEPS = 4;

/** What every sequence costs. */
const PER_SEQUENCE = {
  'POST jobs 201': STEPS,
  'PATCH sequentialjobs/status 200': STEPS + 1, // one a step, and the end
  'POST events 201': 2 * STEPS + 2, // a start and an end for each step and for the sequence
};

/** The finalizer, and the record of a spec that no webhook has seen. */
const BROUGHT = { 'PATCH sequentialjobs 200': 1, 'POST controllerrevisions 201': 1 };

describe.each([
  ['with the webhook, which brings the finalizer', {}, PER_SEQUENCE],
  ['without the webhook', BYPASSED, { ...PER_SEQUENCE, ...BROUGHT }],
])('the requests of a sequence %s', (_where, labels, expected) => {
  let client: ApiClient;
  let counted: ApiClient;
  let namespace: Namespace;
  let controller: Controller;
  const requests: string[] = [];

  beforeAll(async () => {
    client = connect();
    namespace = await Namespace.create(client, 'requests', labels);
    counted = createApiClient(loadKubeConfig({ path: kubeconfig() }), {
      userAgent: 'sequentialjob-counted',
      observe: ({ method, path, status }) => {
        const resource = path.replace(/^.*\/namespaces\/[^/]+\//, '').replace(/^([^/]+)\/[^/]+(\/status)?$/, '$1$2');
        requests.push(`${method} ${resource} ${status}`);
      },
    });
    controller = new Controller({
      client: counted,
      log: createLog({ level: 'silent', format: 'json' }),
      namespace: namespace.name,
      workers: 4,
    });
    await controller.start();
  }, 60_000);

  afterAll(async () => {
    await namespace.remove();
    await controller.stop();
    await counted.close();
    await client.close();
  });

  it('are one Job and one status write a step, the events, and nothing else', async () => {
    await eventually('its four watches', () =>
      requests.filter((request) => request.startsWith('WATCH')).length === 4 ? true : undefined,
    );
    requests.length = 0;
    await namespace.apply('counted', sequence(STEPS, { 0: 'sleep 1' }));
    await namespace.untilFinished('counted');
    await eventually('the last event', async () =>
      (await namespace.events('counted')).length === 2 * STEPS + 2 ? true : undefined,
    );
    const counts = Object.groupBy(requests, (request) => request);
    const numbers = Object.entries(counts).map(([request, list]) => [request, list?.length] as const);
    expect(Object.fromEntries(numbers)).toEqual(expected);
  });
});
