/** A whole namespace is deleted, with sequences in it: what nobody can write there any more is nothing that is lost. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Controller } from '../../controller/manager.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { ControllerMetrics } from '../../controller/metrics/index.ts';
import { connect, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { parseMetrics, valueOf } from '../support/metrics.ts';
import { type Line, recordingLog } from '../support/recording-log.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

const registry = new Registry();
let client: ApiClient;
let own: ApiClient;
let namespace: Namespace;
let controller: Controller;
let lines: Line[];

beforeAll(async () => {
  client = connect();
  own = connect();
  namespace = await Namespace.create(client, 'deleted');
  const recording = recordingLog();
  ({ lines } = recording);
  const metrics = new ControllerMetrics(registry);
  controller = new Controller({ client: own, log: recording.log, namespace: namespace.name, workers: 4, metrics });
  await controller.start();
}, 60_000);

afterAll(async () => {
  await controller.stop();
  await own.close();
  await client.close();
});

it('sequences go with it, and no event counts as lost: no alert comes of that', async () => {
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) await namespace.apply(name, sequence(2, { 0: FOREVER }));
  for (const name of names) await namespace.untilRunning(name, 0);
  const path = `/api/v1/namespaces/${namespace.name}`;
  await client.request({ method: 'DELETE', path });
  await eventually(
    'the end of the namespace',
    async () => {
      try {
        await client.request({ method: 'GET', path });
      } catch (error) {
        if (isApiError(error, 'NotFound')) return true;
        throw error;
      }
      return undefined;
    },
    90,
  );
  const cleaned = lines.filter(({ reason }) => reason === 'CleanedUp').map((line) => line['sequentialJob']);
  expect(new Set(cleaned)).toEqual(new Set(names.map((name) => `${namespace.name}/${name}`)));
  await controller.stop();
  expect(lines.filter(({ msg }) => msg.includes('event dropped'))).toEqual([]);
  expect(valueOf(parseMetrics(await registry.metrics()), 'sequentialjob_events_dropped_total')).toBe(0);
}, 180_000);
