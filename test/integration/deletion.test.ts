/** Deletion: the Jobs and their Pods go first, whatever state the sequence and the controller are in. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubeconfig, kubectl, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

let client: ApiClient;
let namespace: Namespace;
let operator: Operator;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'deletion');
  operator = await Operator.start(kubeconfig(), namespace.name);
}, 60_000);

afterAll(async () => {
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.close();
});

async function untilRunning(name: string, index: number): Promise<void> {
  await namespace.until(name, ({ status }) => status?.steps?.[index]?.state === 'Running');
  await eventually('its Pod', async () => ((await namespace.podNames()).length > 0 ? true : undefined));
}

async function expectNothingLeft(): Promise<void> {
  expect(await namespace.jobNames()).toEqual([]);
  await eventually('no Pods', async () => ((await namespace.podNames()).length === 0 ? true : undefined));
}

describe('deleting a sequence', () => {
  it.each(['Background', 'Foreground'] as const)(
    'takes Jobs and Pods along while a step runs (%s)',
    async (cascade) => {
      await namespace.apply('running', sequence(3, { 1: FOREVER }));
      await untilRunning('running', 1);
      await namespace.delete('running', cascade);
      await namespace.untilGone('running', 30);
      await expectNothingLeft();
    },
  );

  it('takes them along when it has completed', async () => {
    await namespace.apply('complete', sequence(2));
    await namespace.untilFinished('complete');
    await kubectl('delete', 'sj', 'complete', '-n', namespace.name, '--timeout=30s');
    await expectNothingLeft();
  });

  it('waits for the controller when that is down, and then leaves nothing', async () => {
    await namespace.apply('unattended', sequence(2, { 0: FOREVER }));
    await untilRunning('unattended', 0);
    await operator.end('SIGKILL');
    await namespace.delete('unattended');
    const { metadata } = await namespace.get('unattended');
    expect(metadata.finalizers).toEqual(['batch.example.com/sequentialjob-cleanup']);
    operator = await Operator.start(kubeconfig(), namespace.name);
    await namespace.untilGone('unattended', 30);
    await expectNothingLeft();
  });

  it('works when the Jobs are gone already', async () => {
    await namespace.apply('bare', sequence(2));
    await namespace.untilFinished('bare');
    await kubectl('delete', 'jobs', '--all', '-n', namespace.name);
    await namespace.delete('bare');
    await namespace.untilGone('bare', 30);
    await expectNothingLeft();
  });

  it('leaves the Jobs alone when it is told to orphan them', async () => {
    await namespace.apply('orphaning', sequence(1));
    await namespace.untilFinished('orphaning');
    await namespace.delete('orphaning', 'Orphan');
    await namespace.untilGone('orphaning', 30);
    const jobs = await namespace.jobs();
    expect(jobs.map((job) => job.metadata.name)).toEqual(['orphaning-0-s0']);
    expect(jobs[0]?.metadata.ownerReferences ?? []).toEqual([]);
    await kubectl('delete', 'jobs', '--all', '-n', namespace.name);
  });

  it('works with a namespace that is being deleted', async () => {
    const other = await Namespace.create(client, 'going');
    const theirs = await Operator.start(kubeconfig(), other.name);
    await other.apply('running', sequence(2, { 0: FOREVER }));
    await other.until('running', ({ status }) => status?.steps?.[0]?.state === 'Running');
    await other.remove();
    await other.untilGone('running', 60);
    await theirs.end('SIGTERM');
  });

  it('fails the sequence when only the Job of the running step is deleted, and starts the step no second time', async () => {
    await namespace.apply('robbed', sequence(2, { 0: FOREVER }));
    await untilRunning('robbed', 0);
    await kubectl('delete', 'job', 'robbed-0-s0', '-n', namespace.name);
    const { status } = await namespace.untilFinished('robbed');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted', failedIndex: 0 } });
    expect(await namespace.jobNames('robbed')).toEqual([]);
  });

  it('sees that when it happened while the controller was down', async () => {
    await namespace.apply('robbed-unseen', sequence(2, { 0: FOREVER }));
    await untilRunning('robbed-unseen', 0);
    await operator.end('SIGKILL');
    await kubectl('delete', 'job', 'robbed-unseen-0-s0', '-n', namespace.name);
    operator = await Operator.start(kubeconfig(), namespace.name);
    const { status } = await namespace.untilFinished('robbed-unseen');
    expect(status?.progress).toMatchObject({ failureReason: 'JobDeleted', failedIndex: 0 });
    expect(await namespace.jobNames('robbed-unseen')).toEqual([]);
  });
});
