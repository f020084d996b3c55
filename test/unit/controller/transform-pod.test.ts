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
    ['a status of null', rawPod({ status: null })],
    ['an empty status', rawPod({ status: {} })],
    [
      'lists of null, as Go clients write them',
      rawPod({
        spec: { initContainers: null, containers: null },
        status: { phase: 'Running', conditions: null, initContainerStatuses: null, containerStatuses: null },
      }),
    ],
    [
      'containers that have no state yet',
      rawPod({ status: { containerStatuses: [{ name: 'transform', state: null }] } }),
    ],
  ])('reports nothing for a Pod with %s', (_says, raw) => {
    const { failed, waitingSince: _, ...kept } = observed(raw);
    expect(failed).toBe(false);
    expect(Object.keys(kept)).toEqual(['metadata', 'sequentialJob', 'jobUID']);
  });

  const owner = jobOwner('etl-1-transform', JOB_UID);

  it.each<readonly [string, unknown, string | undefined]>([
    ['its controller is the Job', [owner], JOB_UID],
    ['another owner comes before', [{ ...owner, kind: 'Node', controller: false, uid: 'n' }, owner], JOB_UID],
    ['the Job owns but does not control it', [{ ...owner, controller: false }], undefined],
    ['its controller is something else', [{ ...owner, apiVersion: 'apps/v1', kind: 'ReplicaSet' }], undefined],
    ['its controller is a Job of another group', [{ ...owner, apiVersion: 'batch.volcano.sh/v1alpha1' }], undefined],
    ['nobody owns it', null, undefined],
  ])('jobUID: %s', (_says, ownerReferences, expected) => {
    expect(observed(rawPod({ metadata: { ownerReferences } })).jobUID).toBe(expected);
  });

  const LABEL = 'batch.kubernetes.io/controller-uid';

  it.each<readonly [string, Readonly<Record<string, unknown>>, Pick<Partial<ObservedPod>, 'jobUID' | 'labelJobUID'>]>([
    ['believes the controller, not the label', { labels: { [LABEL]: jobUid(2) } }, { jobUID: JOB_UID }],
    [
      'believes no label where nobody controls it',
      { ownerReferences: [], labels: { [LABEL]: JOB_UID } },
      { labelJobUID: JOB_UID },
    ],
    [
      'nor the label from before 1.27',
      { ownerReferences: [], labels: { 'controller-uid': JOB_UID } },
      { labelJobUID: JOB_UID },
    ],
    [
      'nor the finalizer that the Job controller counts by: whoever creates a Pod writes both',
      { ownerReferences: [], labels: { [LABEL]: JOB_UID }, finalizers: ['batch.kubernetes.io/job-tracking'] },
      { labelJobUID: JOB_UID },
    ],
    [
      'takes no notice of the label where somebody else controls it',
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
  ])('in the phase %s, deleted at %s: %p', (phase, deletionTimestamp, expected) => {
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
    ['a Pod is there', false, undefined, quiet],
    ['a Pod is there that cannot start', true, undefined, observedPod({ obstacle })],
    ['a Pod is there that has failed', true, undefined, failure()],
    ['a Pod got ready', false, quiet, observedPod({ metadata: { resourceVersion: '302' } })],
    ['a Pod cannot start', true, quiet, observedPod({ obstacle })],
    ['a Pod still cannot start', false, observedPod({ obstacle }), observedPod({ obstacle: { ...obstacle } })],
    ['for another reason', true, observedPod({ obstacle }), observedPod({ obstacle: { ...obstacle, reason: 'x' } })],
    ['with another message', true, observedPod({ obstacle }), observedPod({ obstacle: { ...obstacle, message: 'x' } })],
    ['it started', true, observedPod({ obstacle }), quiet],
    ['it failed', true, quiet, failure()],
    ['it failed once, and nothing more', false, failure(), failure()],
    ['it failed again in the same way', true, failure({ at: at(20) }), failure({ at: at(40) })],
    ['it failed and is run again', true, failure(), failure({ restarting: true })],
    ['it failed with other last words', true, failure(), failure({ message: 'x' })],
    ['it failed, then succeeded', true, failure(), observedPod({ termination: podTermination({ exitCode: 0 }) })],
    ['it is being deleted', true, quiet, going],
    ['its deletion was hurried', false, going, observedPod({ metadata: { deletionTimestamp: at(1) } })],
    ['its Job is only what a label says', true, quiet, { ...quiet, labelJobUID: jobUid(2) }],
    ['its Job let go of it', true, quiet, { ...quiet, jobUID: jobUid(2) }],
    ['its label was changed', true, quiet, { ...quiet, sequentialJob: 'other' }],
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

  it('keeps reason and time', () => {
    expect(toObservedEvent(deepFreeze(event))).toStrictEqual({
      reason: 'FailedCreate',
      message: 'Error creating: pods "etl-1-transform-" is forbidden: exceeded quota: pods',
      lastSeen: at(5),
    });
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, string | undefined]>([
    [
      'an event of the newer API, seen once',
      { eventTime: '2026-11-02T10:00:07.123456Z' },
      '2026-11-02T10:00:07.123456Z',
    ],
    ['a series of the newer API', { eventTime: at(1), series: { count: 2, lastObservedTime: at(8) } }, at(8)],
    ['no time at all', {}, undefined],
  ])('%s', (_says, more, expected) => {
    expect(toObservedEvent({ ...event, lastTimestamp: null, ...more }).lastSeen).toBe(expected);
  });

  it('truncates a message that is too long', () => {
    const { message } = toObservedEvent({ ...event, message: `Error creating: ${'€'.repeat(1000)}` });
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(message).toMatch(/^Error creating: €+…$/);
  });
});

test('a Pod that is being deleted has no obstacle, but a termination', () => {
  const metadata = { deletionTimestamp: at(50) };
  const pending = { phase: 'Pending', containerStatuses: [containerStatus({ waiting: { reason: 'ErrImagePull' } })] };
  expect(observed(rawPod({ metadata, status: pending })).obstacle).toBeUndefined();
  const ended = { phase: 'Running', containerStatuses: [containerStatus(terminated(1))] };
  expect(observed(rawPod({ metadata, status: ended }))).toMatchObject({ failed: true, termination: { exitCode: 1 } });
});
