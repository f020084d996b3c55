/** A quota of Jobs that is full holds a sequence up, whoever filled it, and fails nothing; it goes on when there is room. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { changeLimit, limit, QUOTA } from '../support/quota.ts';
import { sequence, step } from '../support/sequences.ts';

const here = withController('quota');

/** In seconds: at first it is tried every 5 s. */
const SOON = 30;

/** In seconds: in the end it is tried every 30 s. */
const SOONER_THAN_BY_ITSELF = 20;

const untilHeld = (name: string, index: number): Promise<SequentialJob> =>
  here.namespace.until(name, ({ status }) => {
    const { status: is, reason } = getCondition(status?.conditions, 'ResourcesUnavailable') ?? {};
    return is === 'True' && reason === 'QuotaExceeded' && status?.progress?.currentIndex === index;
  });

const deleteJob = (name: string): Promise<string> => kubectl('delete', 'job', name, '-n', here.namespace.name);

describe('a quota that the finished Job of another sequence fills', () => {
  it('is waited for before the first step, in the API server’s words', async () => {
    await here.namespace.apply('before', sequence(1));
    await here.namespace.untilFinished('before');
    await limit('jobs', here.namespace, 1);
    await here.namespace.apply('held', sequence(2));
    const { status } = await untilHeld('held', 0);
    const message = getCondition(status?.conditions, 'ResourcesUnavailable')?.message;
    expect(message).toContain(QUOTA);
    expect(message).toContain('count/jobs.batch');
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ResourcesUnavailable',
      message: `Step 0 (s0) cannot start: ${message}`,
    });
    expect(getCondition(status?.conditions, 'Failed')?.status).toBe('False');
    expect(status?.phase).toBe('Pending');
    expect(await here.namespace.jobNames('held')).toEqual([]);
  });

  it('does not let the sequence start: its spec may still change', async () => {
    expect((await here.namespace.get('held')).status?.startTime).toBeUndefined();
    await here.namespace.patch('held', { spec: { containers: [step('renamed'), step('s1')] } });
    const { status } = await here.namespace.until('held', (object) => object.status?.observedGeneration === 2);
    expect(status?.progress?.currentStep).toBe('renamed');
  });

  it('has room again when that Job is deleted, and the first step runs; then the sequence’s own is in the way', async () => {
    await deleteJob('before-0-s0');
    const { status } = await here.namespace.until(
      'held',
      (object) => object.status?.progress?.completedIndices.length === 1,
      SOON,
    );
    expect(status?.startTime).toBeDefined();
    const held = await untilHeld('held', 1);
    expect(held.status).toMatchObject({ phase: 'Running', progress: { completedIndices: [0] } });
    const condition = getCondition(held.status?.conditions, 'ResourcesUnavailable');
    expect(condition?.message).toMatch(/; finished Jobs count against the quota, 1 Job of this sequence among them$/);
    expect(await here.namespace.jobNames('held')).toEqual(['held-0-renamed']);
  });

  it('lets the sequence go on by itself when it is raised', async () => {
    await changeLimit('jobs', here.namespace, 2);
    const { status } = await here.namespace.untilFinished('held', SOON);
    expect(status).toMatchObject({ phase: 'Completed', progress: { completedIndices: [0, 1] } });
    expect(getCondition(status?.conditions, 'ResourcesUnavailable')?.status).toBe('False');
  });
});

describe('two sequences that have waited for an hour', () => {
  /** As if the status had said so for that long: from then on it is tried every 30 s by itself. */
  async function age(name: string): Promise<void> {
    const { status } = await untilHeld(name, 0);
    const lastTransitionTime = new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+/, '');
    const conditions = status?.conditions?.map((one) =>
      one.type === 'ResourcesUnavailable' ? Object.assign({}, one, { lastTransitionTime }) : one,
    );
    await here.client.request({
      method: 'PATCH',
      path: objectPath(SEQUENTIAL_JOBS, here.namespace.name, name, 'status'),
      contentType: 'application/merge-patch+json',
      body: { status: { conditions } },
    });
  }

  it('go on one after the other, each as soon as a Job is deleted', async () => {
    const names = ['long', 'longer'];
    for (const name of names) {
      await here.namespace.apply(name, sequence(1));
      await age(name);
    }
    for (const [done, job] of ['held-0-renamed', 'held-1-s1'].entries()) {
      await deleteJob(job);
      await eventually(
        `${done + 1} of them to complete`,
        async () => {
          const phases = await Promise.all(names.map(async (name) => (await here.namespace.get(name)).status?.phase));
          return phases.filter((phase) => phase === 'Completed').length === done + 1;
        },
        SOONER_THAN_BY_ITSELF,
      );
    }
  });
});
