/** An API server that refuses for a while, as the controller lives it: backoff, one Event, and on with the work. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import { getCondition } from '../../shared/conditions.ts';
import type { ApiClient, ApiRequest } from '../../shared/kube/client.ts';
import { ApiError } from '../../shared/kube/errors.ts';
import { ofWrite } from '../../shared/kube/uncertain-write.ts';
import { createLog } from '../../shared/log.ts';
import { connect, kubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

let inner: ApiClient;
let namespace: Namespace;
let controller: Controller;
/** What a request comes to, where it is to fail. */
let refuse: (request: ApiRequest) => ApiError | undefined = () => undefined;
let posts: number[] = [];

beforeAll(async () => {
  inner = connect();
  namespace = await Namespace.create(inner, 'trouble');
  const client: ApiClient = {
    server: inner.server,
    stream: (request) => inner.stream(request),
    close: () => inner.close(),
    request: async (request) => {
      if (isCreate(request)) posts.push(performance.now());
      const error = refuse(request);
      if (error !== undefined) throw ofWrite(request, error);
      return inner.request(request);
    },
  };
  const log = createLog({ level: 'silent', format: 'json' });
  controller = new Controller({ client, log, namespace: namespace.name, workers: 4 });
  await controller.start();
}, 60_000);

afterAll(async () => {
  refuse = () => undefined;
  await namespace.remove();
  await controller.stop();
  await inner.close();
});

/** Not the dry run of a preflight. */
const isCreate = ({ method, path, query }: ApiRequest): boolean =>
  method === 'POST' && path.endsWith('/jobs') && query?.['dryRun'] === undefined;

describe('a Job that cannot be created for a while', () => {
  it('is tried with a growing delay, told of in the status and in one Event, and then runs', async () => {
    let port = 40_000;
    refuse = (request) =>
      isCreate(request)
        ? new ApiError('ServerError', `failed calling webhook: read tcp 10.0.0.5:${port++}->10.0.0.9:443: reset`, {
            status: 500,
          })
        : undefined;
    posts = [];
    await namespace.apply('stuck', sequence(1));
    await eventually('five tries', () => posts.length >= 5);
    const gaps = posts.slice(1).map((time, i) => time - (posts[i] ?? 0));
    // Half of 250 ms, doubled each time, is the least that the fourth delay can be.
    expect(Math.max(...gaps)).toBeGreaterThan(900);
    expect(gaps.every((gap, i) => gap >= 124 * 2 ** i)).toBe(true);

    const { status } = await namespace.get('stuck');
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'ReconciliationError',
      message: 'failed calling webhook: read tcp 10.0.0.9:443: reset',
    });
    const failed = await eventually('a counted Event', async () => {
      const events = (await namespace.events('stuck')).filter(({ reason }) => reason === 'ReconciliationFailed');
      return (events[0]?.count ?? 0) >= 3 ? events : undefined;
    });
    expect(failed).toHaveLength(1);

    refuse = () => undefined;
    const end = await namespace.untilFinished('stuck');
    expect(end.status?.phase).toBe('Completed');
    expect(getCondition(end.status?.conditions, 'Progressing')?.reason).toBe('SequenceCompleted');
  });

  it('is left alone for as long as the server asks', async () => {
    let refused = false;
    refuse = (request) => {
      if (!isCreate(request) || refused) return undefined;
      refused = true;
      return new ApiError('TooManyRequests', 'too many requests', { status: 429, retryAfterMs: 2000 });
    };
    posts = [];
    await namespace.apply('patient', sequence(1));
    await namespace.untilFinished('patient');
    expect(posts).toHaveLength(2);
    expect((posts[1] ?? 0) - (posts[0] ?? 0)).toBeGreaterThanOrEqual(1990);
  });
});

describe('a running Job whose owner reference somebody took off', () => {
  it('is asked for from time to time, and its end is seen', async () => {
    refuse = () => undefined;
    await namespace.apply('disowned', sequence(2, { 0: 'sleep 3' }));
    await namespace.until('disowned', ({ status }) => status?.steps?.[0]?.state === 'Running');
    const patch = JSON.stringify({ metadata: { ownerReferences: null } });
    await kubectl('patch', 'job', 'disowned-0-s0', '-n', namespace.name, '--type=merge', '-p', patch);
    const { status } = await namespace.untilFinished('disowned');
    expect(status?.phase).toBe('Completed');
  });
});

describe('an edit between the create of a Job and its record', () => {
  it('leads to no second Job for the step', async () => {
    let cut = true;
    refuse = ({ path }) => (cut && path.endsWith('/renamed/status') ? new ApiError('Timeout', 'no answer') : undefined);
    await namespace.apply('renamed', sequence(1, { 0: FOREVER }));
    await eventually('its Job', async () => (await namespace.jobs('renamed')).length > 0);
    const [container] = sequence(1, { 0: 'true' }).containers;
    await namespace.patch('renamed', { spec: { containers: [{ ...container, name: 'other' }] } });
    cut = false;
    const { status } = await namespace.until('renamed', (object) => object.status?.phase === 'Running');
    expect(status?.steps).toMatchObject([{ index: 0, name: 's0', jobName: 'renamed-0-s0' }]);
    expect(await namespace.jobNames('renamed')).toEqual(['renamed-0-s0']);
  });
});
