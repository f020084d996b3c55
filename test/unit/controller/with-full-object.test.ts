import { describe, expect, it } from '@jest/globals';
import { type TrimmedSequentialJob, FullObjectCache } from '../../../controller/full-object-cache.ts';
import { toSequentialJob } from '../../../controller/transform.ts';
import { type FullObjectDeps, withFullObject } from '../../../controller/with-full-object.ts';
import type { Condition, SequentialJob } from '../../../shared/api/types.ts';
import { Cache, keyOf } from '../../../shared/kube/cache.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { container, NOW, sequentialJob } from '../../support/objects.ts';

const complete: Condition = { type: 'Complete', status: 'True', lastTransitionTime: NOW, reason: 'x', message: 'y' };

interface Made extends FullObjectDeps {
  readonly client: FakeClient;
}

function make(objects: FullObjectCache, answer: () => unknown): Made {
  const client = new FakeClient({ request: answer });
  return { client, objects, sequentialJobs: new Cache<SequentialJob>(undefined, (object) => objects.trim(object)) };
}

const object = sequentialJob();
const path = '/apis/batch.example.com/v1beta1/namespaces/team-a/sequentialjobs/etl';
const work = async (found: TrimmedSequentialJob | undefined): Promise<TrimmedSequentialJob | undefined> => found;

describe('a sequence whose full object is not in the informer cache', () => {
  it('is reconciled without a request if the full object is cached', async () => {
    const specs = new FullObjectCache({ maxBytes: 0 });
    const deps = make(specs, () => undefined);
    const status = { observedGeneration: object.metadata.generation ?? 0, conditions: [complete] };
    const kept = specs.trim({
      ...object,
      metadata: { ...object.metadata, generation: status.observedGeneration },
      status,
    });
    expect(await withFullObject(kept, deps, work)).toEqual({ isBusy: false, result: kept });
    expect(deps.client.requests).toEqual([]);
  });

  it('is fetched if its full object was evicted; the response goes into the full-object cache, within the budget', async () => {
    const specs = new FullObjectCache();
    const newer = { ...object, metadata: { ...object.metadata, resourceVersion: '99999' } };
    const deps = make(specs, () => newer);
    const kept = new FullObjectCache().trim(object);
    expect(await withFullObject(kept, deps, work)).toEqual({ isBusy: false, result: toSequentialJob(newer) });
    expect(deps.client.requests).toMatchObject([{ method: 'GET', path }]);
    expect(deps.sequentialJobs.get(keyOf(object))?.metadata.resourceVersion).toBe('99999');
    expect(specs.cachedBytes).toBeGreaterThan(0);
  });

  it.each<readonly [string, () => unknown]>([
    [
      'it was deleted',
      () => {
        throw new ApiError('NotFound', 'no');
      },
    ],
    ['another object has its name', () => ({ ...object, metadata: { ...object.metadata, uid: 'other' } })],
  ])('is not fetched if %s', async (_, answer) => {
    const specs = new FullObjectCache({ maxBytes: 0 });
    const result = await withFullObject(specs.trim(object), make(specs, answer), work);
    expect(result).toEqual({ isBusy: false, result: undefined });
  });

  it('waits if other fetched objects use up the budget, and continues when their reconciles have ended or failed', async () => {
    const specs = new FullObjectCache({ maxBytes: 0 });
    const deps = make(specs, () => object);
    const args = ['x'.repeat(40 * 1024 * 1024)];
    const huge = specs.trim({ ...object, spec: { steps: [container('load', { args })] } });
    const blocked = Promise.withResolvers<undefined>();
    const first = withFullObject(huge, deps, async () => blocked.promise);
    expect(await withFullObject(specs.trim(object), deps, work)).toEqual({ isBusy: true });
    blocked.reject(new Error('it failed'));
    await expect(first).rejects.toThrow('it failed');
    expect(await withFullObject(specs.trim(object), deps, work)).toEqual({
      isBusy: false,
      result: toSequentialJob(object),
    });
  });
});
