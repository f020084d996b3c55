/** An API server that refuses requests for a while: backoff, one Event, and then the work goes on. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ApiRequest } from '../../shared/kube/client.ts';
import { ApiError } from '../../shared/kube/errors.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { markUncertainWrite } from '../../shared/kube/uncertain-write.ts';
import { condition, connect } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { intercept } from '../support/intercept.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

/** The error of a request that is to fail. */
let refuse: (request: ApiRequest) => ApiError | undefined = () => undefined;
/** When Jobs were created, or tried to be. */
const posts: number[] = [];

const { namespace } = withInProcessController('trouble', {
  open: () =>
    intercept(connect(), async (request, send) => {
      if (isCreate(request)) posts.push(performance.now());
      const error = refuse(request);
      if (error !== undefined) throw markUncertainWrite(request, error);
      return send();
    }),
});

afterEach(() => {
  refuse = () => undefined;
  posts.length = 0;
});

/** Not the dry run of a preflight. */
const isCreate = ({ method, path, query }: ApiRequest): boolean =>
  method === 'POST' && path.endsWith('/jobs') && query?.['dryRun'] === undefined;

describe('a Job that the API server temporarily rejects', () => {
  it('is retried with a growing delay, is reported in the status and in one Event, and then runs', async () => {
    let port = 40_000;
    const message = (): string => `failed calling webhook: read tcp 10.0.0.5:${port++}->10.0.0.9:443: reset`;
    refuse = (request) => (isCreate(request) ? new ApiError('ServerError', message(), { status: 500 }) : undefined);
    await namespace.apply('stuck', sequence(1));
    await eventually('five tries', () => posts.length >= 5);
    const gaps = posts.slice(1).map((time, i) => time - (posts[i] ?? 0));
    // Half of 250 ms, doubled each time, is the least that the fourth delay can be.
    expect(Math.max(...gaps)).toBeGreaterThan(900);
    expect(gaps.every((gap, i) => gap >= 124 * 2 ** i)).toBe(true);

    expect(condition(await namespace.get('stuck'), 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'ReconciliationError',
      // Without the port, which is another one each time.
      message: 'failed calling webhook: read tcp 10.0.0.9:443: reset',
    });
    const events = async () =>
      (await namespace.events('stuck')).filter(({ reason }) => reason === 'ReconciliationFailed');
    await eventually('a counted Event', async () => ((await events())[0]?.count ?? 0) >= 3);
    expect(await events()).toHaveLength(1);

    refuse = () => undefined;
    await namespace.untilCompleted('stuck');
    expect(condition(await namespace.get('stuck'), 'Progressing')?.reason).toBe('SequenceCompleted');
  });

  it('is not retried before the Retry-After of the server', async () => {
    let refused = false;
    refuse = (request) => {
      if (!isCreate(request) || refused) return undefined;
      refused = true;
      return new ApiError('TooManyRequests', 'too many requests', { status: 429, retryAfterMs: 2000 });
    };
    await namespace.apply('patient', sequence(1));
    await namespace.untilFinished('patient');
    expect(posts).toHaveLength(2);
    expect((posts[1] ?? 0) - (posts[0] ?? 0)).toBeGreaterThanOrEqual(1990);
  });
});

describe('a running Job whose owner reference was removed', () => {
  it('is fetched periodically, so that its end is observed', async () => {
    await namespace.apply('disowned', sequence(2, { 0: 'sleep 3' }));
    await namespace.untilRunning('disowned', 0);
    await namespace.patchObject(JOBS, 'disowned-0-s0', { metadata: { ownerReferences: null } });
    await namespace.untilCompleted('disowned');
  });
});

describe('an edit between the creation of a Job and the status write that records it', () => {
  it('does not cause a second Job for the step', async () => {
    refuse = ({ path }) => (path.endsWith('/renamed/status') ? new ApiError('Timeout', 'no answer') : undefined);
    await namespace.apply('renamed', sequence(1, { 0: FOREVER }));
    await eventually('its Job', async () => (await namespace.jobs('renamed')).length > 0);
    const steps = sequence(1).steps.map((one) => Object.assign({}, one, { name: 'other' }));
    await namespace.patch('renamed', { spec: { steps } });
    refuse = () => undefined;
    const { status } = await namespace.untilPhase('renamed', 'Running');
    expect(status?.steps).toMatchObject([{ index: 0, name: 's0', jobName: 'renamed-0-s0' }]);
    expect(await namespace.jobNames('renamed')).toEqual(['renamed-0-s0']);
  });
});
