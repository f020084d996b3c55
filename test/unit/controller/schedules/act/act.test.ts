import { beforeEach, describe, expect, it } from '@jest/globals';
import { actOnSchedule } from '../../../../../controller/schedules/act/index.ts';
import type {
  Run,
  RunFinding,
  ScheduleAction,
  ScheduleDecision,
  ScheduleSnapshot,
} from '../../../../../controller/schedules/decide/types.ts';
import { runsOf, toRun } from '../../../../../controller/schedules/runs.ts';
import { toCachedSchedule } from '../../../../../controller/schedules/transform.ts';
import type { CronSequentialJob, CronSequentialJobStatus } from '../../../../../shared/api/schedule.ts';
import type { ObjectMeta } from '../../../../../shared/api/types.ts';
import { ApiError } from '../../../../../shared/kube/errors.ts';
import { describeRequest, FakeApi, fault, sequentialJobPath } from '../../../../support/fake-api.ts';
import { deepFreeze } from '../../../../support/freeze.ts';
import { at, NAMESPACE, ownedBy } from '../../../../support/objects.ts';
import {
  cronSequentialJob,
  NOTHING,
  ownedBySchedule,
  putSchedule,
  RUN,
  SCHEDULE_KEY,
  scheduleDeps,
  schedulePath,
  scheduledRun,
  TIME,
} from '../../../../support/schedules.ts';

const CREATE: ScheduleAction = { type: 'CreateRun', name: RUN, scheduledTime: TIME };
const CONFIRM: ScheduleAction = { type: 'ConfirmRun', name: RUN, uid: 'run-1' };
const RUN_KEY = `${NAMESPACE}/${RUN}`;

let api: FakeApi;
let deps: ReturnType<typeof scheduleDeps>;
let stored: CronSequentialJob;
let emitted: unknown[];
let delays: number[];

beforeEach(() => {
  api = new FakeApi();
  [emitted, delays] = [[], []];
  deps = scheduleDeps(api, {
    events: { emit: (object, event) => void emitted.push([object.kind, event.reason]) },
    now: () => Date.parse(TIME) + 250,
    observer: { recorded: () => undefined, runCreated: (delayMs) => void delays.push(delayMs) },
  });
  stored = putSchedule(api, cronSequentialJob());
  deps.schedules.observe(toCachedSchedule(stored));
});

const snapshot = (): ScheduleSnapshot =>
  deepFreeze({
    object: toCachedSchedule(stored),
    runs: runsOf(toCachedSchedule(stored), deps.sequentialJobs),
    findings: {},
  });
const act = async (action: ScheduleAction, more: Partial<ScheduleDecision> = {}): Promise<ScheduleSnapshot> =>
  actOnSchedule({ ...NOTHING, ...more, actions: [action] }, snapshot(), deps);
const requests = (): readonly string[] => api.client.requests.map(describeRequest);
/** A SequentialJob of the run's name. */
const putRun = (metadata: Partial<ObjectMeta> = {}): void =>
  void api.put(sequentialJobPath(NAMESPACE, RUN), { ...scheduledRun(metadata) });
const forbidden = (message: string): ApiError => new ApiError('Forbidden', message, { status: 403 });

describe('CreateRun', () => {
  it('reads the template, creates the run with our field manager, caches it and starts its sequence', async () => {
    const after = await act(CREATE);
    expect(requests()).toEqual(['GET cronsequentialjobs', 'POST sequentialjobs']);
    expect(api.client.requests[1]).toMatchObject({
      path: `/apis/batch.example.com/v1beta1/namespaces/${NAMESPACE}/sequentialjobs`,
      query: { fieldManager: 'sequentialjob-controller' },
      body: { metadata: { name: RUN, ownerReferences: [ownedBySchedule()] }, spec: { steps: [{ name: 'extract' }] } },
    });
    expect(after.findings).toEqual({ [RUN]: { type: 'exists' } });
    expect(after.runs).toMatchObject([{ name: RUN, scheduledTime: TIME, state: 'Active' }]);
    expect(snapshot().runs).toEqual(after.runs);
    expect(deps.enqueued).toEqual([RUN_KEY]);
    expect(delays).toEqual([250]);
  });

  it('leaves no spec in the budget of a run that is gone before the answer comes', async () => {
    deps.sequentialJobs.replace([], '5000');
    await act(CREATE);
    expect(deps.objects).toHaveProperty('cachedBytes', 0);
  });

  it.each<readonly [string, () => void]>([
    ['has another version', () => void putSchedule(api, stored)],
    ['is another object of the name', () => void putSchedule(api, cronSequentialJob({ metadata: { uid: 'other' } }))],
  ])(
    'creates nothing if the stored schedule %s: it may record by now that the run has ended',
    async (_says, change) => {
      change();
      await expect(act(CREATE)).rejects.toMatchObject({ code: 'Conflict' });
      expect(requests()).toEqual(['GET cronsequentialjobs']);
      expect(deps.schedules.get(SCHEDULE_KEY)?.metadata.resourceVersion).toBe(api.version);
    },
  );

  it('creates nothing if the schedule is being deleted', async () => {
    stored = putSchedule(api, cronSequentialJob({ metadata: { deletionTimestamp: at(0), finalizers: ['x/y'] } }));
    await expect(act(CREATE)).rejects.toMatchObject({ code: 'Conflict' });
    expect(requests()).toEqual(['GET cronsequentialjobs']);
  });

  it('creates nothing if the schedule is gone', async () => {
    api.remove(schedulePath());
    await expect(act(CREATE)).rejects.toMatchObject({ code: 'NotFound' });
  });

  const conflict = (owner: string, isBeingDeleted: boolean): RunFinding => ({
    type: 'nameConflict',
    owner,
    isBeingDeleted,
  });

  it.each<readonly [string, Partial<ObjectMeta>, RunFinding]>([
    ['our run, of an earlier try, is taken', {}, { type: 'exists' }],
    ['one without an owner is a conflict', { ownerReferences: [] }, conflict('has no controller owner', false)],
    [
      'one of another controller is a conflict',
      { ownerReferences: [ownedBy()] },
      conflict('is owned by SequentialJob "etl"', false),
    ],
    [
      'one that is being deleted is a conflict that passes',
      { ownerReferences: [], deletionTimestamp: at(0) },
      conflict('has no controller owner', true),
    ],
    [
      'one of a deleted schedule of the same name is a conflict that passes: it is collected',
      { ownerReferences: [ownedBySchedule('earlier')] },
      conflict('is owned by CronSequentialJob "nightly"', true),
    ],
    [
      'one that somebody started from the schedule by hand is a conflict',
      { ownerReferences: [{ ...ownedBySchedule(), controller: false }] },
      conflict('has no controller owner', false),
    ],
  ])('if the name is taken: %s', async (_says, metadata, finding) => {
    putRun(metadata);
    const after = await act(CREATE);
    expect(after.findings).toEqual({ [RUN]: finding });
    expect(after.runs).toHaveLength(finding.type === 'exists' ? 1 : 0);
    expect(deps.sequentialJobs.size).toBe(finding.type === 'exists' ? 1 : 0);
    expect(delays).toEqual([]);
  });

  it('decides again if the run of the name is deleted between the two requests', async () => {
    putRun();
    api.intercept = ({ method }, number) => {
      if (method === 'GET' && number > 0) api.remove(sequentialJobPath(NAMESPACE, RUN));
      return undefined;
    };
    expect((await act(CREATE)).findings).toEqual({});
  });

  it.each<readonly [string, ApiError, RunFinding]>([
    [
      'an exceeded quota is waited for',
      forbidden('sequentialjobs "x" is forbidden: exceeded quota: q'),
      { type: 'postponed', reason: 'QuotaExceeded', message: 'sequentialjobs "x" is forbidden: exceeded quota: q' },
    ],
    [
      'a permission that the operator lacks is waited for',
      forbidden('sequentialjobs.batch.example.com is forbidden: User "x" cannot create resource'),
      {
        type: 'postponed',
        reason: 'PermissionDenied',
        message: 'sequentialjobs.batch.example.com is forbidden: User "x" cannot create resource',
      },
    ],
    [
      'a policy',
      forbidden('admission webhook "x" denied it'),
      { type: 'rejected', message: 'admission webhook "x" denied it' },
    ],
    [
      'an invalid spec',
      new ApiError('Invalid', `spec is invalid${'!'.repeat(2000)}`, { status: 422 }),
      { type: 'rejected', message: `spec is invalid${'!'.repeat(1006)}…` },
    ],
  ])('if the API server refuses it: %s', async (_says, refusal, finding) => {
    api.refuse = () => refusal;
    expect((await act(CREATE)).findings).toEqual({ [RUN]: finding });
  });

  it('takes the run of an earlier try if the API server refuses another one', async () => {
    putRun();
    api.refuse = () => forbidden('sequentialjobs "x" is forbidden: exceeded quota: q');
    expect((await act(CREATE)).findings).toEqual({ [RUN]: { type: 'exists' } });
  });

  it('in a terminating namespace rejects: nothing is wrong with the run', async () => {
    api.refuse = () =>
      new ApiError('Forbidden', 'it is being terminated', {
        status: 403,
        causes: [{ reason: 'NamespaceTerminating' }],
      });
    await expect(act(CREATE)).rejects.toMatchObject({ code: 'Forbidden' });
  });

  it('that gets no answer is found by its name at the next try, and there is one run', async () => {
    api.intercept = ({ method }) => (method === 'POST' ? fault('Timeout', true) : undefined);
    await expect(act(CREATE)).rejects.toMatchObject({ code: 'Timeout' });
    expect(deps.uncertainWrites.mustReread(SCHEDULE_KEY)).toBe(true);
    api.intercept = () => undefined;
    expect((await act(CREATE)).findings).toEqual({ [RUN]: { type: 'exists' } });
    expect(api.ofKind('SequentialJob')).toHaveLength(1);
  });
});

describe('ConfirmRun', () => {
  it('takes the run that the cache does not have', async () => {
    putRun();
    const after = await act(CONFIRM);
    expect(after).toMatchObject({ findings: { [RUN]: { type: 'exists' } }, runs: [{ uid: 'run-1' }] });
    expect(deps.enqueued).toEqual([RUN_KEY]);
  });

  it('takes the run of a time of which it is not known whether it was started', async () => {
    putRun();
    expect(await act({ type: 'ConfirmRun', name: RUN })).toMatchObject({ findings: { [RUN]: { type: 'exists' } } });
  });

  it.each<readonly [string, Partial<ObjectMeta> | undefined]>([
    ['is gone', undefined],
    ['is another object of that name', { uid: 'run-2' }],
    ['is no longer controlled by the schedule', { ownerReferences: [] }],
  ])('finds nothing if the run %s', async (_says, metadata) => {
    if (metadata !== undefined) putRun(metadata);
    expect(await act(CONFIRM)).toMatchObject({ findings: { [RUN]: { type: 'notFound' } }, runs: [] });
    expect(deps.sequentialJobs.size).toBe(0);
  });
});

describe('DeleteRuns', () => {
  const names = Array.from({ length: 10 }, (_, i) => `nightly-${i}`);
  const runs = (): readonly Run[] =>
    names.map((name, i) => {
      const path = sequentialJobPath(NAMESPACE, name);
      const object = api.put(path, { ...scheduledRun({ name, uid: `run-${i}` }) });
      deps.sequentialJobs.observe(object as never);
      return toRun(object as never);
    });
  const deletion = (): ScheduleAction => ({ type: 'DeleteRuns', runs: runs(), because: 'HistoryLimit' });

  it('deletes each with a precondition on its UID, and leaves its Jobs to its finalizer', async () => {
    const after = await act(deletion());
    expect(api.client.requests).toHaveLength(names.length);
    expect(api.client.requests[3]).toMatchObject({
      method: 'DELETE',
      path: sequentialJobPath(NAMESPACE, 'nightly-3'),
      body: { propagationPolicy: 'Background', preconditions: { uid: 'run-3' } },
    });
    expect(after.runs.map(({ isBeingDeleted }) => isBeingDeleted)).toEqual(names.map(() => true));
    expect(snapshot().runs).toEqual(after.runs);
    expect(deps.enqueued).toHaveLength(names.length);
  });

  it('a run that is gone already, or that nothing holds, is no longer there', async () => {
    const action = deletion();
    api.remove(sequentialJobPath(NAMESPACE, 'nightly-0'));
    const { finalizers: _, ...unheld } = scheduledRun({ name: 'nightly-1', uid: 'run-1' }).metadata;
    api.put(sequentialJobPath(NAMESPACE, 'nightly-1'), { ...scheduledRun(), metadata: unheld });
    expect((await act(action)).runs).toHaveLength(names.length - 2);
  });

  it('another object of the name is not deleted: what is known is outdated', async () => {
    const action = deletion();
    api.put(sequentialJobPath(NAMESPACE, 'nightly-0'), { ...scheduledRun({ name: 'nightly-0', uid: 'other' }) });
    await expect(act(action)).rejects.toMatchObject({ code: 'Conflict' });
    expect(api.get(sequentialJobPath(NAMESPACE, 'nightly-0'))?.metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('RecordStatus', () => {
  const status: CronSequentialJobStatus = { activeRuns: 1, active: [{ name: RUN, scheduledTime: TIME }] };
  const events = [{ type: 'Warning', reason: 'MissSchedule', message: 'x' }] as const;

  it('writes the status of the decision, then its events; what follows works on what was written', async () => {
    const after = await actOnSchedule(
      { ...NOTHING, status, events, actions: [{ type: 'RecordStatus' }, CREATE] },
      snapshot(),
      deps,
    );
    expect(requests()).toEqual(['PATCH cronsequentialjobs/status', 'GET cronsequentialjobs', 'POST sequentialjobs']);
    expect(after.object.status).toEqual(status);
    expect(deps.schedules.get(SCHEDULE_KEY)).toEqual(after.object);
    expect(emitted).toEqual([['CronSequentialJob', 'MissSchedule']]);
  });

  it('writes nothing over a newer state, and emits nothing', async () => {
    putSchedule(api, stored);
    await expect(act({ type: 'RecordStatus' }, { status, events })).rejects.toMatchObject({ code: 'Conflict' });
    expect(api.get(schedulePath())?.['status']).toBeUndefined();
    expect(emitted).toEqual([]);
  });
});
