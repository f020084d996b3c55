import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PodListState } from '../../../controller/informers.ts';
import { reconcile } from '../../../controller/reconcile.ts';
import { FINALIZER } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../shared/kube/errors.ts';
import { describeRequest, FakeApi, fault, jobPath } from '../../support/fake-api.ts';
import {
  at,
  completed,
  container,
  jobUid,
  NAMESPACE,
  NOW,
  observedJob,
  ownedBy,
  sequentialJob,
} from '../../support/objects.ts';
import { Process } from '../../support/process.ts';

const KEY = `${NAMESPACE}/etl`;

const PREFLIGHT = 'POST jobs (dry run)';

describe('reconcile', () => {
  let api: FakeApi;

  beforeEach(() => {
    api = new FakeApi();
  });

  function bare(): SequentialJob {
    const { finalizers: _, ...metadata } = sequentialJob().metadata;
    return { ...sequentialJob(), metadata };
  }

  const stored = (): SequentialJob => {
    const object = api.sequentialJob(NAMESPACE, 'etl');
    if (object === undefined) throw new Error('the object is gone');
    return object;
  };
  const posts = (): readonly string[] => api.done.filter((one) => one === 'POST jobs');
  const jobNames = (): readonly string[] => api.jobs().map(({ metadata }) => metadata.name);
  const requests = (): readonly string[] => api.client.requests.map(describeRequest);
  const isCreate = (request: ApiRequest): boolean => describeRequest(request) === 'POST jobs';
  /** Every creation of a Job fails so. */
  const failCreates = (code: ApiErrorCode): void => {
    api.intercept = (request) => (isCreate(request) ? fault(code) : undefined);
  };

  describe('the requests of one reconcile', () => {
    it.each<readonly [string, () => void, readonly string[], readonly string[]]>([
      [
        'an object whose finalizer a client has set: preflight, record of the spec, Job, status',
        () => {
          const fieldsV1 = { 'f:spec': {}, 'f:metadata': { 'f:finalizers': { [`v:"${FINALIZER}"`]: {} } } };
          const metadata = { ...sequentialJob().metadata, managedFields: [{ manager: 'kubectl', fieldsV1 }] };
          api.putSequentialJob({ ...sequentialJob(), metadata });
        },
        [PREFLIGHT, 'POST controllerrevisions', 'POST jobs', 'PATCH sequentialjobs/status'],
        ['SequenceStarted', 'JobStarted'],
      ],
      [
        'an existing Job of that name with another owner: preflight, one GET, one status write',
        () => {
          api.putSequentialJob(sequentialJob());
          const ownerReferences = [{ ...ownedBy('other', 'other'), kind: 'CronJob' }];
          api.putJob(observedJob(0, { metadata: { ownerReferences } }));
        },
        [PREFLIGHT, 'POST jobs', 'GET jobs', 'PATCH sequentialjobs/status'],
        ['SequenceStarted', 'SequenceFailed'],
      ],
    ])('%s', async (_says, prepare, expected, events) => {
      prepare();
      const process = new Process(api);
      await process.reconcile();
      expect(requests()).toEqual(expected);
      expect(process.events).toEqual(events);
    });

    const running: SequentialJobStatus = {
      startTime: NOW,
      steps: [{ index: 0, name: 'extract', jobName: 'etl-0-extract', jobUID: jobUid(0), state: 'Running' }],
    };
    const RUNS = sequentialJob({ status: running });
    const OVER = sequentialJob({ status: { ...running, completionTime: NOW, observedGeneration: 1 } });

    it.each<readonly [string, PodListState, SequentialJob, number]>([
      ['a running sequence lists its Pods until the Pod informer has synced', 'awaited', RUNS, 1],
      ['a running sequence sends no list request once the Pod informer has synced', 'listed', RUNS, 0],
      ['a running sequence lists no Pods without the permission', 'forbidden', RUNS, 0],
      ['a finished sequence lists no Pods', 'awaited', OVER, 0],
      ['a sequence without a started step lists no Pods', 'awaited', sequentialJob(), 0],
    ])('%s', async (_says, state, object, expected) => {
      api.putSequentialJob(object);
      api.putJob(observedJob(0));
      await reconcile(KEY, { ...new Process(api).deps, podsState: () => state });
      expect(requests().filter((request) => request === 'GET pods')).toHaveLength(expected);
    });

    it('a write is in the cache before its watch event arrives', async () => {
      api.putSequentialJob(sequentialJob());
      const process = new Process(api);
      await process.reconcile();
      expect(process.deps.sequentialJobs.get(KEY)?.status?.steps).toHaveLength(1);
      expect(process.deps.jobs.size).toBe(1);
      await process.reconcile();
      expect(posts()).toHaveLength(1);
    });
  });

  it('records the existing Job under the name that an earlier version of the controller gave it', async () => {
    const name = 'a'.repeat(60);
    const ownerReferences = [ownedBy(undefined, name)];
    api.putSequentialJob(sequentialJob({ metadata: { name } }));
    api.putJob(observedJob(0, { metadata: { name: `${'a'.repeat(54)}-ykni0c92`, ownerReferences } }), {
      'batch.example.com/sequentialjob-uid': ownerReferences[0]?.uid ?? '',
      'batch.example.com/step-index': '0',
      'batch.example.com/step-name': 'extract',
    });
    const { deps } = new Process(api);
    deps.sequentialJobs.replace([api.sequentialJob(NAMESPACE, name) as SequentialJob], api.version);
    await reconcile(`${NAMESPACE}/${name}`, deps);
    expect(jobNames()).toEqual([`${'a'.repeat(54)}-ykni0c92`]);
    expect(api.sequentialJob(NAMESPACE, name)?.status?.steps).toMatchObject([{ index: 0, state: 'Running' }]);
  });

  it.each<readonly [string, Partial<SequentialJob['spec']>]>([
    ['renames the step', { steps: [container('fetch'), container('transform'), container('load')] }],
    ['removes the other steps', { steps: [container('fetch')] }],
    ['violates a validation rule', { steps: [container('fetch'), container('fetch')] }],
  ])('records the unrecorded Job when an edit %s', async (_says, spec) => {
    api.putSequentialJob(sequentialJob());
    api.intercept = ({ path }) => (path.endsWith('/status') ? fault('Timeout') : undefined);
    await expect(new Process(api).reconcile()).rejects.toMatchObject({ code: 'Timeout' });
    api.intercept = () => undefined;
    const { metadata } = stored();
    api.putSequentialJob(sequentialJob({ spec, metadata: { ...metadata, generation: 2 } }));
    await new Process(api).reconcile();
    expect(jobNames()).toEqual(['etl-0-extract']);
    expect(stored().status).toMatchObject({
      phase: 'Running',
      steps: [{ index: 0, name: 'extract', jobName: 'etl-0-extract', state: 'Running' }],
    });
  });

  it('records an allowed change if the previous spec was recorded because admission was bypassed', async () => {
    api.putSequentialJob({ ...bare(), spec: { ...bare().spec, updatePolicy: 'FutureSteps' } });
    const process = new Process(api);
    await process.reconcile();
    const steps = [container('extract'), container('transform'), container('store')];
    api.edit(NAMESPACE, 'etl', { steps });
    process.sync();
    await process.reconcile();
    expect(api.ofKind('ControllerRevision')).toMatchObject([{ revision: 2, data: { spec: { steps } } }]);
  });

  describe('the missing Job of the running step', () => {
    beforeEach(async () => {
      api.putSequentialJob(sequentialJob());
      await new Process(api).reconcile();
      api.done.length = 0;
    });

    it('is not created again when the response to the status write was lost and the watch lags', async () => {
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      api.putSequentialJob(sequentialJob());
      api.done.length = 0;
      const process = new Process(api);
      api.intercept = ({ path }) => (path.endsWith('/status') ? fault('Timeout', true) : undefined);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'Timeout' });
      api.intercept = () => undefined;
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      process.deps.jobs.replace([], api.version);
      await process.reconcile();
      expect(posts()).toHaveLength(1);
      expect(stored().status?.progress?.failureReason).toBe('JobDeleted');
    });
  });

  describe('deletion', () => {
    it('after the last finalizer is removed, no request is sent before the watch reports the deletion', async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60) } }));
      const process = new Process(api);
      await process.reconcile();
      await process.reconcile();
      expect(requests()).toEqual(['PATCH sequentialjobs']);
      expect(process.events).toEqual(['CleanedUp']);
    });
  });

  describe('errors', () => {
    it.each<readonly [ApiErrorCode]>([['ServerError'], ['Unauthorized']])(
      '%s on the creation of a Job is reported and thrown',
      async (code) => {
        api.putSequentialJob(sequentialJob());
        failCreates(code);
        const process = new Process(api);
        await expect(process.reconcile()).rejects.toMatchObject({ code });
        const progressing = getCondition(stored().status?.conditions, 'Progressing');
        expect(progressing).toMatchObject({ status: 'True', reason: 'ReconciliationError', message: `it was ${code}` });
        expect(process.events).toEqual(['ReconciliationFailed']);
      },
    );

    it('if the response to a status write is lost, the Events of that status are emitted later, even if the status was truncated', async () => {
      const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
      api.putSequentialJob(sequentialJob({ spec: { steps: names.map((name) => container(name)) } }));
      const process = new Process(api);
      for (const [i, name] of names.entries()) {
        await process.settle();
        api.setJobStatus(jobPath(NAMESPACE, `etl-${i}-${name}`), completed(i + 1));
        process.sync();
      }
      expect(process.deps.sequentialJobs.get(KEY)?.status?.steps?.length).toBeLessThan(names.length);
      let faults = 0;
      api.intercept = () => (faults++ === 0 ? fault('Unreachable', true) : undefined);
      process.events.length = 0;
      await process.settle();
      expect([...process.events].sort()).toEqual(['JobCompleted', 'SequenceCompleted']);
    });

    it('a persistent error is emitted on each reconcile, but written to the status once', async () => {
      api.putSequentialJob(sequentialJob());
      failCreates('ServerError');
      const process = new Process(api);
      for (let i = 0; i < 3; i++) await expect(process.reconcile()).rejects.toThrow('it was ServerError');
      // After an answer of 500 the object and its Jobs are asked for: what was written is not known.
      const look = ['GET sequentialjobs', 'GET jobs'];
      expect(api.done).toEqual([PREFLIGHT, 'PATCH sequentialjobs/status', ...look, ...look]);
      expect(process.events.filter((reason) => reason === 'ReconciliationFailed')).toHaveLength(3);
    });

    it.each<readonly [ApiErrorCode]>([['Conflict'], ['NotFound'], ['Aborted']])(
      '%s is not reported to the user',
      async (code) => {
        api.putSequentialJob(sequentialJob());
        api.intercept = ({ method }) => (method === 'PATCH' ? fault(code) : undefined);
        const process = new Process(api);
        await expect(process.reconcile()).rejects.toMatchObject({ code });
        expect(requests()).toEqual([PREFLIGHT, 'POST jobs', 'PATCH sequentialjobs/status']);
        expect(process.events).toEqual([]);
      },
    );

    it('a second error while the first one is reported does not replace the first one', async () => {
      api.putSequentialJob(sequentialJob());
      api.intercept = ({ method }) => fault(method === 'POST' ? 'ServerError' : 'Unreachable');
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'ServerError' });
      expect(process.events).toEqual([]);
    });

    it('a programming error is thrown and emitted, and no status is written', async () => {
      api.putSequentialJob(sequentialJob());
      const fault = new TypeError('a fault');
      api.intercept = () => {
        throw fault;
      };
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toBe(fault);
      expect(process.events).toEqual(['ReconciliationFailed']);
      expect(requests()).toEqual([PREFLIGHT]);
    });

    it('an error during a deletion is emitted, and no status is written', async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60) } }));
      api.putJob(observedJob(0));
      api.intercept = () => fault('ServerError');
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'ServerError' });
      expect(requests()).toEqual(['DELETE jobs']);
      expect(process.events).toEqual(['ReconciliationFailed']);
    });
  });

  it('a decision that never becomes stable is an internal error', async () => {
    api.putSequentialJob(sequentialJob());
    // The Job is said to exist, and is never there.
    api.intercept = (request) =>
      isCreate(request) ? { error: new ApiError('AlreadyExists', 'x'), after: false } : undefined;
    await expect(new Process(api).reconcile()).rejects.toThrow('the decision about team-a/etl still has actions after');
    expect(requests().filter((one) => one === 'POST jobs')).toHaveLength(8);
  });
});
