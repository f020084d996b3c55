/** What happens between two reconciles: a Job ends and is deleted, is created late, or its name is taken. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { DeletedJobs } from '../../../controller/deleted-jobs.ts';
import { QuotaRetries } from '../../../controller/quota-retries.ts';
import { type ObservedJob, sequentialJobOwner } from '../../../shared/api/job.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { Cache } from '../../../shared/kube/cache.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { FakeApi, fault, jobPath, type Stored } from '../../support/fake-api.ts';
import {
  completed,
  container,
  failed,
  jobUid,
  NAMESPACE,
  observedJob,
  ownedBy,
  sequentialJob,
} from '../../support/objects.ts';
import { Process } from '../../support/process.ts';

const EXTRACT = jobPath(NAMESPACE, 'etl-0-extract');
/** Those that nobody has deleted. */
const names = (api: FakeApi): readonly string[] =>
  api.jobs().flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? metadata.name : []));

describe('a Job that ended and was deleted before it was reconciled', () => {
  let api: FakeApi;
  let process: Process;

  beforeEach(() => {
    api = new FakeApi();
    api.putSequentialJob(sequentialJob());
    process = new Process(api);
  });

  const phase = (): string | undefined => api.sequentialJob(NAMESPACE, 'etl')?.status?.phase;
  const step = (): unknown => api.sequentialJob(NAMESPACE, 'etl')?.status?.steps?.[0];

  function endAndGo(status: ObservedJob['status']): void {
    api.setJobStatus(EXTRACT, status);
    process.sync();
    api.remove(EXTRACT);
    process.sync();
  }

  it('has succeeded if the watch reported the completion', async () => {
    await process.settle();
    endAndGo(completed());
    await process.settle();
    expect(step()).toMatchObject({ state: 'Succeeded', jobName: 'etl-0-extract' });
    expect(names(api)).toEqual(['etl-1-transform']);
  });

  it('has failed with its reason if the watch reported the failure', async () => {
    await process.settle();
    endAndGo(failed());
    await process.settle();
    expect(step()).toMatchObject({ state: 'Failed', reason: 'BackoffLimitExceeded' });
  });

  it('has succeeded even if its creation was not recorded yet: the step does not run twice', async () => {
    api.intercept = (request) => (request.path.endsWith('/status') ? fault('ServerError') : undefined);
    await process.reconcile().catch(() => undefined);
    expect(names(api)).toEqual(['etl-0-extract']);
    api.intercept = () => undefined;
    endAndGo(completed());
    await process.settle();
    expect(step()).toMatchObject({ state: 'Succeeded' });
    expect(api.done.filter((one) => one === 'POST jobs')).toHaveLength(2);
  });

  it('is a failure if the watch did not report its end', async () => {
    await process.settle();
    api.remove(EXTRACT);
    process.sync();
    await process.settle();
    expect(phase()).toBe('Failed');
    expect(step()).toMatchObject({ reason: 'JobDeleted' });
  });
});

describe('DeletedJobs', () => {
  let jobs: Cache<ObservedJob>;
  let sequentialJobs: Cache<SequentialJob>;
  let gone: DeletedJobs;

  beforeEach(() => {
    jobs = new Cache<ObservedJob>((job) => sequentialJobOwner(job)?.uid);
    sequentialJobs = new Cache<SequentialJob>();
    gone = new DeletedJobs(jobs, sequentialJobs);
  });

  const uids = (object: SequentialJob): readonly string[] => gone.of(object).map(({ metadata }) => metadata.uid);

  function see(object: SequentialJob, job: ObservedJob): SequentialJob {
    sequentialJobs.observe(object);
    jobs.observe(job);
    jobs.remove({ ...job, metadata: { ...job.metadata, resourceVersion: '999' } });
    return object;
  }

  const record = (state: 'Running' | 'Succeeded'): SequentialJob =>
    sequentialJob({ status: { steps: [{ index: 0, name: 'extract', jobUID: jobUid(0), state }] } });

  const recordFinally = (state: 'Running' | 'Failed'): SequentialJob =>
    sequentialJob({ status: { steps: [], finally: [{ index: 0, name: 'cleanup', jobUID: jobUid(0), state }] } });

  const done = (metadata: Partial<ObservedJob['metadata']> = {}): ObservedJob =>
    observedJob(0, { status: completed(), metadata });
  const deleting = sequentialJob({ metadata: { deletionTimestamp: '2026-11-02T10:00:00Z' } });

  it.each<readonly [string, SequentialJob, ObservedJob, boolean]>([
    ['a completed Job', record('Running'), done(), true],
    ['a failed Job', record('Running'), observedJob(0, { status: failed() }), true],
    ['no running Job', record('Running'), observedJob(0), false],
    ['no Job whose end is recorded', record('Succeeded'), done(), false],
    ['a Job of finally that has ended', recordFinally('Running'), done(), true],
    ['no Job of finally whose end is recorded', recordFinally('Failed'), done(), false],
    ['no Job of a sequence that is being deleted', deleting, done(), false],
    [
      'no Job of a deleted sequence of that name',
      record('Running'),
      done({ ownerReferences: [ownedBy('elder')] }),
      false,
    ],
    ['no Job without an owner reference', record('Running'), done({ ownerReferences: [] }), false],
  ])('keeps %s', (_says, object, job, isKept) => {
    expect(uids(see(object, job))).toEqual(isKept ? [jobUid(0)] : []);
  });

  it('keeps a Job of a sequence that is not cached only until all sequences are listed', () => {
    let areListed = false;
    gone = new DeletedJobs(jobs, sequentialJobs, () => areListed);
    const vanish = (name: string): void => {
      const job = done({ name, uid: name });
      jobs.observe(job);
      jobs.remove({ ...job, metadata: { ...job.metadata, resourceVersion: '999' } });
    };
    vanish('early');
    areListed = true;
    vanish('late');
    sequentialJobs.observe(record('Running'));
    expect(uids(record('Running'))).toEqual(['early']);
  });

  it('drops Jobs whose end has been recorded', () => {
    see(record('Running'), done());
    expect(uids(record('Succeeded'))).toEqual([]);
    expect(uids(record('Running'))).toEqual([]);
  });

  it('drops the Jobs of a deleted sequence', () => {
    const object = see(record('Running'), done());
    sequentialJobs.remove({ ...object, metadata: { ...object.metadata, resourceVersion: '999' } });
    expect(uids(record('Running'))).toEqual([]);
  });

  it('keeps no Job of an attempt before a resume', () => {
    const object = sequentialJob({ status: { resumes: 2 } });
    const job = (resumes: number): ObservedJob =>
      observedJob(0, { step: { index: 0, resumes }, status: completed(), metadata: { uid: `uid-${resumes}` } });
    see(object, job(1));
    expect(uids(see(object, job(2)))).toEqual(['uid-2']);
  });

  it('keeps the newest 8 Jobs of a sequence', () => {
    const object = sequentialJob({});
    for (let i = 0; i < 20; i++) {
      see(object, observedJob(0, { status: completed(), metadata: { name: `etl-0-x${i}`, uid: `uid-${i}` } }));
    }
    expect(uids(object)).toHaveLength(8);
    expect(uids(object).at(-1)).toBe('uid-19');
  });

  it('keeps Jobs of the newest 4096 sequences', () => {
    const objects = Array.from({ length: 4100 }, (_, i) =>
      sequentialJob({ metadata: { name: `s${i}`, uid: `owner-${i}` } }),
    );
    for (const [i, object] of objects.entries()) {
      const { name, uid } = object.metadata;
      see(object, done({ name: `j${i}`, uid: `uid-${i}`, ownerReferences: [{ ...ownedBy(uid), name }] }));
    }
    expect(objects.filter((object) => uids(object).length > 0)).toEqual(objects.slice(-4096));
  });
});

describe('a Job whose late creation follows that of another Job for its step', () => {
  let api: FakeApi;
  let process: Process;
  let late: { readonly path: string; readonly body: Stored } | undefined;

  beforeEach(async () => {
    api = new FakeApi();
    late = undefined;
    api.putSequentialJob(sequentialJob({ spec: { steps: [container('a'), container('z')] } }));
    process = new Process(api);
    api.intercept = (request: ApiRequest) => {
      const isCreate =
        request.method === 'POST' && request.path.endsWith('/jobs') && request.query?.['dryRun'] === undefined;
      if (!isCreate || late !== undefined) return undefined;
      late = { path: request.path, body: request.body as Stored };
      return fault('Timeout');
    };
    await process.reconcile().catch(() => undefined);
    api.edit(NAMESPACE, 'etl', { steps: [container('b'), container('z')] });
    process.sync();
    await process.settle();
  });

  function land(): void {
    if (late === undefined) throw new Error('nothing is late');
    const { path, body } = late;
    api.put(`${path}/${body.metadata.name}`, {
      ...body,
      metadata: { ...body.metadata, uid: 'late', creationTimestamp: api.now },
    });
    process.sync();
  }

  it('is deleted, with an Event', async () => {
    expect(names(api)).toEqual(['etl-0-b']);
    land();
    await process.settle();
    expect(names(api)).toEqual(['etl-0-b']);
    expect(process.events).toContain('StrayJobDeleted');
  });

  it('is deleted even if the sequence has ended', async () => {
    for (const name of ['etl-0-b', 'etl-1-z']) {
      api.setJobStatus(jobPath(NAMESPACE, name), completed());
      process.sync();
      await process.settle();
    }
    expect(api.sequentialJob(NAMESPACE, 'etl')?.status?.phase).toBe('Completed');
    land();
    await process.settle();
    expect(names(api)).toEqual(['etl-0-b', 'etl-1-z']);
  });

  it('is not deleted while the cached status may be older than the status that names it', async () => {
    land();
    const object = api.sequentialJob(NAMESPACE, 'etl');
    if (object === undefined) throw new Error('the object is gone');
    api.putSequentialJob(object);
    await expect(process.reconcile()).rejects.toMatchObject({ code: 'Conflict' });
    expect(names(api)).toEqual(['etl-0-b', 'etl-0-a']);
  });
});

describe('a Job that cannot be created for now', () => {
  const QUOTA =
    'jobs.batch "etl-0-extract" is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1';
  let api: FakeApi;
  let process: Process;

  beforeEach(() => {
    api = new FakeApi();
    api.putSequentialJob(sequentialJob());
    process = new Process(api);
  });

  const refuse = (error: ApiError | undefined): void => {
    api.refuse = ({ kind }) => (kind === 'Job' ? error : undefined);
  };
  const unavailable = (): unknown =>
    getCondition(api.sequentialJob(NAMESPACE, 'etl')?.status?.conditions, 'ResourcesUnavailable');

  const forbidden = (message: string): ApiError => new ApiError('Forbidden', message, { status: 403 });
  const timedOut = new ApiError('ServerError', 'Internal error occurred: resource quota evaluation timed out', {
    status: 500,
  });
  const denied = 'jobs.batch is forbidden: User "system:serviceaccount:a:b" cannot create resource "jobs"';

  it.each<readonly [string, ApiError, string]>([
    ['a quota is full', forbidden(QUOTA), 'QuotaExceeded'],
    ['a quota could not be evaluated in time', timedOut, 'QuotaExceeded'],
    ['the operator lacks a permission', forbidden(denied), 'PermissionDenied'],
  ])('is created later, and an Event reports the reason: %s', async (_says, error, reason) => {
    refuse(error);
    expect(await process.reconcile()).toBe(5000);
    expect(unavailable()).toMatchObject({ status: 'True', reason });
    expect(api.sequentialJob(NAMESPACE, 'etl')?.status?.phase).toBe('Pending');
    expect(api.sequentialJob(NAMESPACE, 'etl')?.status?.startTime).toBeUndefined();
    refuse(undefined);
    await process.settle();
    expect(unavailable()).toMatchObject({ status: 'False' });
    expect(names(api)).toEqual(['etl-0-extract']);
  });

  it('is retried soon after a Job was deleted, if the quota does not release its share at once', async () => {
    const metadata = { name: 'other-0-x', uid: 'other', ownerReferences: [ownedBy('other')] };
    api.putJob(observedJob(0, { metadata }));
    process.sync();
    refuse(forbidden(QUOTA));
    expect(await process.reconcile()).toBe(5_000);
    api.remove(jobPath(NAMESPACE, metadata.name));
    process.sync();
    expect(await process.reconcile()).toBe(250);
    expect(await process.reconcile()).toBe(1_000);
    refuse(undefined);
    await process.settle();
    expect(names(api)).toEqual(['etl-0-extract']);
  });

  it('is created later if a Job of a deleted sequence has its name', async () => {
    api.putJob(observedJob(0, { metadata: { ownerReferences: [ownedBy('elder')], uid: 'old' } }));
    expect(await process.reconcile()).toBe(2000);
    api.remove(EXTRACT);
    await process.settle();
    expect(api.sequentialJob(NAMESPACE, 'etl')?.status?.steps).toMatchObject([{ state: 'Running' }]);
  });
});

describe('QuotaRetries', () => {
  let jobs: Cache<ObservedJob>;
  let woken: string[];
  let waiters: QuotaRetries;
  const key = (name: string): string => `${NAMESPACE}/${name}`;
  const note = (name: string, isWaiting: boolean): number | undefined =>
    waiters.update(key(name), NAMESPACE, isWaiting);

  beforeEach(() => {
    jobs = new Cache<ObservedJob>();
    woken = [];
    waiters = new QuotaRetries(jobs, (one) => woken.push(one));
    for (const index of [0, 1, 2]) jobs.observe(observedJob(index));
  });

  it('enqueues the sequence of the namespace that has waited longest, for each deleted Job', () => {
    for (const name of ['a', 'b', 'c']) note(name, true);
    waiters.update('elsewhere/d', 'elsewhere', true);
    note('b', false);
    expect(woken).toEqual([]);
    for (const index of [0, 1, 2]) jobs.remove(observedJob(index));
    expect(woken).toEqual([key('a'), key('c')]);
  });

  it('retries an enqueued sequence soon, four times, if the quota does not release the share of the Job at once', () => {
    expect(note('a', true)).toBeUndefined();
    jobs.remove(observedJob(0));
    expect(Array.from({ length: 5 }, () => note('a', true))).toEqual([250, 1_000, 4_000, 16_000, undefined]);
    expect(note('a', true)).toBeUndefined();
  });

  it('starts the retries again for another deleted Job', () => {
    note('a', true);
    jobs.remove(observedJob(0));
    expect([note('a', true), note('a', true)]).toEqual([250, 1_000]);
    jobs.remove(observedJob(1));
    expect(woken).toEqual([key('a'), key('a')]);
    expect(note('a', true)).toBe(250);
  });

  it('leaves sequences to their own timer if no Job was deleted for them, or if their Job was created', () => {
    for (const name of ['a', 'b']) note(name, true);
    jobs.remove(observedJob(0));
    expect(note('b', true)).toBeUndefined();
    expect(note('a', false)).toBeUndefined();
    expect(note('a', true)).toBeUndefined();
  });
});
