/** `attempts` is the number of Pods that a step has had, also of those that its Job does not count. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { PODS } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { gated, sequence, waitsOrStops } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('attempts');
const { namespace } = here;

const attempts = ({ status }: SequentialJob): readonly unknown[] => (status?.steps ?? []).map((step) => step.attempts);

/** The name of a running Pod that is not being deleted and is none of these. */
async function untilPodRuns(name: string, ...others: readonly string[]): Promise<string> {
  return eventually(`a new Pod of ${name}`, async () => {
    const pods = await namespace.pods(name);
    return pods.find(
      ({ metadata, status }) =>
        status.phase === 'Running' && metadata.deletionTimestamp === undefined && !others.includes(metadata.name),
    )?.metadata.name;
  });
}

async function start(name: string): Promise<void> {
  const scripts = { 0: waitsOrStops(name) };
  await namespace.apply(name, gated(here.folder, sequence(2, scripts, { job: { backoffLimit: 3 } })));
  await namespace.untilRunning(name, 0);
}

describe('attempts', () => {
  it.each([
    ['the same controller', 'deleted', false],
    ['a restarted controller', 'again', true],
  ])('counts a Pod that was deleted and replaced, with %s', async (_controller, name, isRestarted) => {
    await start(name);
    const first = await untilPodRuns(name);
    await namespace.deleteObject(PODS, first);
    await untilPodRuns(name, first);
    await namespace.until(name, (object) => attempts(object)[0] === 2);
    if (isRestarted) await here.restart();
    await here.open(name);
    expect(attempts(await namespace.untilFinished(name))).toEqual([2, 1]);
  });
});

onServersWhere(suspendsJobs)('attempts of a step that is suspended', () => {
  it('counts the Pods that suspensions delete', async () => {
    await start('suspended');
    const seen: string[] = [];
    for (let times = 0; times < 2; times++) {
      seen.push(await untilPodRuns('suspended', ...seen));
      await namespace.setSuspend('suspended', true);
      await namespace.untilPhase('suspended', 'Suspended');
      await namespace.setSuspend('suspended', false);
    }
    await untilPodRuns('suspended', ...seen);
    await here.open('suspended');
    expect(attempts(await namespace.untilFinished('suspended'))).toEqual([3, 1]);
  });
});
