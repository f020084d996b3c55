import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecuteDeps } from '../../../../controller/act/deps.ts';
import { execute } from '../../../../controller/act/execute.ts';
import { type Action, decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { ServerCapabilities } from '../../../../controller/server-capabilities.ts';
import { FINALIZER } from '../../../../shared/api/group.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { toObservedJob } from '../../../../controller/transform.ts';
import { describeRequest, FakeApi, fault, jobPath, sequentialJobPath } from '../../../support/fake-api.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { actorDeps } from '../../../support/reconciler.ts';
import {
  at,
  container,
  jobUid,
  NAMESPACE,
  NOW,
  NOW_MS,
  observedJob,
  ownedBy,
  sequentialJob,
} from '../../../support/objects.ts';

const NAME = 'etl-0-extract';
const CREATE: Action = { type: 'CreateJob', position: 0, resumes: 0, jobName: NAME };
const CONFIRM: Action = { type: 'ConfirmJob', jobName: NAME, jobUID: jobUid(0) };

describe('act', () => {
  let api: FakeApi;
  let deps: ExecuteDeps;

  beforeEach(() => {
    api = new FakeApi();
    deps = actorDeps(api.client);
  });

  function snapshot(change: Partial<Snapshot> = {}): Snapshot {
    const object = change.object ?? api.putSequentialJob(sequentialJob());
    return deepFreeze({ jobs: [], findings: {}, ...change, object });
  }

  /** The object without its finalizer. */
  function unheld(status?: SequentialJob['status']): SequentialJob {
    const { finalizers: _, ...metadata } = sequentialJob().metadata;
    return { ...sequentialJob({ status }), metadata };
  }

  const names = ({ jobs }: Snapshot): readonly string[] => jobs.map(({ metadata }) => metadata.name);
  const cached = (): readonly string[] => [...deps.jobs.values()].map(({ metadata }) => metadata.name);

  describe('CreateJob', () => {
    it('creates the Job with our field manager, and puts it into the snapshot and the cache', async () => {
      const after = await execute([CREATE], snapshot(), deps);
      expect(api.client.requests).toMatchObject([
        {
          method: 'POST',
          path: `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
          query: { fieldManager: 'sequentialjob-controller' },
          body: { kind: 'Job', metadata: { name: NAME } },
        },
      ]);
      expect(names(after)).toEqual([NAME]);
      expect(cached()).toEqual([NAME]);
      expect(after.findings).toEqual({});
    });

    const theirs = (metadata: Partial<ObservedJob['metadata']>, labels?: Readonly<Record<string, string>>) =>
      api.putJob(observedJob(0, { metadata }), labels);
    const conflict = (owner: string, more: object = {}): Partial<Snapshot['findings']> => ({
      [NAME]: { type: 'nameConflict', owner, ...more },
    });
    const ETL = 'is owned by SequentialJob "etl"';

    it.each<readonly [string, () => unknown, Partial<Snapshot['findings']>, readonly string[]]>([
      ['our Job, created by an earlier attempt, is recorded', () => theirs({}), {}, [NAME]],
      [
        'our own Job without our labels is recorded',
        () => theirs({}, {}),
        { [NAME]: { type: 'labelsRemoved' } },
        [NAME],
      ],
      [
        'a Job of another sequence is not changed',
        () => theirs({ ownerReferences: [ownedBy('other', 'other')] }),
        conflict('is owned by SequentialJob "other"'),
        [],
      ],
      [
        'the garbage collector deletes a Job whose owner is a deleted sequence of the same name',
        () => theirs({ ownerReferences: [ownedBy('elder')] }),
        conflict(ETL, { pendingRemoval: 'ownerless' }),
        [],
      ],
      [
        'so it does if an earlier version of the operator, which wrote v1alpha1, created that Job',
        () => theirs({ ownerReferences: [{ ...ownedBy('elder'), apiVersion: 'batch.example.com/v1alpha1' }] }),
        conflict(ETL, { pendingRemoval: 'ownerless' }),
        [],
      ],
      [
        'our Job, created by an earlier version of the operator, is recorded',
        () => theirs({ ownerReferences: [{ ...ownedBy(), apiVersion: 'batch.example.com/v1alpha1' }] }),
        {},
        [NAME],
      ],
      [
        'the garbage collector does not delete a Job whose owner has an unknown version',
        () => theirs({ ownerReferences: [{ ...ownedBy('elder'), apiVersion: 'batch.example.com/v9' }] }),
        conflict(ETL),
        [],
      ],
      [
        'the next reconcile waits for a Job that is being deleted',
        () => theirs({ ownerReferences: [ownedBy('elder')], deletionTimestamp: at(1) }),
        conflict(ETL, { pendingRemoval: 'deleted' }),
        [],
      ],
      [
        'a Job without an owner reference is not changed, even if it has our labels',
        () => theirs({ ownerReferences: [] }, { 'batch.example.com/sequentialjob-uid': 'x' }),
        conflict('has no controller owner'),
        [],
      ],
      [
        'a Job of which the sequence is an owner but not the controller is not changed',
        () => theirs({ ownerReferences: [{ ...ownedBy(), controller: false }] }),
        conflict('has no controller owner'),
        [],
      ],
    ])('if a Job with this name exists: %s', async (_says, prepare, findings, jobs) => {
      prepare();
      deps.sequentialJobs.observe(sequentialJob());
      deps.sequentialJobs.observe(sequentialJob({ metadata: { name: 'other', uid: 'other' } }));
      const before = api.get(jobPath(NAMESPACE, NAME));
      const after = await execute([CREATE], snapshot(), deps);
      expect(after.findings).toEqual(findings);
      expect(names(after)).toEqual(jobs);
      expect(api.get(jobPath(NAMESPACE, NAME))).toEqual(before);
      expect(cached()).toEqual(Object.keys(findings).length === 0 ? jobs : []);
    });

    it('records which fields of the Job the server dropped', async () => {
      const { log, lines } = recordingLog();
      const spec = { steps: [container('extract', { job: { podFailurePolicy: { rules: [] } } })] };
      const object = api.putSequentialJob(sequentialJob({ spec }));
      const stored = { metadata: observedJob(0).metadata, spec: {} };
      const client = new FakeClient({ request: () => stored });
      await execute([CREATE], snapshot({ object }), { ...deps, client, capabilities: new ServerCapabilities(log) });
      expect(client.requests[0]?.body).toMatchObject({ spec: { podFailurePolicy: { rules: [] } } });
      expect(lines).toMatchObject([{ field: 'podFailurePolicy' }, { field: 'podReplacementPolicy' }]);
    });

    it('if the existing Job is deleted before it is read, adds no finding, and the next decision tries again', async () => {
      const before = snapshot();
      api.intercept = ({ method }) => (method === 'POST' ? fault('AlreadyExists') : undefined);
      expect(await execute([CREATE], before, deps)).toEqual(before);
    });

    it.each<ApiErrorCode>(['Invalid', 'Forbidden', 'BadRequest', 'Unexpected'])('%s is a finding', async (code) => {
      api.intercept = ({ method }) => (method === 'POST' ? fault(code) : undefined);
      const after = await execute([CREATE], snapshot(), deps);
      expect(after.findings).toEqual({ [NAME]: { type: 'rejected', message: `it was ${code}` } });
      expect(after.jobs).toEqual([]);
    });

    it('a rejection adds no finding if an earlier request created the Job', async () => {
      api.putJob(observedJob(0));
      api.intercept = ({ method }) => (method === 'POST' ? fault('Forbidden') : undefined);
      const after = await execute([CREATE], snapshot(), deps);
      expect(after.findings).toEqual({});
      expect(names(after)).toEqual([NAME]);
    });

    it('a rejection adds a finding if the name belongs to a Job of another owner', async () => {
      api.putJob(observedJob(0, { metadata: { ownerReferences: [] } }));
      api.intercept = ({ method }) => (method === 'POST' ? fault('Forbidden') : undefined);
      expect((await execute([CREATE], snapshot(), deps)).findings).toMatchObject({ [NAME]: { type: 'rejected' } });
    });

    it('rejects with Forbidden if the namespace is being deleted', async () => {
      const error = new ApiError('Forbidden', 'terminating', {
        status: 403,
        causes: [{ reason: 'NamespaceTerminating' }],
      });
      api.intercept = () => ({ error, after: false });
      await expect(execute([CREATE], snapshot(), deps)).rejects.toBe(error);
    });

    it.each<ApiErrorCode>(['ServerError', 'Conflict', 'NotFound', 'Unauthorized'])('%s is thrown', async (code) => {
      api.intercept = () => fault(code);
      await expect(execute([CREATE], snapshot(), deps)).rejects.toMatchObject({ code });
    });
  });

  describe('ConfirmJob', () => {
    it.each<readonly [string, (on: FakeApi) => void, Snapshot['findings'], readonly string[]]>([
      ['a deleted Job is a finding', () => undefined, { [NAME]: { type: 'notFound' } }, []],
      [
        'an existing Job is added to the snapshot, because the cache lags',
        (on) => on.putJob(observedJob(0)),
        {},
        [NAME],
      ],
      [
        'a Job without its labels is a finding',
        (on) => on.putJob(observedJob(0), {}),
        { [NAME]: { type: 'labelsRemoved' } },
        [NAME],
      ],
      [
        'a Job of that name with another UID counts as deleted',
        (on) => on.putJob(observedJob(0, { metadata: { uid: 'another' } })),
        { [NAME]: { type: 'notFound' } },
        [],
      ],
    ])('%s', async (_says, prepare, findings, jobs) => {
      prepare(api);
      const after = await execute([CONFIRM], snapshot(), deps);
      expect(after.findings).toEqual(findings);
      expect(names(after)).toEqual(jobs);
      expect(api.client.requests[0]).toMatchObject({ method: 'GET', path: jobPath(NAMESPACE, NAME) });
      // One that is gone may have left Pods behind.
      const isGone = after.findings[NAME]?.type === 'notFound';
      expect(api.client.requests.slice(1).map(describeRequest)).toEqual(isGone ? ['GET pods'] : []);
    });

    it('rejects if the Job cannot be read', async () => {
      api.intercept = () => fault('Timeout');
      await expect(execute([CONFIRM], snapshot(), deps)).rejects.toMatchObject({ code: 'Timeout' });
    });
  });

  describe('DeleteJobs', () => {
    const jobs = [observedJob(0), observedJob(1)];
    const DELETE: Action = { type: 'DeleteJobs', jobs };

    it('deletes with foreground propagation, guarded by the UIDs', async () => {
      const stored = jobs.map((job) => toObservedJob(api.putJob(job)));
      const after = await execute([{ type: 'DeleteJobs', jobs: stored }], snapshot({ jobs: stored }), deps);
      expect(api.client.requests).toMatchObject(
        stored.map(({ metadata: { name, uid, resourceVersion } }) => ({
          method: 'DELETE',
          path: jobPath(NAMESPACE, name),
          body: { propagationPolicy: 'Foreground', preconditions: { uid, resourceVersion } },
        })),
      );
      expect(after.jobs.map(({ metadata }) => metadata.deletionTimestamp)).toEqual([
        expect.any(String),
        expect.any(String),
      ]);
      expect([...deps.jobs.values()].every(({ metadata }) => metadata.deletionTimestamp !== undefined)).toBe(true);
    });

    it.each<readonly [string, Partial<ObservedJob['metadata']>]>([
      ['was replaced by another Job of the same name', { uid: 'another' }],
      ['lost its owner reference to the garbage collector', { ownerReferences: [] }],
    ])('a Job that %s is not deleted', async (_says, metadata) => {
      const known = toObservedJob(api.putJob(observedJob(0)));
      api.putJob(observedJob(0, { metadata }));
      const action: Action = { type: 'DeleteJobs', jobs: [known] };
      await expect(execute([action], snapshot({ jobs: [known] }), deps)).rejects.toMatchObject({ code: 'Conflict' });
      expect(api.get(jobPath(NAMESPACE, NAME))?.metadata.deletionTimestamp).toBeUndefined();
    });

    it('removes a Job that is deleted at once from the snapshot and the cache: the response is not a Job in this case', async () => {
      const client = new FakeClient({ request: () => ({ kind: 'Status', status: 'Success' }) });
      const after = await execute([DELETE], snapshot({ jobs }), { ...deps, client });
      expect(after.jobs).toEqual([]);
      expect(cached()).toEqual([]);
    });

    it('does not delete Jobs that are already being deleted', async () => {
      const going = observedJob(1, { metadata: { deletionTimestamp: at(5) } });
      const left = toObservedJob(api.putJob(observedJob(0)));
      const action: Action = { type: 'DeleteJobs', jobs: [left] };
      const after = await execute([action], snapshot({ jobs: [left, going] }), deps);
      expect(names(after).toSorted()).toEqual(['etl-0-extract', 'etl-1-transform']);
    });

    it('rejects if a Job cannot be deleted', async () => {
      for (const job of jobs) api.putJob(job);
      api.intercept = () => fault('Forbidden');
      await expect(execute([DELETE], snapshot({ jobs }), deps)).rejects.toMatchObject({ code: 'Forbidden' });
    });

    it('deletes many Jobs, at most eight in parallel', async () => {
      const many = Array.from({ length: 30 }, (_, i) =>
        toObservedJob(api.putJob(observedJob(i, { metadata: { name: `job-${i}` } }))),
      );
      let underWay = 0;
      let most = 0;
      const client = {
        ...deps.client,
        request: async <T>(request: Parameters<typeof deps.client.request>[0]): Promise<T> => {
          underWay++;
          most = Math.max(most, underWay);
          await new Promise(setImmediate);
          underWay--;
          return api.client.request<T>(request);
        },
      } as ExecuteDeps['client'];
      const after = await execute([{ type: 'DeleteJobs', jobs: many }], snapshot({ jobs: many }), { ...deps, client });
      expect(after.jobs).toHaveLength(30);
      expect(api.done.filter((one) => one === 'DELETE jobs')).toHaveLength(30);
      expect(most).toBe(8);
    });
  });

  describe('DeleteSequence', () => {
    const DELETE: Action = { type: 'DeleteSequence' };
    const PATH = sequentialJobPath(NAMESPACE, 'etl');

    it('deletes this object at this version, and marks it as being deleted', async () => {
      const before = snapshot();
      const { uid, resourceVersion } = before.object.metadata;
      const after = await execute([DELETE], before, deps);
      expect(api.client.requests).toMatchObject([
        {
          method: 'DELETE',
          path: PATH,
          body: { propagationPolicy: 'Background', preconditions: { uid, resourceVersion } },
        },
      ]);
      expect(after.object.metadata.deletionTimestamp).toBe(NOW);
      expect(after.object.spec).toBe(before.object.spec);
      expect(deps.sequentialJobs.get(`${NAMESPACE}/etl`)?.metadata.deletionTimestamp).toBe(NOW);
    });

    it.each<readonly [string, () => void]>([
      ['no finalizer remains, so that it is deleted at once', () => void api.putSequentialJob(unheld())],
      ['it no longer exists', () => api.remove(PATH)],
    ])('if %s: our finalizer does not block the deletion', async (_says, prepare) => {
      api.putSequentialJob(sequentialJob());
      prepare();
      const stored = api.sequentialJob(NAMESPACE, 'etl') ?? sequentialJob();
      const after = await execute([DELETE], snapshot({ object: stored }), deps);
      expect(after.object.metadata).toMatchObject({ finalizers: [], deletionTimestamp: NOW });
      expect(decide(after, NOW_MS)).toMatchObject({ actions: [], status: undefined, events: [] });
      expect(deps.sequentialJobs.size).toBe(0);
    });

    it.each<readonly [string, () => unknown]>([
      ['has changed', () => api.putSequentialJob(sequentialJob({ spec: { ttlSecondsAfterFinished: 3600 } }))],
      ['was created again', () => api.putSequentialJob(sequentialJob({ metadata: { uid: 'another' } }))],
    ])('does not delete an object that %s', async (_says, change) => {
      const before = snapshot();
      change();
      await expect(execute([DELETE], before, deps)).rejects.toMatchObject({ code: 'Conflict' });
      expect(api.sequentialJob(NAMESPACE, 'etl')?.metadata.deletionTimestamp).toBeUndefined();
    });
  });

  describe('the record of a spec that bypassed admission', () => {
    it('is written before the Job, and only then', async () => {
      await execute([CREATE], snapshot({ bypassedAdmission: true }), deps);
      await execute([CREATE], snapshot(), deps);
      expect(api.done).toEqual(['POST controllerrevisions', 'POST jobs', 'GET jobs']);
    });

    it('is awaited while the write can still succeed', async () => {
      api.intercept = ({ path }) => (path.endsWith('/controllerrevisions') ? fault('ServerError') : undefined);
      await expect(execute([CREATE], snapshot({ bypassedAdmission: true }), deps)).rejects.toMatchObject({
        code: 'ServerError',
      });
      expect(api.jobs()).toEqual([]);
    });

    it('is not awaited if it is forbidden', async () => {
      api.intercept = ({ path }) => (path.endsWith('/controllerrevisions') ? fault('Forbidden') : undefined);
      expect(names(await execute([CREATE], snapshot({ bypassedAdmission: true }), deps))).toEqual([NAME]);
    });

    it.each<readonly [string, SequentialJob['status'], boolean | undefined]>([
      ['has not started: admission was bypassed', undefined, true],
      ['has started: a client has removed the finalizer', { startTime: at(0) }, undefined],
    ])('if the finalizer is missing and the sequence %s', async (_says, status, expected) => {
      const object = api.putSequentialJob(unheld(status));
      expect((await execute([{ type: 'AddFinalizer' }], snapshot({ object }), deps)).bypassedAdmission).toBe(expected);
    });
  });

  describe('finalizers', () => {
    it.each<readonly [Action['type'], readonly string[] | undefined, readonly string[]]>([
      ['AddFinalizer', undefined, [FINALIZER]],
      ['AddFinalizer', ['other/one'], ['other/one', FINALIZER]],
      ['RemoveFinalizer', ['other/one', FINALIZER, 'other/two'], ['other/one', 'other/two']],
      ['RemoveFinalizer', [FINALIZER], []],
    ])('%s with finalizers %p keeps the finalizers of other controllers', async (type, before, expected) => {
      const { finalizers: _, ...metadata } = sequentialJob().metadata;
      const stored = api.putSequentialJob({
        ...sequentialJob(),
        metadata: { ...metadata, ...(before === undefined ? {} : { finalizers: before }) },
      });
      const after = await execute([{ type } as Action], snapshot({ object: stored }), deps);
      expect(after.object.metadata.finalizers).toEqual(expected);
      expect(deps.sequentialJobs.get(`${NAMESPACE}/etl`)?.metadata.finalizers).toEqual(expected);
      const patch = api.client.requests.at(-1);
      expect(patch).toMatchObject({
        contentType: 'application/merge-patch+json',
        body: { metadata: { resourceVersion: stored.metadata.resourceVersion, finalizers: expected } },
      });
      expect(patch?.path).not.toMatch(/status$/);
    });

    it('before the start the spec is recorded first', async () => {
      const after = await execute([{ type: 'AddFinalizer' }], snapshot(), deps);
      expect(api.done).toEqual(['POST controllerrevisions', 'PATCH sequentialjobs']);
      expect(after).toMatchObject({ bypassedAdmission: true, specRecorded: true });
    });

    it('after the start nothing is recorded', async () => {
      const object = api.putSequentialJob(sequentialJob({ status: { startTime: at(0) } }));
      await execute([{ type: 'AddFinalizer' }], snapshot({ object }), deps);
      expect(api.done).toEqual(['PATCH sequentialjobs']);
    });

    it('rejects with Conflict if the object has changed', async () => {
      const before = snapshot();
      api.putSequentialJob(sequentialJob({ metadata: { finalizers: ['new/one'] } }));
      await expect(execute([{ type: 'AddFinalizer' }], before, deps)).rejects.toMatchObject({ code: 'Conflict' });
    });
  });
});
