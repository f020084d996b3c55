/** In the operator's own namespace nothing is run: a Pod there could use its service account, which is an administrator in effect. */
import { describe, expect, it } from '@jest/globals';
import { reconcile } from '../../../controller/reconcile.ts';
import type { SequentialJobStatus } from '../../../shared/api/types.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { completed, NAMESPACE, observedJob, sequentialJob } from '../../support/objects.ts';
import { Process } from '../../support/process.ts';

/** A process whose own namespace is that one. */
class Operator extends Process {
  readonly #own: string | undefined;

  constructor(api: FakeApi, own: string | undefined) {
    super(api);
    this.#own = own;
  }

  override async reconcile(): Promise<number | undefined> {
    return (await reconcile(`${NAMESPACE}/etl`, { ...this.deps, ownNamespace: this.#own })).requeueAfterMs;
  }
}

const status = (api: FakeApi): SequentialJobStatus | undefined => api.sequentialJob(NAMESPACE, 'etl')?.status;
const reason = (api: FakeApi): string | undefined => status(api)?.progress?.failureReason;

async function settled(own: string | undefined, api = new FakeApi()): Promise<FakeApi> {
  if (api.sequentialJob(NAMESPACE, 'etl') === undefined) api.putSequentialJob(sequentialJob());
  await new Operator(api, own).settle();
  return api;
}

describe('a sequence in the operator’s own namespace', () => {
  it('fails, and gets neither a Job nor a startTime', async () => {
    const api = await settled(NAMESPACE);
    expect(reason(api)).toBe('ForbiddenNamespace');
    expect(status(api)?.phase).toBe('Failed');
    expect(status(api)?.startTime).toBeUndefined();
    expect(api.jobs()).toEqual([]);
  });

  it('stops if it has already started: the running step is terminated, and no other starts', async () => {
    const api = await settled(undefined);
    expect(status(api)?.steps).toMatchObject([{ state: 'Running' }]);
    await settled(NAMESPACE, api);
    expect(status(api)?.phase).toBe('Running');
    const [job] = api.jobs();
    api.putJob({ ...observedJob(0, { status: completed() }), metadata: job?.metadata ?? observedJob(0).metadata });
    await settled(NAMESPACE, api);
    expect(status(api)?.steps).toMatchObject([{ state: 'Succeeded' }]);
    expect(reason(api)).toBe('ForbiddenNamespace');
    expect(api.jobs()).toHaveLength(1);
  });
});

describe('a sequence in another namespace runs', () => {
  it.each([['team-b'], [undefined]])('if the operator’s namespace is %s', async (own) => {
    expect(status(await settled(own))?.steps).toMatchObject([{ state: 'Running' }]);
  });
});
