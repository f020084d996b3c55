/** Deletion: the Jobs and their Pods go first, whatever state the sequence, its namespace and the controller are in. */
import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { ControllerMetrics } from '../../controller/metrics/index.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { parseMetrics, valueOf } from '../support/metrics.ts';
import { recordingLog } from '../support/recording-log.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const here = withController('deletion');
const { namespace } = here;

async function expectNothingLeft(name: string): Promise<void> {
  await namespace.untilGone(name, 30);
  expect(await namespace.jobNames(name)).toEqual([]);
  await namespace.untilNoPods(name);
}

describe('deleting a sequence', () => {
  it.each(['Background', 'Foreground'] as const)('deletes Jobs and Pods while a step runs (%s)', async (cascade) => {
    await namespace.apply('running', sequence(3, { 1: FOREVER }));
    await namespace.untilRunning('running', 1);
    await namespace.delete('running', cascade);
    await expectNothingLeft('running');
  });

  it('deletes the Jobs of a completed sequence', async () => {
    await namespace.apply('complete', sequence(2));
    await namespace.untilFinished('complete');
    await kubectl('delete', 'sj', 'complete', '-n', namespace.name, '--timeout=30s');
    await expectNothingLeft('complete');
  });

  it('waits for a controller that is not running, and leaves nothing behind', async () => {
    await namespace.apply('unattended', sequence(2, { 0: FOREVER }));
    await namespace.untilRunning('unattended', 0);
    await here.crash();
    await namespace.delete('unattended');
    const { metadata } = await namespace.get('unattended');
    expect(metadata.finalizers).toEqual(['batch.example.com/sequentialjob-cleanup']);
    await here.restart();
    await expectNothingLeft('unattended');
  });

  it('works if the Jobs are already deleted', async () => {
    await namespace.apply('bare', sequence(2));
    await namespace.untilFinished('bare');
    await kubectl('delete', 'jobs', '--all', '-n', namespace.name);
    await namespace.delete('bare');
    await expectNothingLeft('bare');
  });
});

describe('deleting the Job of the running step', () => {
  it.each([
    ['while a controller runs', 'robbed', false],
    ['while no controller runs', 'robbed-unseen', true],
  ])('fails the sequence, and the step is not started a second time: %s', async (_when, name, isUnseen) => {
    await namespace.apply(name, sequence(2, { 0: FOREVER }));
    await namespace.untilRunning(name, 0);
    if (isUnseen) await here.crash();
    await namespace.deleteObject(JOBS, `${name}-0-s0`);
    if (isUnseen) await here.restart();
    const { status } = await namespace.untilFinished(name);
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted', failedIndex: 0 } });
    expect(await namespace.jobNames(name)).toEqual([]);
  });
});

describe('deleting the namespace', () => {
  const registry = new Registry();
  const { log, lines } = recordingLog();
  const metrics = new ControllerMetrics(registry);
  const { namespace: other, client } = withInProcessController('deleted', { log, metrics });

  it('deletes its sequences, and counts no Event as dropped, so that no alert fires', async () => {
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await other.apply(name, sequence(2, { 0: FOREVER }));
    for (const name of names) await other.untilRunning(name, 0);
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${other.name}` });
    await eventually('the end of the namespace', async () => !(await other.exists()), 90);
    const cleaned = lines.filter(({ reason }) => reason === 'CleanedUp').map((line) => line['sequentialJob']);
    expect(new Set(cleaned)).toEqual(new Set(names.map((name) => `${other.name}/${name}`)));
    expect(lines.filter(({ msg }) => msg.includes('event dropped'))).toEqual([]);
    expect(valueOf(parseMetrics(await registry.metrics()), 'sequentialjob_events_dropped_total')).toBe(0);
  }, 180_000);
});
