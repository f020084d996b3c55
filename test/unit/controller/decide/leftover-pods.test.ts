import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import {
  overduePods,
  nextOverduePodMs,
  describePods,
  leftoverPods,
} from '../../../../controller/decide/leftover-pods.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import type { StepStatus } from '../../../../shared/api/types.ts';
import { at, failed, jobUid, observedJob, sequentialJob } from '../../../support/objects.ts';
import { JOB_UID, observedPod, podTermination } from '../../../support/pods.ts';

const going = (name: string): ObservedPod =>
  observedPod({ metadata: { name, deletionTimestamp: at(10) }, node: 'worker-1' });

describe('the message names the Pods that the sequence waits for', () => {
  it.each<readonly [string, readonly ObservedPod[], number, readonly string[]]>([
    ['none', [], 0, []],
    ['one running Pod', [observedPod({ metadata: { name: 'a' } })], 0, ['"a"']],
    ['one Pod that is being deleted', [going('a')], 11, [`"a" on node "worker-1" (grace period until ${at(10)})`]],
    [
      'one Pod whose grace period ended over a minute ago: the message says what to do if its node is gone',
      [going('a'), observedPod({ metadata: { name: 'b' } })],
      71,
      [
        `"a" on node "worker-1" (grace period until ${at(10)})`,
        '"b"; if the node is gone, delete the Node or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
      ],
    ],
  ])('%s', (_says, pods, seconds, expected) => {
    expect(describePods(pods, Date.parse(at(0)) + seconds * 1000)).toEqual(expected);
  });
});

describe('the Pods of the running step are overdue', () => {
  const ended = observedPod({ metadata: { name: 'c' }, failed: true, termination: podTermination({}) });
  const endedAndGoing = { ...going('d'), failed: true, termination: podTermination({}) };

  it.each<readonly [string, readonly ObservedPod[], number, readonly string[], number | undefined]>([
    ['never, if there is none', [], 70, [], undefined],
    ['never, while the only Pod runs and is not being deleted', [observedPod({})], 70, [], undefined],
    ['not before a minute after their grace period', [going('a')], 69, [], 70],
    ['a minute after their grace period', [going('a')], 70, ['a'], undefined],
    [
      'not while another Pod may still terminate',
      [going('a'), observedPod({ metadata: { name: 'b' } })],
      70,
      [],
      undefined,
    ],
    ['even if other Pods have ended', [going('a'), ended], 70, ['a'], undefined],
    ['even if the container has terminated but the Pod remains', [endedAndGoing], 70, ['d'], undefined],
    [
      'not if the Pod has terminated and only its object remains',
      [{ ...endedAndGoing, hasTerminated: true }],
      70,
      [],
      undefined,
    ],
  ])('%s', (...[, pods, seconds, expected, next]) => {
    const step = { index: 1, name: 'transform', jobUID: JOB_UID, state: 'Running' } as const;
    const object = sequentialJob({ status: { startTime: at(0), steps: [step] } });
    const snapshot = { object, jobs: [], findings: {}, pods };
    const nowMs = Date.parse(at(0)) + seconds * 1000;
    const context = { snapshot, draft: recordedDraft(snapshot), now: at(seconds), nowMs };
    expect(overduePods(context).map(({ metadata }) => metadata.name)).toEqual(expected);
    expect(nextOverduePodMs(context)).toBe(next === undefined ? undefined : Date.parse(at(next)));
  });
});

describe('leftover Pods of an ended step block the next step', () => {
  const { jobUID: _, ...unowned } = observedPod({ labelJobUID: JOB_UID, metadata: { creationTimestamp: at(20) } });
  const younger = { ...unowned, metadata: { ...unowned.metadata, creationTimestamp: at(91) } };
  const kept = observedJob(1, { status: failed(30) });
  const leaving = observedJob(1, { status: failed(30), metadata: { deletionTimestamp: at(40) } });

  it.each<readonly [string, boolean, ObservedPod, readonly ObservedJob[], Partial<StepStatus>]>([
    ['a Pod whose controller is the Job', true, observedPod(), [kept], {}],
    ['a Pod whose controller was the Job, after the Job was deleted', true, observedPod(), [], {}],
    ['a Pod of another Job', false, observedPod({ jobUID: jobUid(7) }), [], {}],
    ['a Pod that has terminated', false, observedPod({ failed: true, termination: podTermination() }), [kept], {}],
    ['a Pod with only the label of an existing Job', false, unowned, [kept], {}],
    ['a Pod with only the label of a Job that was deleted', true, unowned, [], {}],
    ['a Pod with only the label of a Job that is being deleted', true, unowned, [leaving], {}],
    ['a Pod with only the label, created after the end of the step', false, younger, [], {}],
    [
      'a Pod with the label of a Job that the status does not name',
      false,
      { ...unowned, labelJobUID: jobUid(7) },
      [],
      {},
    ],
    [
      'a Pod with only the label, of a step that succeeded: it has terminated',
      false,
      unowned,
      [],
      { state: 'Succeeded' },
    ],
    [
      'a Pod with only the label, of a step that succeeded, that is being deleted',
      true,
      { ...unowned, metadata: { ...unowned.metadata, deletionTimestamp: at(40) } },
      [],
      { state: 'Succeeded' },
    ],
    ['a Pod of a step that has not ended', false, unowned, [], { state: 'Running' }],
  ])('%s: %s', (...[, expected, pod, jobs, more]) => {
    const step = {
      index: 1,
      name: 'transform',
      jobUID: JOB_UID,
      state: 'Failed',
      completionTime: at(30),
      ...more,
    } as const;
    const object = sequentialJob({ status: { startTime: at(0), steps: [step] } });
    const snapshot = { object, jobs, findings: {}, pods: [pod] };
    const context = { snapshot, draft: recordedDraft(snapshot), now: at(100), nowMs: Date.parse(at(100)) };
    expect(leftoverPods(context)).toEqual(expected ? [pod] : []);
  });

  it('a Pod with only the label of a Job does not belong to the running step if the status does not name that Job', () => {
    const step = { index: 1, name: 'transform', state: 'Running' } as const;
    const object = sequentialJob({ status: { startTime: at(0), steps: [step] } });
    const going1 = { ...unowned, metadata: { ...unowned.metadata, deletionTimestamp: at(10) } };
    const snapshot = { object, jobs: [], findings: {}, pods: [going1] };
    const context = { snapshot, draft: recordedDraft(snapshot), now: at(100), nowMs: Date.parse(at(100)) };
    expect(overduePods(context)).toEqual([]);
  });
});
