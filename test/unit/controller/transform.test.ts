import { ENDED_ANNOTATION, FINALIZER, LABELS, MANAGER, SUSPENDED_ANNOTATION } from '../../../shared/api/group.ts';
import type { ObservedJob } from '../../../shared/api/job.ts';
import { describe, expect, it } from '@jest/globals';
import { toObservedJob, toSequentialJob } from '../../../controller/transform.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, completed, observedJob, sequentialJob } from '../../support/objects.ts';

describe('toSequentialJob', () => {
  const { metadata } = sequentialJob();

  it.each<readonly [string, Record<string, unknown>, Record<string, unknown>]>([
    ['managed fields go', { managedFields: [{ manager: 'kubectl' }] }, {}],
    ['selfLink goes, as 1.20 still sends it', { selfLink: '/apis/x' }, {}],
    [
      'labels, annotations and owners go: whoever writes them may write as much as he likes',
      { labels: { a: 'b' }, annotations: { note: 'x' }, ownerReferences: [] },
      {},
    ],
    ['the time of deletion stays', { deletionTimestamp: at(1) }, { deletionTimestamp: at(1) }],
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
    ['which no client has set: a webhook did', [by(spec)], undefined],
    [
      'beside one that a client has set',
      [by({ ...spec, 'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x/y"': {} } } })],
      undefined,
    ],
    ['that came with the object', [by({ ...spec, 'f:metadata': { 'f:finalizers': ours } })], true],
    ['that came with the object, as 1.20 says it', [by({ ...spec, 'f:metadata': { 'f:finalizers': {} } })], true],
    ['that a client has added since', [by(spec), by({ 'f:metadata': { 'f:finalizers': ours } }, 'editor')], true],
    [
      'that we have added, or somebody under our name',
      [by(spec), by({ 'f:metadata': { 'f:finalizers': ours } }, MANAGER)],
      true,
    ],
    ['of an object whose managed fields somebody has emptied', undefined, true],
    ['of an object whose managed fields are null', null, true],
    [
      'of an object whose managed fields begin after they were emptied',
      [by({ 'f:metadata': { 'f:labels': {} } }), STATUS],
      true,
    ],
  ])('derives from the finalizer %s whether the webhook has seen the object', (_says, managedFields, expected) => {
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
    ['of a Job that is suspended: since when', ['Suspended'], ['Suspended']],
    ['of a Job that was suspended and has ended: no more than that it has', ['Suspended', 'Failed'], ['Failed']],
    ['of a Job that is to fail: that', ['FailureTarget'], ['FailureTarget']],
    ['of a Job that has failed: no more than that it has', ['FailureTarget', 'Failed'], ['Failed']],
    ['of a Job that has met its criteria: none, for its Pod still ends', ['SuccessCriteriaMet'], []],
    ['of a Job that is complete: no more than that it is', ['SuccessCriteriaMet', 'Complete'], ['Complete']],
  ])('keeps the conditions that the controller reads, %s', (_says, types, kept) => {
    const conditions = types.map((type) => ({ type, status: 'True' }));
    const { status } = toObservedJob({ metadata: job.metadata, status: { conditions } });
    expect(status.conditions?.map(({ type }) => type)).toEqual(kept);
  });

  it('drops a suspension that is over', () => {
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
    ['is not suspended, and says so', suspend(false), {}],
    ['is suspended by somebody else', suspend(true), { suspended: { byOperator: false } }],
    [
      'is suspended by somebody else, whose name is known',
      suspend(true, { metadata: BY_QUEUE }),
      { suspended: { byOperator: false, manager: 'queue' } },
    ],
    [
      'was suspended by a webhook as it was created: the name is ours',
      suspend(true, { metadata: BY_OUR_NAME }),
      { suspended: { byOperator: false } },
    ],
    ['cannot be suspended (before 1.21), which was tried', { spec: {}, ...annotated(ONCE) }, {}],
    [
      'is suspended by us',
      suspend(true, annotated('true')),
      { suspended: { byOperator: true }, suspensions: { count: 1 } },
    ],
    [
      'is suspended by us for the third time in a row',
      suspend(true, annotated(`3 ${at(1)}`)),
      { suspended: { byOperator: true }, suspensions: { count: 3, at: at(1) } },
    ],
    [
      'was suspended by us, and resumed by somebody',
      suspend(false, annotated(ONCE)),
      { suspensions: { count: 1, at: at(1) } },
    ],
    [
      'was suspended by us, and resumed by somebody whose name is known',
      suspend(false, annotated(ONCE, BY_QUEUE)),
      { suspensions: { count: 1, at: at(1), undoneBy: 'queue' } },
    ],
    [
      'was suspended by us, resumed and suspended again by somebody else',
      suspend(true, annotated(ONCE, BY_QUEUE)),
      { suspended: { byOperator: false, manager: 'queue' }, suspensions: { count: 1, at: at(1) } },
    ],
    ['was ended by us', ended, { deadlineSeconds: 0, endedAfterSeconds: 600 }],
    ['is run by another controller', { spec: { managedBy: 'example.com/x' } }, { managedBy: 'example.com/x' }],
    ["is run by Kubernetes' own", { spec: { managedBy: 'kubernetes.io/job-controller' } }, {}],
    ['has a time limit', { spec: { activeDeadlineSeconds: 60 } }, { deadlineSeconds: 60 }],
    [
      'was made after a resume',
      labelled({ ...STEP, [LABELS.resume]: '2' }),
      { step: { index: 1, name: 'load', resumes: 2 } },
    ],
    ['was made before the first resume', labelled(STEP), { step: { index: 1, name: 'load' } }],
    ['has labels that are no numbers', labelled({ [LABELS.stepIndex]: 'x', [LABELS.resume]: '-1' }), { step: {} }],
    [
      'has labels of endless numbers',
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
    ['of a Job that runs', [], 1],
    ['of a Job that is suspended', [['Suspended', 'True']], 1],
    ['of a Job that was not over after all', [['Failed', 'False']], 1],
    ['not of a Job that is over: it is not brought up to date', [['Failed', 'True']], undefined],
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
