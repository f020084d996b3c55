/** A status that the API server refuses as too large is cut and written again. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { FakeApi, jobPath, type Stored } from '../../support/fake-api.ts';
import { completed, container, failed, NAMESPACE, sequentialJob } from '../../support/objects.ts';
import { Process } from '../../support/process.ts';
import { failedPodOf, terminated } from '../../support/pods.ts';
import { toObservedPod } from '../../../controller/transform-pod.ts';

const NAMES = ['extract', 'transform', 'load'];
const LONG = 'm'.repeat(1000);
const STATUS_PATH = /\/sequentialjobs\/etl\/status$/;

const GRPC = 'rpc error: code = ResourceExhausted desc = trying to send';
/** How the servers that we know say it, and how they might. */
const REFUSALS: readonly (readonly [string, ApiError])[] = [
  [
    'etcd’s error for a large request (500)',
    new ApiError('ServerError', 'etcdserver: request is too large', { status: 500 }),
  ],
  [
    'the gRPC client’s error for a large message (500)',
    new ApiError('ServerError', `${GRPC} message larger than max (3 vs. 2)`, { status: 500 }),
  ],
  ['413', new ApiError('Unexpected', 'Request entity too large: limit is 3145728', { status: 413 })],
  ['422', new ApiError('Invalid', 'etcdserver: request is too large', { status: 422 })],
];

describe('a status that the API server rejects as too large', () => {
  let api: FakeApi;
  let current: Process;
  let limit: number;
  let refusal: ApiError;

  const stored = (): SequentialJob => api.sequentialJob(NAMESPACE, 'etl') as SequentialJob;
  const statusWrites = (): number => api.client.requests.filter(({ path }) => STATUS_PATH.test(path)).length;
  const told = (): readonly string[] => current.events.filter((reason) => reason === 'StatusTooLarge');

  beforeEach(() => {
    api = new FakeApi();
    limit = Infinity;
    [, refusal] = REFUSALS[0] as (typeof REFUSALS)[number];
    const steps = NAMES.map((name) => container(name, { onFailure: 'Continue' }));
    api.putSequentialJob(sequentialJob({ spec: { steps } }));
    api.intercept = ({ path, body }) =>
      STATUS_PATH.test(path) && JSON.stringify(body).length > limit ? { error: refusal, after: false } : undefined;
    current = new Process(api);
  });

  /** The Job of this step fails, and its Pod says a lot. */
  async function failStep(index: number): Promise<void> {
    const name = `etl-${index}-${NAMES[index]}`;
    const { metadata } = api.get(jobPath(NAMESPACE, name)) as Stored;
    const pod = failedPodOf(metadata, terminated(3, { message: LONG }));
    current.deps.pods.observe(toObservedPod(pod));
    api.setJobStatus(jobPath(NAMESPACE, name), { ...failed(), failed: 1 });
    current.sync();
    await current.settle();
  }

  it.each(REFUSALS)('is written again without the messages of the steps: %s', async (_says, error) => {
    refusal = error;
    await current.settle();
    limit = 1500;
    await failStep(0);
    expect(stored().status?.steps).toMatchObject([
      { state: 'Failed', exitCode: 3, reason: 'Error' },
      { state: 'Running' },
    ]);
    expect(stored().status?.steps?.[0]).not.toHaveProperty('message');
    expect(current.events.slice(-3)).toEqual(['StatusTooLarge', 'JobFailed', 'JobStarted']);
  });

  it('is truncated at once the next time, and one Event reports it', async () => {
    await current.settle();
    limit = 1500;
    await failStep(0);
    const before = statusWrites();
    await failStep(1);
    expect(statusWrites()).toBe(before + 1);
    expect(stored().status?.steps?.[1]).not.toHaveProperty('message');
    expect(told()).toHaveLength(1);
    await current.settle();
    expect(statusWrites()).toBe(before + 1);
  });

  it('is retried with backoff if it cannot be truncated further: one request per attempt, and no further step', async () => {
    await current.settle();
    limit = 10;
    await expect(failStep(0)).rejects.toThrow('it does not settle');
    expect(told()).toHaveLength(1);
    const before = statusWrites();
    await expect(current.reconcile()).rejects.toMatchObject({ message: 'etcdserver: request is too large' });
    // The second one is to tell of the trouble.
    expect(statusWrites()).toBe(before + 2);
    expect(told()).toHaveLength(1);
    expect(stored().status?.steps).toMatchObject([{ state: 'Running' }]);
    expect(api.jobs().length).toBeLessThanOrEqual(2);
  });

  it('starts no step while even the smallest status is rejected, for any state of the Jobs', async () => {
    await current.settle();
    limit = 10;
    await expect(failStep(0)).rejects.toThrow('it does not settle');
    const before = api.jobs().length;
    api.setJobStatus(jobPath(NAMESPACE, 'etl-1-transform'), { ...failed(), failed: 1 });
    current.sync();
    await expect(current.settle()).rejects.toThrow('it does not settle');
    expect(api.jobs()).toHaveLength(before);
    limit = Infinity;
    await current.settle();
    expect(stored().status?.steps?.map(({ state }) => state)).toEqual(['Failed', 'Failed', 'Running']);
  });

  it('does not cause a second run of a step whose Job was deleted meanwhile', async () => {
    limit = 10;
    await expect(current.settle()).rejects.toThrow('it does not settle');
    api.setJobStatus(jobPath(NAMESPACE, 'etl-0-extract'), { ...completed(), succeeded: 1 });
    // A new process does not know that no status is taken, and starts the next step.
    current = new Process(api);
    await expect(current.settle()).rejects.toThrow('it does not settle');
    expect(api.jobs().map(({ metadata }) => metadata.name)).toEqual(['etl-0-extract', 'etl-1-transform']);
    api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
    limit = Infinity;
    current = new Process(api);
    await current.settle();
    expect(api.jobs().map(({ metadata }) => metadata.name)).toEqual(['etl-1-transform']);
    expect(stored().status?.steps).toMatchObject([{ name: 'extract' }, { name: 'transform', state: 'Running' }]);
  });

  it('is not truncated if the write fails for another reason', async () => {
    await current.settle();
    refusal = new ApiError('ServerError', 'etcdserver: leader changed', { status: 500 });
    limit = 10;
    await expect(failStep(0)).rejects.toThrow('it does not settle');
    limit = Infinity;
    await current.settle();
    expect(stored().status?.steps?.[0]?.message).toBe(LONG);
    expect(told()).toEqual([]);
  });
});
