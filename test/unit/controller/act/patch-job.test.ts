import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecuteDeps } from '../../../../controller/act/deps.ts';
import { execute } from '../../../../controller/act/execute.ts';
import type { Action, Snapshot } from '../../../../controller/decide/index.ts';
import { toObservedJob } from '../../../../controller/transform.ts';
import { ENDED_ANNOTATION, ENDED_BECAUSE_ANNOTATION, SUSPENDED_ANNOTATION } from '../../../../shared/api/group.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import { FakeApi, fault, jobPath } from '../../../support/fake-api.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { NAMESPACE, NOW, observedJob, sequentialJob } from '../../../support/objects.ts';
import { actorDeps } from '../../../support/reconciler.ts';

type PatchType = 'SuspendJob' | 'UnsuspendJob' | 'TerminateJob' | 'TerminatePendingJob';

const NAME = 'etl-0-extract';
const BECAUSE = { reason: 'Unschedulable', message: 'no container started within 60 s' };
const ACTIONS: Readonly<Record<PatchType, (job: ObservedJob) => Action>> = {
  SuspendJob: (job) => ({ type: 'SuspendJob', job, count: 2 }),
  UnsuspendJob: (job) => ({ type: 'UnsuspendJob', job }),
  TerminateJob: (job) => ({ type: 'TerminateJob', job, seconds: 600 }),
  TerminatePendingJob: (job) => ({ type: 'TerminatePendingJob', job, because: BECAUSE }),
};
const MARK = `2 ${NOW}`;
const TYPES: readonly (readonly [PatchType])[] = [
  ['SuspendJob'],
  ['UnsuspendJob'],
  ['TerminateJob'],
  ['TerminatePendingJob'],
];

describe('patchJob', () => {
  let api: FakeApi;
  let deps: ExecuteDeps;
  let job: ObservedJob;

  beforeEach(() => {
    api = new FakeApi();
    deps = actorDeps(api.client);
    job = put();
  });

  /** The Job with a spec and annotations, as the cache has it. */
  function put(
    more: Readonly<Record<string, unknown>> = {},
    annotations?: Readonly<Record<string, string>>,
  ): ObservedJob {
    const stored = api.putJob(observedJob(0));
    const metadata = { ...stored.metadata, ...(annotations === undefined ? {} : { annotations }) };
    const spec = { parallelism: 1, ...more };
    return toObservedJob(api.put(jobPath(NAMESPACE, NAME), { ...stored, metadata, spec }));
  }

  const patch = (type: PatchType, of = job): Promise<Snapshot> => {
    const snapshot = deepFreeze({ object: sequentialJob(), jobs: [of, observedJob(1)], findings: {} });
    return execute([ACTIONS[type](of)], snapshot, deps);
  };
  const stored = () => api.get(jobPath(NAMESPACE, NAME));

  it.each<readonly [string, PatchType, { readonly metadata?: object; readonly spec: object }]>([
    [
      'SuspendJob suspends the Job, and records in an annotation how often and when the operator did so',
      'SuspendJob',
      { metadata: { annotations: { [SUSPENDED_ANNOTATION]: MARK } }, spec: { suspend: true } },
    ],
    [
      'UnsuspendJob unsuspends the Job, and removes the annotation',
      'UnsuspendJob',
      { metadata: { annotations: { [SUSPENDED_ANNOTATION]: null } }, spec: { suspend: false } },
    ],
    [
      'TerminateJob sets activeDeadlineSeconds to 0, and records in an annotation which deadline has passed',
      'TerminateJob',
      { metadata: { annotations: { [ENDED_ANNOTATION]: '600' } }, spec: { activeDeadlineSeconds: 0 } },
    ],
    [
      'TerminatePendingJob sets activeDeadlineSeconds to 0, and records in an annotation why no container started',
      'TerminatePendingJob',
      {
        metadata: { annotations: { [ENDED_BECAUSE_ANNOTATION]: 'Unschedulable: no container started within 60 s' } },
        spec: { activeDeadlineSeconds: 0 },
      },
    ],
  ])('%s: by a merge patch guarded by the UID of this Job', async (_says, type, change) => {
    await patch(type);
    expect(api.client.requests).toMatchObject([
      {
        method: 'PATCH',
        path: jobPath(NAMESPACE, NAME),
        query: { fieldManager: 'sequentialjob-controller' },
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid: job.metadata.uid, ...change.metadata }, spec: change.spec },
      },
    ]);
    const [request] = api.client.requests as readonly { readonly body: { readonly spec: unknown } }[];
    expect(request?.body.spec).toEqual(change.spec);
  });

  it.each<readonly [PatchType, Partial<ObservedJob>, ObservedJob['suspended']]>([
    ['SuspendJob', { suspended: { byOperator: true } }, undefined],
    ['TerminateJob', { deadlineSeconds: 0, endedAfterSeconds: 600 }, undefined],
    ['TerminatePendingJob', { deadlineSeconds: 0, endedBecause: BECAUSE }, undefined],
    ['UnsuspendJob', {}, { byOperator: true }],
  ])('%s: the snapshot and the cache get the Job of the response', async (type, expected, before) => {
    const known = before === undefined ? job : put({ suspend: true }, { [SUSPENDED_ANNOTATION]: 'true' });
    expect(known.suspended).toEqual(before);
    const after = await patch(type, known);
    const [cached] = [...deps.jobs.values()];
    expect(cached).toMatchObject({ metadata: { name: NAME }, ...expected });
    expect(cached?.suspended).toEqual(expected.suspended);
    expect(after.jobs).toContainEqual(cached);
    expect(after.jobs).toHaveLength(2);
    expect(after.findings).toEqual({});
  });

  it('does not change the other fields of the Job', async () => {
    put({ backoffLimit: 7 }, { note: 'x' });
    await patch('SuspendJob');
    expect(stored()).toMatchObject({
      metadata: { annotations: { note: 'x', [SUSPENDED_ANNOTATION]: MARK } },
      spec: { parallelism: 1, backoffLimit: 7, suspend: true },
    });
  });

  it.each(TYPES)(
    '%s of a Job that does not exist is a conflict: the cache lags, and the watch will report the end of the Job',
    async (type) => {
      api.remove(jobPath(NAMESPACE, NAME));
      await expect(patch(type)).rejects.toMatchObject({ code: 'Conflict' });
    },
  );

  it.each(TYPES)('%s does not change another Job that has the same name', async (type) => {
    api.putJob(observedJob(0, { metadata: { uid: 'another' } }));
    const before = stored();
    await expect(patch(type)).rejects.toMatchObject({ code: 'Conflict' });
    expect(stored()).toEqual(before);
  });

  it.each(TYPES)(
    '%s of a Job without our labels is recorded in the findings: the informer does not watch the Job',
    async (type) => {
      api.putJob(observedJob(0), {});
      const after = await patch(type);
      expect(after.findings).toEqual({ [NAME]: { type: 'labelsRemoved' } });
      expect([...deps.jobs.values()]).toEqual([]);
    },
  );

  it('rejects if the Job cannot be patched, and adds no finding', async () => {
    api.intercept = () => fault('Invalid');
    for (const [type] of TYPES) await expect(patch(type)).rejects.toMatchObject({ code: 'Invalid' });
    expect(deps.capabilities.suspendsJobs).toBe(true);
  });

  it('assumes that the server can suspend a Job if a webhook unsuspends it at once: the next reconcile retries', async () => {
    api.intercept = ({ method, body }) => {
      if (method === 'PATCH') (body as { spec: { suspend: boolean } }).spec.suspend = false;
      return undefined;
    };
    const after = await patch('SuspendJob');
    expect(after.findings).toEqual({});
    expect(after.jobs.find(({ metadata }) => metadata.name === NAME)?.suspensions).toMatchObject({ count: 2 });
    expect(deps.capabilities.suspendsJobs).toBe(true);
  });

  describe('on a server that cannot suspend Jobs', () => {
    beforeEach(() => {
      api.suspendsJobs = false;
    });

    it('recognizes that from the response, and keeps the Job of the response', async () => {
      const after = await patch('SuspendJob');
      expect(after.findings).toEqual({ [NAME]: { type: 'suspendUnsupported' } });
      expect(after.jobs.map(({ metadata }) => metadata.name)).toContain(NAME);
      expect(deps.capabilities.suspendsJobs).toBe(false);
    });

    it('sends no more requests after that', async () => {
      await patch('SuspendJob');
      const after = await patch('SuspendJob');
      expect(after.findings).toEqual({ [NAME]: { type: 'suspendUnsupported' } });
      expect(api.client.requests).toHaveLength(1);
    });

    it.each<readonly [PatchType]>([['UnsuspendJob'], ['TerminateJob']])('%s does not report that', async (type) => {
      const after = await patch(type);
      expect(after.findings).toEqual({});
      expect(deps.capabilities.suspendsJobs).toBe(true);
    });
  });
});
