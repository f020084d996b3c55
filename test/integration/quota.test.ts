/** A full quota of Jobs holds a sequence up, whoever filled it, and fails nothing; the sequence goes on when there is room. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { condition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { changeLimit, limit, QUOTA } from '../support/quota.ts';
import { sequence, step } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const { namespace } = withController('quota');

/** In seconds: at first a Job is tried every 5 s. */
const SOON = 30;
/** In seconds: in the end a Job is tried every 30 s. */
const BEFORE_NEXT_TRY = 20;

async function untilHeld(name: string, index: number): Promise<SequentialJob> {
  await namespace.untilCondition(name, 'ResourcesUnavailable', 'QuotaExceeded');
  return namespace.until(
    name,
    (one) => condition(one, 'ResourcesUnavailable')?.status === 'True' && one.status?.progress?.currentIndex === index,
  );
}

describe('a quota that is exhausted by the finished Job of another sequence', () => {
  it('blocks the first step, with the message of the API server', async () => {
    await namespace.apply('before', sequence(1));
    await namespace.untilFinished('before');
    await limit('jobs', namespace, 1);
    await namespace.apply('held', sequence(2));
    const held = await untilHeld('held', 0);
    const message = condition(held, 'ResourcesUnavailable')?.message ?? '';
    expect(message).toContain(QUOTA);
    expect(message).toContain('count/jobs.batch');
    expect(condition(held, 'Progressing')).toMatchObject({ status: 'False', reason: 'ResourcesUnavailable' });
    expect(condition(held, 'Progressing')?.message).toContain(message);
    expect(condition(held, 'Failed')?.status).toBe('False');
    expect(held.status?.phase).toBe('Pending');
    expect(await namespace.jobNames('held')).toEqual([]);
  });

  it('prevents the sequence from starting, so its spec is mutable', async () => {
    expect((await namespace.get('held')).status?.startTime).toBeUndefined();
    await namespace.patch('held', { spec: { steps: [step('renamed'), step('s1')] } });
    expect((await namespace.untilObserved('held', 2)).status?.progress?.currentStep).toBe('renamed');
  });

  it('admits the first step when that Job is deleted; then the Job of this sequence uses the quota', async () => {
    await namespace.deleteObject(JOBS, 'before-0-s0');
    await namespace.until('held', ({ status }) => status?.progress?.completedIndices.length === 1, SOON);
    const held = await untilHeld('held', 1);
    expect(held.status).toMatchObject({ phase: 'Running', progress: { completedIndices: [0] } });
    expect(held.status?.startTime).toBeDefined();
    expect(condition(held, 'ResourcesUnavailable')?.message).toContain('1 Job of this sequence among them');
    expect(await namespace.jobNames('held')).toEqual(['held-0-renamed']);
  });

  it('admits the sequence when it is raised', async () => {
    await changeLimit('jobs', namespace, 2);
    expect((await namespace.untilCompleted('held', SOON)).progress?.completedIndices).toEqual([0, 1]);
    expect(condition(await namespace.get('held'), 'ResourcesUnavailable')?.status).toBe('False');
  });
});

describe('two sequences that have waited for an hour', () => {
  /** Changes the status as if it had been so for an hour: a Job is then tried every 30 s. */
  async function age(name: string): Promise<void> {
    const { status } = await untilHeld(name, 0);
    const lastTransitionTime = new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+/, '');
    const conditions = status?.conditions?.map((one) =>
      one.type === 'ResourcesUnavailable' ? Object.assign({}, one, { lastTransitionTime }) : one,
    );
    await namespace.setStatus(name, { conditions });
  }

  it('continue one after the other, each as soon as a Job is deleted', async () => {
    const names = ['long', 'longer'];
    for (const name of names) {
      await namespace.apply(name, sequence(1));
      await age(name);
    }
    const completed = async (): Promise<number> => {
      const objects = await Promise.all(names.map((name) => namespace.get(name)));
      return objects.filter(({ status }) => status?.phase === 'Completed').length;
    };
    for (const [i, job] of ['held-0-renamed', 'held-1-s1'].entries()) {
      await namespace.deleteObject(JOBS, job);
      await eventually(`${i + 1} completed`, async () => (await completed()) === i + 1, BEFORE_NEXT_TRY);
    }
  });
});
