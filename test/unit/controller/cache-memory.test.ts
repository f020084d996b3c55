/** What the caches keep in place of what arrives. */
import { describe, expect, it } from '@jest/globals';
import { Informers } from '../../../controller/informers.ts';
import type { ObservedJob } from '../../../shared/api/job.ts';
import type { Condition, ConditionType, SequentialJob } from '../../../shared/api/types.ts';
import { keyOf } from '../../../shared/kube/cache.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { completed, failed, NOW, observedJob, sequentialJob } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';

function informers(): Informers {
  return new Informers({
    client: new FakeClient({}),
    log: recordingLog().log,
    namespace: undefined,
    random: () => 1,
    enqueue: () => undefined,
    enqueueAfter: () => undefined,
    isStuck: () => false,
    onDeleted: () => undefined,
  });
}

const after = (type: ConditionType): SequentialJob => {
  const condition: Condition = { type, status: 'True', lastTransitionTime: NOW, reason: 'x', message: 'y' };
  return sequentialJob({ status: { conditions: [condition] } });
};

describe('the informer cache keeps a part of a SequentialJob', () => {
  it.each<readonly [string, SequentialJob]>([
    ['that has failed', after('Failed')],
    ['that runs', after('Progressing')],
    ['that is new', sequentialJob()],
  ])('of a sequence %s; its spec is in the full-object cache', (_says, object) => {
    const { sequentialJobs, objects } = informers();
    sequentialJobs.observe(deepFreeze(object));
    const kept = sequentialJobs.get(keyOf(object));
    expect(kept?.spec.steps).toEqual([]);
    expect(kept && objects.full(kept)).toStrictEqual(object);
  });

  it('and of a completed sequence, whose spec is not in the full-object cache', () => {
    const { sequentialJobs, objects } = informers();
    const object = after('Complete');
    sequentialJobs.observe(object);
    const kept = sequentialJobs.get(keyOf(object));
    expect(kept).toMatchObject({ metadata: object.metadata, status: object.status, spec: { steps: [] } });
    expect([kept && objects.full(kept), objects.cachedBytes]).toEqual([undefined, 0]);
  });
});

describe('the informer cache keeps a small copy of finished objects', () => {
  it.each<readonly [string, ObservedJob, boolean]>([
    ['a completed Job', observedJob(0, { status: completed() }), true],
    ['a failed Job', observedJob(0, { status: failed() }), true],
    ['a running Job', observedJob(0, { status: { active: 1 } }), false],
  ])('%s', (_says, job, isCopied) => {
    const { jobs } = informers();
    jobs.assume(deepFreeze(job));
    const kept = jobs.get(keyOf(job));
    expect(kept).toStrictEqual(job);
    expect(kept !== job).toBe(isCopied);
    expect(jobs.indexed(job.metadata.ownerReferences?.[0]?.uid ?? '')[0]).toBe(kept);
  });
});
