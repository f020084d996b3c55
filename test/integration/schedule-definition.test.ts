/** A cluster in which CronSequentialJobs are not installed, then installed, then gone: sequences run in all of it. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { dedicatedControlPlane } from '../support/dedicated-control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { Namespace } from '../support/namespace.ts';
import { recordingLog } from '../support/recording-log.ts';
import { everyMinute, Schedules } from '../support/scheduled.ts';
import { sequence } from '../support/sequences.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const FILE = join(ROOT, 'config/crd/batch.example.com_cronsequentialjobs.yaml');

const here = dedicatedControlPlane();
const clock = new VirtualClock();
const { log, lines } = recordingLog();
let client: ApiClient;
let namespace: Namespace;
let schedules: Schedules;
let controller: Controller;

const kubectl = async (...args: readonly string[]): Promise<string> => kubectlOf(here.plane)(...args);
const said = (text: string): number => lines.filter(({ msg }) => msg.includes(text)).length;

beforeAll(async () => {
  client = createApiClient(loadKubeConfig({ path: here.plane.kubeconfig }), { userAgent: 'sequentialjob-tests' });
  await kubectl('delete', '-f', FILE);
  namespace = await Namespace.create(client, 'definition');
  schedules = new Schedules(namespace, clock);
  controller = new Controller({ client, log, namespace: namespace.name, workers: 4, now: clock.now });
  await controller.start();
}, 60_000);

afterAll(async () => {
  await controller.stop();
  await client.close();
});

it('without the definition the controller is ready and sequences run; that is logged once', async () => {
  expect(controller.ready).toBe(true);
  await namespace.apply('before', sequence(2));
  await namespace.untilCompleted('before');
  await eventually(
    'some more tries',
    () => lines.filter(({ informer }) => informer === 'cronsequentialjobs').length > 3,
  );
  expect(said('CronSequentialJobs are not installed')).toBe(
    lines.filter(({ informer }) => informer === 'cronsequentialjobs').length,
  );
  expect(lines.filter(({ level, informer }) => informer === 'cronsequentialjobs' && level !== 'debug')).toHaveLength(1);
});

it('once it is installed, schedules start runs, without a restart', async () => {
  await kubectl('apply', '-f', FILE);
  await eventually('the informer', () => said('schedules synced') === 1);
  await schedules.apply('late', everyMinute());
  const run = await schedules.completeNext('late');
  expect(await namespace.jobNames(run)).toEqual([`${run}-0-s0`]);
});

it('when it is deleted, sequences run on, and nothing is an internal error', async () => {
  await kubectl('delete', '-f', FILE);
  await namespace.apply('after', sequence(1));
  await namespace.untilCompleted('after');
  expect(controller.ready).toBe(true);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});
