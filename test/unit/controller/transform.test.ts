import {
  ENDED_ANNOTATION,
  FINALIZER,
  LABELS,
  MANAGER,
  SCHEDULED_TIME_ANNOTATION,
  SUSPENDED_ANNOTATION,
} from '../../../shared/api/group.ts';
import type { ObservedJob } from '../../../shared/api/job.ts';
import { describe, expect, it } from '@jest/globals';
import { toObservedJob, toSequentialJob } from '../../../controller/transform.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, completed, observedJob, sequentialJob } from '../../support/objects.ts';
import { ownedBySchedule } from '../../support/schedules.ts';

describe('toSequentialJob', () => {
  const { metadata } = sequentialJob();

  it.each<readonly [string, Record<string, unknown>, Record<string, unknown>]>([
    ['drops managedFields', { managedFields: [{ manager: 'kubectl' }] }, {}],
    ['drops selfLink, which Kubernetes 1.20 still sends', { selfLink: '/apis/x' }, {}],
    [
      'drops labels, annotations and owner references, which clients can make large',
      { labels: { a: 'b' }, annotations: { note: 'x' }, ownerReferences: [] },
      {},
    ],
    [
      'drops those of a sequence that something else controls',
      {
        annotations: { [SCHEDULED_TIME_ANNOTATION]: at(0) },
        ownerReferences: [{ ...ownedBySchedule(), kind: 'CronJob', apiVersion: 'batch/v1' }],
      },
      {},
    ],
    [
      'keeps of a run its schedule and its time, and no more',
      {
        annotations: { note: 'x', [SCHEDULED_TIME_ANNOTATION]: at(0) },
        ownerReferences: [{ ...ownedBySchedule(), controller: false, name: 'x' }, ownedBySchedule()],
      },
      { annotations: { [SCHEDULED_TIME_ANNOTATION]: at(0) }, ownerReferences: [ownedBySchedule()] },
    ],
    [
      'drops a time and a schedule of any length',
      {
        annotations: { [SCHEDULED_TIME_ANNOTATION]: 'x'.repeat(65) },
        ownerReferences: [ownedBySchedule('uid', 'x'.repeat(254))],
      },
      {},
    ],
    ['keeps the deletionTimestamp', { deletionTimestamp: at(1) }, { deletionTimestamp: at(1) }],
  ])('%s', (_says, more, expected) => {
    const raw = deepFreeze({ ...sequentialJob(), metadata: { ...metadata, ...more } });
    expect(toSequentialJob(raw).metadata).toEqual({ ...metadata, ...expected });
  });

  it('keeps spec and status unchanged, without a copy', () => {
    const raw = deepFreeze(sequentialJob({ metadata: { finalizers: [] }, status: { phase: 'Running' } }));
    const kept = toSequentialJob(raw);
    expect(kept).toEqual(raw);
    expect(kept.spec).toBe(raw.spec);
  });

  const spec = { 'f:spec': { 'f:containers': {} } };
  const ours = { '.': {}, [`v:"${FINALIZER}"`]: {} };
  const by = (fields: object, manager = 'kubectl'): object => ({ manager, operation: 'Update', fieldsV1: fields });
  const STATUS = { ...by({ 'f:status': {} }, MANAGER), subresource: 'status' };

  it.each<readonly [string, readonly object[] | null | undefined, true | undefined]>([
    ['that no client has set, so that a webhook did', [by(spec)], undefined],
    [
      'beside another finalizer that a client has set',
      [by({ ...spec, 'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x/y"': {} } } })],
      undefined,
    ],
    ['that a client has set at creation', [by({ ...spec, 'f:metadata': { 'f:finalizers': ours } })], true],
    [
      'that a client has set at creation, on Kubernetes 1.20',
      [by({ ...spec, 'f:metadata': { 'f:finalizers': {} } })],
      true,
    ],
    ['that a client has added later', [by(spec), by({ 'f:metadata': { 'f:finalizers': ours } }, 'editor')], true],
    [
      'that was added under the field manager of the operator',
      [by(spec), by({ 'f:metadata': { 'f:finalizers': ours } }, MANAGER)],
      true,
    ],
    ['of an object whose managedFields a client has cleared', undefined, true],
    ['of an object whose managedFields are null', null, true],
    [
      'of an object whose managedFields start after they were cleared',
      [by({ 'f:metadata': { 'f:labels': {} } }), STATUS],
      true,
    ],
  ])('derives from a finalizer %s whether admission was bypassed', (_says, managedFields, expected) => {
    const raw = { ...sequentialJob(), metadata: { ...metadata, managedFields } };
    expect(toSequentialJob(deepFreeze(raw)).finalizerSetByClient).toBe(expected);
    const without = { ...raw, metadata: { ...raw.metadata, finalizers: ['x/y'] } };
    expect(toSequentialJob(deepFreeze(without)).finalizerSetByClient).toBeUndefined();
  });
});

const OWNED_BY_A_QUEUE = { manager: 'queue', operation: 'Update', fieldsV1: { 'f:spec': { 'f:suspend': {} } } };

describe('toObservedJob', () => {
  const job = observedJob(0, { status: completed() });

  it('keeps the fields that the controller reads, and no others', () => {
    const stepLabels = { [LABELS.stepIndex]: String(job.step.index), [LABELS.stepName]: job.step.name };
    const raw = deepFreeze({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        ...job.metadata,
        generation: 1,
        labels: { a: 'b', ...stepLabels },
        annotations: {},
        managedFields: [],
      },
      spec: { template: { spec: { containers: [] } } },
      status: { ...job.status, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
    });
    const { conditions, ...status } = job.status;
    const ofTheEnd = conditions?.filter(({ type }) => type === 'Complete');
    expect(ofTheEnd).toHaveLength(1);
    expect(toObservedJob(raw)).toEqual({ ...job, status: { ...status, conditions: ofTheEnd } });
  });

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['of a suspended Job: Suspended', ['Suspended'], ['Suspended']],
    ['of a failed Job that was suspended: Failed only', ['Suspended', 'Failed'], ['Failed']],
    ['of a Job that is about to fail: FailureTarget', ['FailureTarget'], ['FailureTarget']],
    ['of a failed Job: Failed only', ['FailureTarget', 'Failed'], ['Failed']],
    ['of a Job with SuccessCriteriaMet: none, because its Pods are still terminating', ['SuccessCriteriaMet'], []],
    ['of a complete Job: Complete only', ['SuccessCriteriaMet', 'Complete'], ['Complete']],
  ])('keeps the conditions that the controller reads, %s', (_says, types, kept) => {
    const conditions = types.map((type) => ({ type, status: 'True' }));
    const { status } = toObservedJob({ metadata: job.metadata, status: { conditions } });
    expect(status.conditions?.map(({ type }) => type)).toEqual(kept);
  });

  it('drops the condition Suspended with the status False', () => {
    const conditions = [{ type: 'Suspended', status: 'False' }];
    expect(toObservedJob({ metadata: job.metadata, status: { conditions } }).status.conditions).toEqual([]);
  });

  it('keeps the fields of a condition that the controller reads', () => {
    const said = { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'no' };
    const raw = { metadata: job.metadata, status: { conditions: [{ ...said, lastProbeTime: at(1) }] } };
    expect(toObservedJob(raw).status.conditions).toStrictEqual([said]);
  });

  const annotated = (mark: string, more: object = {}): object => ({
    metadata: { annotations: { [SUSPENDED_ANNOTATION]: mark }, ...more },
  });
  const suspend = (isSuspended: boolean, more: object = {}): Record<string, unknown> => ({
    spec: { suspend: isSuspended },
    ...more,
  });
  const labelled = (labels: object): Record<string, unknown> => ({ metadata: { labels } });
  const BY_QUEUE = { managedFields: [OWNED_BY_A_QUEUE] };
  const BY_OUR_NAME = { managedFields: [{ ...OWNED_BY_A_QUEUE, manager: MANAGER }] };
  const ONCE = `1 ${at(1)}`;
  const ended = {
    spec: { activeDeadlineSeconds: 0 },
    metadata: { annotations: { [ENDED_ANNOTATION]: '600' } },
  };
  const STEP = { [LABELS.stepIndex]: '1', [LABELS.stepName]: 'load' };

  it.each<readonly [string, Record<string, unknown>, Partial<ObservedJob>]>([
    ['is not suspended', { spec: {} }, {}],
    ['is not suspended (suspend: false)', suspend(false), {}],
    ['is suspended by another client', suspend(true), { suspended: { byOperator: false } }],
    [
      'is suspended by another client with a known field manager',
      suspend(true, { metadata: BY_QUEUE }),
      { suspended: { byOperator: false, manager: 'queue' } },
    ],
    [
      'was created suspended by a webhook, so that its field manager is ours',
      suspend(true, { metadata: BY_OUR_NAME }),
      { suspended: { byOperator: false } },
    ],
    ['could not be suspended, because the server is older than 1.21', { spec: {}, ...annotated(ONCE) }, {}],
    [
      'is suspended by the operator',
      suspend(true, annotated('true')),
      { suspended: { byOperator: true }, suspensions: { count: 1 } },
    ],
    [
      'is suspended by the operator for the third time in a row',
      suspend(true, annotated(`3 ${at(1)}`)),
      { suspended: { byOperator: true }, suspensions: { count: 3, at: at(1) } },
    ],
    [
      'was suspended by the operator, and unsuspended by another client',
      suspend(false, annotated(ONCE)),
      { suspensions: { count: 1, at: at(1) } },
    ],
    [
      'was suspended by the operator, and unsuspended by a client with a known field manager',
      suspend(false, annotated(ONCE, BY_QUEUE)),
      { suspensions: { count: 1, at: at(1), undoneBy: 'queue' } },
    ],
    [
      'was suspended by the operator, then unsuspended and suspended again by another client',
      suspend(true, annotated(ONCE, BY_QUEUE)),
      { suspended: { byOperator: false, manager: 'queue' }, suspensions: { count: 1, at: at(1) } },
    ],
    ['was terminated by the operator', ended, { deadlineSeconds: 0, endedAfterSeconds: 600 }],
    ['is managed by another controller', { spec: { managedBy: 'example.com/x' } }, { managedBy: 'example.com/x' }],
    ["is managed by Kubernetes' own Job controller", { spec: { managedBy: 'kubernetes.io/job-controller' } }, {}],
    ['has an activeDeadlineSeconds', { spec: { activeDeadlineSeconds: 60 } }, { deadlineSeconds: 60 }],
    [
      'was created after a resume',
      labelled({ ...STEP, [LABELS.resume]: '2' }),
      { step: { index: 1, name: 'load', resumes: 2 } },
    ],
    ['was created before the first resume', labelled(STEP), { step: { index: 1, name: 'load' } }],
    [
      'is of a step in finally',
      labelled({ [LABELS.finallyIndex]: '0', [LABELS.stepName]: 'cleanup' }),
      { step: { index: 0, isFinally: true, name: 'cleanup' } },
    ],
    ['has labels that are not numbers', labelled({ [LABELS.stepIndex]: 'x', [LABELS.resume]: '-1' }), { step: {} }],
    [
      'has labels with numbers out of range',
      labelled({ [LABELS.stepIndex]: '12345678901', [LABELS.resume]: '1e3' }),
      { step: {} },
    ],
  ])('a Job that %s', (_says, raw, expected) => {
    const { metadata = {}, ...rest } = raw as { readonly metadata?: object };
    const bare = { step: {}, metadata: job.metadata, status: {} };
    const once = toObservedJob(deepFreeze({ ...rest, metadata: { ...job.metadata, ...metadata } }));
    expect(once).toStrictEqual({ ...bare, ...expected });
  });

  it.each<readonly [string, readonly [string, string][], number | undefined]>([
    ['of a running Job', [], 1],
    ['of a suspended Job', [['Suspended', 'True']], 1],
    ['of a Job whose condition Failed is False', [['Failed', 'False']], 1],
    ['unless the Job has finished, because it is not updated any more', [['Failed', 'True']], undefined],
  ])('keeps the number of terminating Pods %s', (_says, conditions, expected) => {
    const raw = { terminating: 1, conditions: conditions.map(([type, status]) => ({ type, status })) };
    expect(toObservedJob({ metadata: job.metadata, status: raw }).status.terminating).toBe(expected);
  });

  it('has no field with the value undefined', () => {
    const { deletionTimestamp: _, ...metadata } = job.metadata;
    expect(Object.keys(toObservedJob({ metadata }).metadata)).not.toContain('deletionTimestamp');
    expect(JSON.stringify(toObservedJob({ metadata, status: { active: 1 } }).status)).toBe('{"active":1}');
  });

  it('keeps the deletionTimestamp', () => {
    const metadata = { ...job.metadata, deletionTimestamp: at(1) };
    expect(toObservedJob({ metadata }).metadata.deletionTimestamp).toBe(at(1));
  });
});
