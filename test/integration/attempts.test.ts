/** `attempts` is the number of Pods that a step has had, also of those that its Job does not count. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { objectPath } from '../../shared/kube/resources.ts';
import { PODS } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { gated, sequence, waitsOrStops } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('attempts');

const attempts = ({ status }: SequentialJob): readonly (number | undefined)[] =>
  (status?.steps ?? []).map((step) => step.attempts);

/** The name of the only Pod that is not being deleted, once it runs and is not one of these. */
async function untilPodRuns(name: string, ...others: readonly string[]): Promise<string> {
  return eventually(`a new Pod of ${name} runs`, async () => {
    const pods = await here.namespace.pods(name);
    return pods.find(
      ({ metadata, status }) =>
        status.phase === 'Running' && metadata.deletionTimestamp === undefined && !others.includes(metadata.name),
    )?.metadata.name;
  });
}

async function deletePod(name: string): Promise<void> {
  await here.client.request({ method: 'DELETE', path: objectPath(PODS, here.namespace.name, name) });
}

async function start(name: string): Promise<void> {
  const scripts = { 0: waitsOrStops(name) };
  await here.namespace.apply(name, gated(here.folder, sequence(2, scripts, { backoffLimit: 3 })));
  await here.namespace.untilRunning(name, 0);
}

describe('attempts', () => {
  it('counts a Pod that was deleted and replaced, while the step runs and at its end', async () => {
    await start('deleted');
    const first = await untilPodRuns('deleted');
    await deletePod(first);
    await untilPodRuns('deleted', first);
    await here.namespace.until('deleted', (object) => attempts(object)[0] === 2);
    await here.open('deleted');
    expect(attempts(await here.namespace.untilFinished('deleted'))).toEqual([2, 1]);
  });

  it('stays as it is on record when the controller is started again', async () => {
    await start('again');
    const first = await untilPodRuns('again');
    await deletePod(first);
    await untilPodRuns('again', first);
    await here.namespace.until('again', (object) => attempts(object)[0] === 2);
    await here.crash();
    await here.restart();
    await here.open('again');
    expect(attempts(await here.namespace.untilFinished('again'))).toEqual([2, 1]);
  });
});

onServersWhere(suspendsJobs)('attempts of a step that is suspended', () => {
  it('counts the Pods that suspensions delete', async () => {
    await start('suspended');
    const seen: string[] = [];
    for (let times = 0; times < 2; times++) {
      seen.push(await untilPodRuns('suspended', ...seen));
      await here.namespace.patch('suspended', { spec: { suspend: true } });
      await here.namespace.untilPhase('suspended', 'Suspended');
      await here.namespace.patch('suspended', { spec: { suspend: false } });
    }
    await untilPodRuns('suspended', ...seen);
    await here.open('suspended');
    expect(attempts(await here.namespace.untilFinished('suspended'))).toEqual([3, 1]);
  });
});
