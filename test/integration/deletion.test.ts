/** Deletion: the Jobs and their Pods go first, whatever state the sequence and the controller are in. */
import { describe, expect, it } from '@jest/globals';
import { kubeconfig, kubectl, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

const here = withController('deletion');

async function untilRunning(name: string, index: number): Promise<void> {
  await here.namespace.until(name, ({ status }) => status?.steps?.[index]?.state === 'Running');
  await eventually('its Pod', async () => (await here.namespace.podNames()).length > 0);
}

async function expectNothingLeft(): Promise<void> {
  expect(await here.namespace.jobNames()).toEqual([]);
  await eventually('no Pods', async () => (await here.namespace.podNames()).length === 0);
}

describe('deleting a sequence', () => {
  it.each(['Background', 'Foreground'] as const)(
    'takes Jobs and Pods along while a step runs (%s)',
    async (cascade) => {
      await here.namespace.apply('running', sequence(3, { 1: FOREVER }));
      await untilRunning('running', 1);
      await here.namespace.delete('running', cascade);
      await here.namespace.untilGone('running', 30);
      await expectNothingLeft();
    },
  );

  it('takes them along when it has completed', async () => {
    await here.namespace.apply('complete', sequence(2));
    await here.namespace.untilFinished('complete');
    await kubectl('delete', 'sj', 'complete', '-n', here.namespace.name, '--timeout=30s');
    await expectNothingLeft();
  });

  it('waits for the controller when that is down, and then leaves nothing', async () => {
    await here.namespace.apply('unattended', sequence(2, { 0: FOREVER }));
    await untilRunning('unattended', 0);
    await here.crash();
    await here.namespace.delete('unattended');
    const { metadata } = await here.namespace.get('unattended');
    expect(metadata.finalizers).toEqual(['batch.example.com/sequentialjob-cleanup']);
    await here.restart();
    await here.namespace.untilGone('unattended', 30);
    await expectNothingLeft();
  });

  it('works when the Jobs are gone already', async () => {
    await here.namespace.apply('bare', sequence(2));
    await here.namespace.untilFinished('bare');
    await kubectl('delete', 'jobs', '--all', '-n', here.namespace.name);
    await here.namespace.delete('bare');
    await here.namespace.untilGone('bare', 30);
    await expectNothingLeft();
  });

  it('leaves the Jobs alone when it is told to orphan them', async () => {
    await here.namespace.apply('orphaning', sequence(1));
    await here.namespace.untilFinished('orphaning');
    await here.namespace.delete('orphaning', 'Orphan');
    await here.namespace.untilGone('orphaning', 30);
    const jobs = await here.namespace.jobs();
    expect(jobs.map((job) => job.metadata.name)).toEqual(['orphaning-0-s0']);
    expect(jobs[0]?.metadata.ownerReferences ?? []).toEqual([]);
    await kubectl('delete', 'jobs', '--all', '-n', here.namespace.name);
  });

  it('works with a here.namespace that is being deleted', async () => {
    const other = await Namespace.create(here.client, 'going');
    const theirs = await Operator.start(kubeconfig(), other.name);
    await other.apply('running', sequence(2, { 0: FOREVER }));
    await other.until('running', ({ status }) => status?.steps?.[0]?.state === 'Running');
    await other.remove();
    await other.untilGone('running', 60);
    await theirs.end('SIGTERM');
  });

  it('fails the sequence when only the Job of the running step is deleted, and starts the step no second time', async () => {
    await here.namespace.apply('robbed', sequence(2, { 0: FOREVER }));
    await untilRunning('robbed', 0);
    await kubectl('delete', 'job', 'robbed-0-s0', '-n', here.namespace.name);
    const { status } = await here.namespace.untilFinished('robbed');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted', failedIndex: 0 } });
    expect(await here.namespace.jobNames('robbed')).toEqual([]);
  });

  it('sees that when it happened while the controller was down', async () => {
    await here.namespace.apply('robbed-unseen', sequence(2, { 0: FOREVER }));
    await untilRunning('robbed-unseen', 0);
    await here.crash();
    await kubectl('delete', 'job', 'robbed-unseen-0-s0', '-n', here.namespace.name);
    await here.restart();
    const { status } = await here.namespace.untilFinished('robbed-unseen');
    expect(status?.progress).toMatchObject({ failureReason: 'JobDeleted', failedIndex: 0 });
    expect(await here.namespace.jobNames('robbed-unseen')).toEqual([]);
  });
});
