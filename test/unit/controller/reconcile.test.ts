import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PodListState } from '../../../controller/informers.ts';
import { reconcile } from '../../../controller/reconcile.ts';
import { FINALIZER } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { getCondition, isTrue } from '../../../shared/conditions.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode, isApiError } from '../../../shared/kube/errors.ts';
import { describeFault, describeRequest, FakeApi, fault, jobPath, PASSING } from '../../support/fake-api.ts';
import {
  at,
  completed,
  container,
  failed,
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

  describe('the requests of one reconcile', () => {
    it.each<readonly [string, () => void, readonly string[], readonly string[]]>([
      [
        'a new object without the finalizer: record of the spec, finalizer, preflight, Job, status, then the events',
        () => api.putSequentialJob(bare()),
        ['POST controllerrevisions', 'PATCH sequentialjobs', PREFLIGHT, 'POST jobs', 'PATCH sequentialjobs/status'],
        ['SequenceStarted', 'JobStarted'],
      ],
      [
        'a new object with the finalizer: preflight, Job and status',
        () => api.putSequentialJob(sequentialJob()),
        [PREFLIGHT, 'POST jobs', 'PATCH sequentialjobs/status'],
        ['SequenceStarted', 'JobStarted'],
      ],
      [
        'one whose finalizer a client has brought along: record of the spec, too',
        () => {
          const fieldsV1 = { 'f:spec': {}, 'f:metadata': { 'f:finalizers': { [`v:"${FINALIZER}"`]: {} } } };
          const metadata = { ...sequentialJob().metadata, managedFields: [{ manager: 'kubectl', fieldsV1 }] };
          api.putSequentialJob({ ...sequentialJob(), metadata });
        },
        [PREFLIGHT, 'POST controllerrevisions', 'POST jobs', 'PATCH sequentialjobs/status'],
        ['SequenceStarted', 'JobStarted'],
      ],
      ['an object that is gone: nothing', () => undefined, [], []],
      [
        'a spec that is invalid: one status',
        () => api.putSequentialJob(sequentialJob({ spec: { containers: [container('a'), container('a')] } })),
        ['PATCH sequentialjobs/status'],
        ['SequenceFailed'],
      ],
      [
        "somebody else's Job in the way: preflight, one look, one status",
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

    it('a second reconcile, when nothing has changed, asks for nothing and tells nothing', async () => {
      api.putSequentialJob(bare());
      const process = new Process(api);
      await process.reconcile();
      const before = requests().length;
      process.events.length = 0;
      await process.reconcile();
      process.sync();
      await process.reconcile();
      await new Process(api).reconcile();
      expect(requests()).toHaveLength(before);
      expect(process.events).toEqual([]);
    });

    const running: SequentialJobStatus = {
      startTime: NOW,
      steps: [{ index: 0, name: 'extract', jobName: 'etl-0-extract', jobUID: jobUid(0), state: 'Running' }],
    };
    const RUNS = sequentialJob({ status: running });
    const OVER = sequentialJob({ status: { ...running, completionTime: NOW, observedGeneration: 1 } });

    it.each<readonly [string, PodListState, SequentialJob, number]>([
      ['one that runs asks for the Pods while their first list is awaited', 'awaited', RUNS, 1],
      ['one that runs asks for none once they are listed', 'listed', RUNS, 0],
      ['one that runs asks for none where they may not be read', 'forbidden', RUNS, 0],
      ['one that is over asks for none', 'awaited', OVER, 0],
      ['one without a step asks for none', 'awaited', sequentialJob(), 0],
    ])('%s', async (_says, state, object, expected) => {
      api.putSequentialJob(object);
      api.putJob(observedJob(0));
      await reconcile(KEY, { ...new Process(api).deps, podsState: () => state });
      expect(requests().filter((request) => request === 'GET pods')).toHaveLength(expected);
    });

    it('knows of its own writes before the watch tells of them', async () => {
      api.putSequentialJob(sequentialJob());
      const process = new Process(api);
      await process.reconcile();
      expect(process.deps.sequentialJobs.get(KEY)?.status?.steps).toHaveLength(1);
      expect(process.deps.jobs.size).toBe(1);
      await process.reconcile();
      expect(posts()).toHaveLength(1);
    });
  });

  it('runs three steps: one preflight, one Job and one status each, and one status more for the end', async () => {
    api.putSequentialJob(sequentialJob());
    const process = new Process(api);
    await process.reconcile();
    for (const [i, name] of ['extract', 'transform', 'load'].entries()) {
      expect(jobNames()).toHaveLength(i + 1);
      api.setJobStatus(jobPath(NAMESPACE, `etl-${i}-${name}`), completed(30 * (i + 1)));
      process.sync();
      await process.reconcile();
    }
    expect(requests()).toEqual([
      PREFLIGHT,
      'POST jobs',
      'PATCH sequentialjobs/status',
      'POST jobs',
      'PATCH sequentialjobs/status',
      'POST jobs',
      'PATCH sequentialjobs/status',
      'PATCH sequentialjobs/status',
    ]);
    expect(stored().status?.phase).toBe('Completed');
    expect(stored().status?.progress?.summary).toBe('3/3');
    expect(process.events).toEqual([
      'SequenceStarted',
      'JobStarted',
      'JobCompleted',
      'JobStarted',
      'JobCompleted',
      'JobStarted',
      'JobCompleted',
      'SequenceCompleted',
    ]);
  });

  it('stops at a step that fails', async () => {
    api.putSequentialJob(sequentialJob());
    const process = new Process(api);
    await process.reconcile();
    api.setJobStatus(jobPath(NAMESPACE, 'etl-0-extract'), failed());
    process.sync();
    await process.reconcile();
    process.sync();
    await process.reconcile();
    expect(jobNames()).toEqual(['etl-0-extract']);
    expect(stored().status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 0, failureReason: 'BackoffLimitExceeded' },
    });
  });

  it('adopts the Job that was made and not recorded under the name that an earlier version gave it', async () => {
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
    ['renames the step', { containers: [container('fetch'), container('transform'), container('load')] }],
    ['takes the other steps away', { containers: [container('fetch')] }],
    ['breaks a rule', { containers: [container('fetch'), container('fetch')] }],
  ])('adopts the Job that was made and not recorded when an edit %s', async (_says, spec) => {
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

  it('records a change that is allowed where it has recorded what was before: no webhook vouches for either', async () => {
    api.putSequentialJob({ ...bare(), spec: { ...bare().spec, updatePolicy: 'FutureSteps' } });
    const process = new Process(api);
    await process.reconcile();
    const containers = [container('extract'), container('transform'), container('store')];
    api.edit(NAMESPACE, 'etl', { containers });
    process.sync();
    await process.reconcile();
    expect(api.ofKind('ControllerRevision')).toMatchObject([{ revision: 2, data: { spec: { containers } } }]);
  });

  it('gives a running sequence its finalizer back when an update dropped it', async () => {
    api.putSequentialJob(sequentialJob());
    await new Process(api).reconcile();
    const { finalizers: _, ...metadata } = stored().metadata;
    api.putSequentialJob({ ...stored(), metadata });
    await new Process(api).reconcile();
    expect(stored().metadata.finalizers).toEqual([FINALIZER]);
    expect(posts()).toHaveLength(1);
  });

  describe('a Job that is not where it should be', () => {
    beforeEach(async () => {
      api.putSequentialJob(sequentialJob());
      await new Process(api).reconcile();
      api.done.length = 0;
    });

    it('is asked for, and is a failure when it is gone: never a second start', async () => {
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      const process = new Process(api);
      await process.reconcile();
      expect(requests().slice(3)).toEqual(['GET jobs', 'GET pods', 'PATCH sequentialjobs/status']);
      expect(stored().status?.progress?.failureReason).toBe('JobDeleted');
      expect(posts()).toEqual([]);
    });

    it('is not made again when the answer to the status write was lost and the watch is behind', async () => {
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      api.putSequentialJob(sequentialJob());
      api.done.length = 0;
      const process = new Process(api);
      api.intercept = ({ path }) => (path.endsWith('/status') ? fault('Timeout', true) : undefined);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'Timeout' });
      api.intercept = () => undefined;
      // The deletion has come, the status has not.
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      process.deps.jobs.replace([], api.version);
      await process.reconcile();
      expect(posts()).toHaveLength(1);
      expect(stored().status?.progress?.failureReason).toBe('JobDeleted');
    });

    it('is taken as it is when only the cache was behind', async () => {
      const process = new Process(api);
      process.deps.jobs.replace([], api.version);
      await process.reconcile();
      expect(stored().status?.phase).toBe('Running');
      expect(posts()).toEqual([]);
    });

    it('is looked at from time to time when somebody took our labels off', async () => {
      const [job] = api.jobs();
      if (job === undefined) throw new Error('there is no Job');
      api.put(jobPath(NAMESPACE, 'etl-0-extract'), { ...job, metadata: { ...job.metadata, labels: {} } });
      const process = new Process(api);
      process.deps.jobs.replace([], api.version);
      expect(await process.reconcile()).toBe(10_000);
      expect(process.deps.jobs.size).toBe(0);
      expect(stored().status?.phase).toBe('Running');
    });
  });

  it('looks again at a name that is being freed', async () => {
    api.putSequentialJob(sequentialJob());
    api.putJob(observedJob(0, { metadata: { ownerReferences: [ownedBy('elder')], deletionTimestamp: at(0) } }));
    const process = new Process(api);
    expect(await process.reconcile()).toBe(2000);
    expect(stored().status?.phase).toBe('Pending');
    api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
    process.sync();
    // Where its Pod does not come, the Events are asked.
    expect(await process.reconcile()).toBe(2000);
    expect(stored().status?.phase).toBe('Running');
  });

  describe('deletion', () => {
    function deleted(more: Partial<SequentialJob['metadata']> = {}): void {
      const object = stored();
      api.putSequentialJob({ ...object, metadata: { ...object.metadata, deletionTimestamp: at(60), ...more } });
    }

    it('deletes the Jobs, waits for them, then lets go and says so', async () => {
      api.putSequentialJob(sequentialJob());
      const process = new Process(api);
      await process.reconcile();
      deleted();
      process.sync();
      process.events.length = 0;
      api.done.length = 0;
      await process.reconcile();
      expect(api.done).toEqual(['DELETE jobs']);
      process.sync();
      await process.reconcile();
      expect(api.done).toEqual(['DELETE jobs']);
      api.remove(jobPath(NAMESPACE, 'etl-0-extract'));
      process.sync();
      await process.reconcile();
      expect(api.done).toEqual(['DELETE jobs', 'PATCH sequentialjobs']);
      expect(api.sequentialJob(NAMESPACE, 'etl')).toBeUndefined();
      expect(process.events).toEqual(['CleanedUp']);
      process.sync();
      await process.reconcile();
      expect(process.events).toEqual(['CleanedUp']);
    });

    it('of an object without Jobs takes one request', async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60) } }));
      await new Process(api).reconcile();
      expect(requests()).toEqual(['PATCH sequentialjobs']);
    });

    it('is over for us with the last finalizer: the object is not asked for again before the watch tells', async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60) } }));
      const process = new Process(api);
      await process.reconcile();
      await process.reconcile();
      expect(requests()).toEqual(['PATCH sequentialjobs']);
      expect(process.events).toEqual(['CleanedUp']);
    });

    it("keeps others' finalizers, and then has no more to do", async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60), finalizers: ['a/b', FINALIZER] } }));
      const process = new Process(api);
      await process.reconcile();
      expect(stored().metadata.finalizers).toEqual(['a/b']);
      process.sync();
      await process.reconcile();
      expect(requests()).toEqual(['PATCH sequentialjobs']);
      expect(process.events).toEqual(['CleanedUp']);
    });
  });

  describe('trouble', () => {
    it.each<readonly [ApiErrorCode]>([
      ['ServerError'],
      ['Timeout'],
      ['TooManyRequests'],
      ['Unreachable'],
      ['Unauthorized'],
    ])('%s on the Job is told to the user, and thrown so that it is tried again', async (code) => {
      api.putSequentialJob(sequentialJob());
      api.intercept = (request) => (isCreate(request) ? fault(code) : undefined);
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toMatchObject({ code });
      const progressing = getCondition(stored().status?.conditions, 'Progressing');
      expect(progressing).toMatchObject({ status: 'True', reason: 'ReconciliationError', message: `it was ${code}` });
      expect(process.events).toEqual(['ReconciliationFailed']);
    });

    it('of which nobody heard that the write was done is told of, also with a status that is too long to be kept', async () => {
      const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
      api.putSequentialJob(sequentialJob({ spec: { containers: names.map((name) => container(name)) } }));
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

    it('that lasts is told each time, but written once', async () => {
      api.putSequentialJob(sequentialJob());
      api.intercept = (request) => (isCreate(request) ? fault('ServerError') : undefined);
      const process = new Process(api);
      for (let i = 0; i < 3; i++) await expect(process.reconcile()).rejects.toThrow('it was ServerError');
      // After an answer of 500 the object and its Jobs are asked for: what was written is not known.
      const look = ['GET sequentialjobs', 'GET jobs'];
      expect(api.done).toEqual([PREFLIGHT, 'PATCH sequentialjobs/status', ...look, ...look]);
      expect(process.events.filter((reason) => reason === 'ReconciliationFailed')).toHaveLength(3);
    });

    it('that has passed is no more to be seen', async () => {
      api.putSequentialJob(sequentialJob());
      api.intercept = (_, number) => (number === 0 ? fault('ServerError') : undefined);
      const process = new Process(api);
      await process.settle();
      expect(getCondition(stored().status?.conditions, 'Progressing')?.reason).toBe('JobRunning');
    });

    it.each<readonly [ApiErrorCode]>([['Conflict'], ['NotFound'], ['Aborted']])(
      '%s is nobody’s trouble',
      async (code) => {
        api.putSequentialJob(sequentialJob());
        api.intercept = ({ method }) => (method === 'PATCH' ? fault(code) : undefined);
        const process = new Process(api);
        await expect(process.reconcile()).rejects.toMatchObject({ code });
        expect(requests()).toEqual([PREFLIGHT, 'POST jobs', 'PATCH sequentialjobs/status']);
        expect(process.events).toEqual([]);
      },
    );

    it('a status that somebody changed meanwhile is a Conflict: no events, and the next reconcile has it right', async () => {
      api.putSequentialJob(sequentialJob());
      const process = new Process(api);
      api.putSequentialJob(sequentialJob({ metadata: { labels: { touched: 'yes' } } }));
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'Conflict' });
      expect(process.events).toEqual([]);
      process.sync();
      await process.reconcile();
      expect(process.events).toEqual(['SequenceStarted', 'JobStarted']);
      expect(posts()).toHaveLength(1);
    });

    it('on the way to telling of it is thrown as it first was', async () => {
      api.putSequentialJob(sequentialJob());
      api.intercept = ({ method }) => fault(method === 'POST' ? 'ServerError' : 'Unreachable');
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'ServerError' });
      expect(process.events).toEqual([]);
    });

    it('a fault of our own is thrown, and the user is not left without a word', async () => {
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

    it('deleting: no status is written, the event is', async () => {
      api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(60) } }));
      api.putJob(observedJob(0));
      api.intercept = () => fault('ServerError');
      const process = new Process(api);
      await expect(process.reconcile()).rejects.toMatchObject({ code: 'ServerError' });
      expect(requests()).toEqual(['DELETE jobs']);
      expect(process.events).toEqual(['ReconciliationFailed']);
    });

    it.each<readonly [ApiErrorCode]>([['Forbidden'], ['Invalid']])(
      '%s on the Job is the end, until the spec changes',
      async (code) => {
        api.putSequentialJob(sequentialJob());
        api.intercept = (request) => (isCreate(request) ? fault(code) : undefined);
        const process = new Process(api);
        await process.reconcile();
        expect(stored().status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobRejected' } });
        process.sync();
        await process.reconcile();
        expect(requests()).toEqual([PREFLIGHT, 'POST jobs', 'GET jobs', 'PATCH sequentialjobs/status']);
        api.intercept = () => undefined;
        const changed = stored();
        api.putSequentialJob({ ...changed, metadata: { ...changed.metadata, generation: 2 } });
        process.sync();
        await process.settleOnce();
        expect(stored().status?.phase).toBe('Running');
        expect(posts()).toHaveLength(1);
      },
    );
  });

  describe('crash points: whatever fails once, and however, each step gets one Job and all ends well', () => {
    /** Requests of a whole run of three steps without trouble: record of the spec, finalizer, preflight, 3 Jobs, 4 statuses. */
    const REQUESTS = 10;

    async function run(crashes: boolean): Promise<readonly string[]> {
      const events: string[] = [];
      let process = new Process(api);
      for (const [i, name] of ['extract', 'transform', 'load', undefined].entries()) {
        try {
          await process.reconcile();
        } catch (error) {
          if (!isApiError(error)) throw error;
          events.push(...process.events);
          if (crashes) process = new Process(api);
          else process.sync();
          await process.settle();
        }
        if (name !== undefined) api.setJobStatus(jobPath(NAMESPACE, `etl-${i}-${name}`), completed(30 * (i + 1)));
        process.sync();
      }
      return events;
    }

    const cases = PASSING.flatMap((planned) =>
      [false, true].flatMap((crashes) =>
        Array.from({ length: REQUESTS }, (_, number) => ({
          says: `request ${number} ${describeFault(planned)}${crashes ? ', and the process dies' : ''}`,
          number,
          planned,
          crashes,
        })),
      ),
    );

    it.each(cases)('$says', async ({ number, planned, crashes }) => {
      api.putSequentialJob(bare());
      api.intercept = (_, n) => (n === number ? planned : undefined);
      await run(crashes);
      expect(api.client.requests.length).toBeGreaterThan(number);
      expect(posts()).toHaveLength(3);
      expect(jobNames()).toEqual(['etl-0-extract', 'etl-1-transform', 'etl-2-load']);
      const { status, metadata } = stored();
      expect(metadata.finalizers).toEqual([FINALIZER]);
      expect(isTrue(status?.conditions, 'Complete')).toBe(true);
      expect(status?.steps?.map(({ state, jobUID }) => `${state} ${jobUID}`)).toEqual(
        api.jobs().map((job) => `Succeeded ${job.metadata.uid}`),
      );
    });

    it('without trouble takes as many requests as the cases above try', async () => {
      api.putSequentialJob(bare());
      await run(false);
      expect(api.client.requests).toHaveLength(REQUESTS);
    });
  });

  it('a decision that never comes to rest is a fault of our own, and says so', async () => {
    api.putSequentialJob(sequentialJob());
    // The Job is said to exist, and is never there.
    api.intercept = (request) =>
      isCreate(request) ? { error: new ApiError('AlreadyExists', 'x'), after: false } : undefined;
    await expect(new Process(api).reconcile()).rejects.toThrow('the decision about team-a/etl still has actions after');
    expect(requests().filter((one) => one === 'POST jobs')).toHaveLength(8);
  });
});
