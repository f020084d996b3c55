import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isRelevantChange, toObservedEvent, toObservedPod } from '../../../controller/transform-pod.ts';
import type { ObservedPod, PodTermination } from '../../../shared/api/pod.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, jobUid, NAMESPACE } from '../../support/objects.ts';
import {
  containerStatus,
  JOB_UID,
  observedPod,
  POD_NAME,
  podTermination,
  jobOwner,
  rawPod,
  terminated,
} from '../../support/pods.ts';

const observed = (raw: unknown): ObservedPod => toObservedPod(deepFreeze(raw));

describe('toObservedPod', () => {
  it('keeps only the owner of a running Pod', () => {
    const status = { phase: 'Running', containerStatuses: [containerStatus({ running: { startedAt: at(1) } })] };
    expect(observed(rawPod({ status }))).toStrictEqual({
      metadata: {
        name: POD_NAME,
        namespace: NAMESPACE,
        uid: '9d3e6c70-0000-4000-8000-000000000001',
        resourceVersion: '301',
        creationTimestamp: at(0),
      },
      sequentialJob: 'etl',
      jobUID: JOB_UID,
      failed: false,
    });
  });

  it.each<readonly [string, unknown]>([
    ['no status yet', rawPod()],
    ['a null status', rawPod({ status: null })],
    ['an empty status', rawPod({ status: {} })],
    [
      'null lists, which Go clients write',
      rawPod({
        spec: { initContainers: null, containers: null },
        status: { phase: 'Running', conditions: null, initContainerStatuses: null, containerStatuses: null },
      }),
    ],
    ['containers without a state', rawPod({ status: { containerStatuses: [{ name: 'transform', state: null }] } })],
  ])('reports neither an obstacle nor a termination for a Pod with %s', (_says, raw) => {
    const { failed, waitingSince: _, neverStarted: __, ...kept } = observed(raw);
    expect(failed).toBe(false);
    expect(Object.keys(kept)).toEqual(['metadata', 'sequentialJob', 'jobUID']);
  });

  const owner = jobOwner('etl-1-transform', JOB_UID);

  it.each<readonly [string, unknown, string | undefined]>([
    ['the controller is the Job', [owner], JOB_UID],
    [
      'another owner reference precedes that of the Job',
      [{ ...owner, kind: 'Node', controller: false, uid: 'n' }, owner],
      JOB_UID,
    ],
    ['the Job is an owner but not the controller', [{ ...owner, controller: false }], undefined],
    ['the controller is of another kind', [{ ...owner, apiVersion: 'apps/v1', kind: 'ReplicaSet' }], undefined],
    [
      'the controller is a Job of another API group',
      [{ ...owner, apiVersion: 'batch.volcano.sh/v1alpha1' }],
      undefined,
    ],
    ['the Pod has no owner reference', null, undefined],
  ])('jobUID: %s', (_says, ownerReferences, expected) => {
    expect(observed(rawPod({ metadata: { ownerReferences } })).jobUID).toBe(expected);
  });

  const LABEL = 'batch.kubernetes.io/controller-uid';

  it.each<readonly [string, Readonly<Record<string, unknown>>, Pick<Partial<ObservedPod>, 'jobUID' | 'labelJobUID'>]>([
    ['the controller reference wins over the label', { labels: { [LABEL]: jobUid(2) } }, { jobUID: JOB_UID }],
    [
      'a label without a controller reference does not set jobUID',
      { ownerReferences: [], labels: { [LABEL]: JOB_UID } },
      { labelJobUID: JOB_UID },
    ],
    [
      'nor does the label of Kubernetes before 1.27',
      { ownerReferences: [], labels: { 'controller-uid': JOB_UID } },
      { labelJobUID: JOB_UID },
    ],
    [
      'nor does the finalizer of the Job controller: a client that creates a Pod can set both',
      { ownerReferences: [], labels: { [LABEL]: JOB_UID }, finalizers: ['batch.kubernetes.io/job-tracking'] },
      { labelJobUID: JOB_UID },
    ],
    [
      'a label is ignored if another object is the controller',
      { ownerReferences: [{ ...owner, kind: 'ReplicaSet', apiVersion: 'apps/v1' }], labels: { [LABEL]: JOB_UID } },
      {},
    ],
  ])('the owner of the Pod: %s', (_says, metadata, expected) => {
    const { jobUID, labelJobUID } = observed(rawPod({ metadata }));
    expect(JSON.parse(JSON.stringify({ jobUID, labelJobUID }))).toEqual(expected);
  });

  it('omits absent fields', () => {
    const { sequentialJob, metadata } = observed(rawPod({ metadata: { labels: null, creationTimestamp: null } }));
    expect(sequentialJob).toBeUndefined();
    expect(Object.keys(metadata)).toEqual(['name', 'namespace', 'uid', 'resourceVersion']);
  });
});

describe('whether a Pod that is being deleted has terminated', () => {
  it.each([
    ['Failed', at(1), true],
    ['Succeeded', at(1), true],
    ['Running', at(1), undefined],
    ['Failed', undefined, undefined],
  ])('in the phase %s, with deletionTimestamp %s: %p', (phase, deletionTimestamp, expected) => {
    const metadata = deletionTimestamp === undefined ? {} : { deletionTimestamp };
    expect(observed(rawPod({ metadata, status: { phase } })).hasTerminated).toBe(expected);
  });
});

describe('toObservedPod is total', () => {
  /** What should be there, or anything else, or nothing. */
  const perhaps = (sound: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: sound, weight: 6 }, fc.constant(null), fc.jsonValue({ maxDepth: 2 }));
  const word = (...words: readonly string[]): fc.Arbitrary<unknown> => perhaps(fc.constantFrom(...words));
  const object = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> =>
    perhaps(fc.record(fields, { requiredKeys: [] }));
  const list = (item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => perhaps(fc.array(item, { maxLength: 3 }));

  const name = word('transform', 'proxy', 'init');
  const reason = word('Error', 'OOMKilled', 'Evicted', 'ErrImagePull', 'Unschedulable', 'ContainerCreating');
  const message = perhaps(fc.string({ maxLength: 2000 }));
  const ended = object({
    exitCode: perhaps(fc.integer({ min: -1, max: 143 })),
    reason,
    message,
    finishedAt: word(at(1)),
  });
  const state = object({ waiting: object({ reason, message }), running: object({}), terminated: ended });
  const containers = list(object({ name, state, lastState: state, image: word('etl') }));
  const condition = { type: word('PodScheduled', 'DisruptionTarget'), status: word('True', 'False'), reason, message };
  const status = object({
    phase: word('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
    reason,
    message,
    conditions: list(object(condition)),
    initContainerStatuses: containers,
    containerStatuses: containers,
  });
  const specs = list(object({ name, image: word('etl'), restartPolicy: word('Always', 'Never') }));
  const pods = fc.record({ status, spec: object({ initContainers: specs, containers: specs }) });
  const owners = list(object({ kind: word('Job'), apiVersion: word('batch/v1'), controller: perhaps(fc.boolean()) }));

  test('returns a result for any status and spec', () => {
    fc.assert(
      fc.property(pods, owners, (raw, ownerReferences) => {
        const pod = toObservedPod({ ...rawPod({ metadata: { ownerReferences } }), ...raw });
        expect(JSON.parse(JSON.stringify(pod))).toEqual(pod);
        expect(pod.failed && pod.termination === undefined).toBe(false);
        expect(isRelevantChange(pod, structuredClone(pod))).toBe(false);
        expect(Buffer.byteLength(pod.termination?.message ?? '')).toBeLessThanOrEqual(1024);
        expect(Buffer.byteLength(pod.obstacle?.message ?? '')).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('isRelevantChange', () => {
  const obstacle = { reason: 'ErrImagePull', message: 'no such image' };
  const failure = (more: Partial<PodTermination> = {}): ObservedPod =>
    observedPod({ failed: true, termination: podTermination(more) });
  const quiet = observedPod();
  const going = observedPod({ metadata: { deletionTimestamp: at(9) } });

  it.each<readonly [string, boolean, ObservedPod | undefined, ObservedPod]>([
    ['a new Pod', false, undefined, quiet],
    ['a new Pod that cannot start', true, undefined, observedPod({ obstacle })],
    ['a new Pod that has failed', true, undefined, failure()],
    ['only the resourceVersion changed', false, quiet, observedPod({ metadata: { resourceVersion: '302' } })],
    ['the Pod cannot start', true, quiet, observedPod({ obstacle })],
    ['the Pod still cannot start', false, observedPod({ obstacle }), observedPod({ obstacle: { ...obstacle } })],
    [
      'the reason of the obstacle changed',
      true,
      observedPod({ obstacle }),
      observedPod({ obstacle: { ...obstacle, reason: 'x' } }),
    ],
    [
      'the message of the obstacle changed',
      true,
      observedPod({ obstacle }),
      observedPod({ obstacle: { ...obstacle, message: 'x' } }),
    ],
    ['the Pod started', true, observedPod({ obstacle }), quiet],
    ['the Pod failed', true, quiet, failure()],
    ['the failure is unchanged', false, failure(), failure()],
    ['the Pod failed again in the same way', true, failure({ at: at(20) }), failure({ at: at(40) })],
    ['the Pod failed and is restarted', true, failure(), failure({ restarting: true })],
    ['the termination message changed', true, failure(), failure({ message: 'x' })],
    ['the Pod failed, then succeeded', true, failure(), observedPod({ termination: podTermination({ exitCode: 0 }) })],
    ['the Pod is being deleted', true, quiet, going],
    ['the deletionTimestamp became earlier', false, going, observedPod({ metadata: { deletionTimestamp: at(1) } })],
    ['the Job label appeared', true, quiet, { ...quiet, labelJobUID: jobUid(2) }],
    ['the controller reference changed', true, quiet, { ...quiet, jobUID: jobUid(2) }],
    ['the label of the sequence changed', true, quiet, { ...quiet, sequentialJob: 'other' }],
  ])('%s: %s', (_says, expected, before, after) => {
    expect(isRelevantChange(before, after)).toBe(expected);
  });
});

describe('toObservedEvent', () => {
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: 'etl-1-transform.18a1',
      namespace: NAMESPACE,
      uid: 'e-1',
      resourceVersion: '400',
      managedFields: [],
    },
    involvedObject: { apiVersion: 'batch/v1', kind: 'Job', name: 'etl-1-transform', uid: JOB_UID },
    type: 'Warning',
    reason: 'FailedCreate',
    message: 'Error creating: pods "etl-1-transform-" is forbidden: exceeded quota: pods\n',
    source: { component: 'job-controller' },
    firstTimestamp: at(1),
    lastTimestamp: at(5),
    count: 3,
  };

  it('keeps reason, message and time', () => {
    expect(toObservedEvent(deepFreeze(event))).toStrictEqual({
      reason: 'FailedCreate',
      message: 'Error creating: pods "etl-1-transform-" is forbidden: exceeded quota: pods',
      lastSeen: at(5),
    });
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, string | undefined]>([
    [
      'an Event of events.k8s.io, seen once',
      { eventTime: '2026-11-02T10:00:07.123456Z' },
      '2026-11-02T10:00:07.123456Z',
    ],
    ['a series of events.k8s.io', { eventTime: at(1), series: { count: 2, lastObservedTime: at(8) } }, at(8)],
    ['an Event without a time', {}, undefined],
  ])('%s', (_says, more, expected) => {
    expect(toObservedEvent({ ...event, lastTimestamp: null, ...more }).lastSeen).toBe(expected);
  });

  it('truncates a long message', () => {
    const { message } = toObservedEvent({ ...event, message: `Error creating: ${'€'.repeat(1000)}` });
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(message).toMatch(/^Error creating: €+…$/);
  });
});

test('a Pod that is being deleted has no obstacle, but it can have a termination', () => {
  const metadata = { deletionTimestamp: at(50) };
  const pending = { phase: 'Pending', containerStatuses: [containerStatus({ waiting: { reason: 'ErrImagePull' } })] };
  expect(observed(rawPod({ metadata, status: pending })).obstacle).toBeUndefined();
  const ended = { phase: 'Running', containerStatuses: [containerStatus(terminated(1))] };
  expect(observed(rawPod({ metadata, status: ended }))).toMatchObject({ failed: true, termination: { exitCode: 1 } });
});
