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
    ['one that runs', [observedPod({ metadata: { name: 'a' } })], 0, ['"a"']],
    ['one that is being deleted', [going('a')], 11, [`"a" on node "worker-1" (grace period until ${at(10)})`]],
    [
      'one whose grace period was over a minute ago: its node may be gone, which people can say',
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

describe('the Pods of the running step count as lost', () => {
  const ended = observedPod({ metadata: { name: 'c' }, failed: true, termination: podTermination({}) });
  const endedAndGoing = { ...going('d'), failed: true, termination: podTermination({}) };

  it.each<readonly [string, readonly ObservedPod[], number, readonly string[], number | undefined]>([
    ['not where there is none', [], 70, [], undefined],
    ['not while one runs', [observedPod({})], 70, [], undefined],
    ['not in their grace period, nor in the minute after it', [going('a')], 69, [], 70],
    ['after that', [going('a')], 70, ['a'], undefined],
    ['not while another one may end yet', [going('a'), observedPod({ metadata: { name: 'b' } })], 70, [], undefined],
    ['whatever has ended besides', [going('a'), ended], 70, ['a'], undefined],
    ['also where its container has ended and it does not go', [endedAndGoing], 70, ['d'], undefined],
    ['not where it is over, and its object is held', [{ ...endedAndGoing, hasTerminated: true }], 70, [], undefined],
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

describe('Pods of a finished step block the next one', () => {
  const { jobUID: _, ...unowned } = observedPod({ labelJobUID: JOB_UID, metadata: { creationTimestamp: at(20) } });
  const younger = { ...unowned, metadata: { ...unowned.metadata, creationTimestamp: at(91) } };
  const kept = observedJob(1, { status: failed(30) });
  const leaving = observedJob(1, { status: failed(30), metadata: { deletionTimestamp: at(40) } });

  it.each<readonly [string, boolean, ObservedPod, readonly ObservedJob[], Partial<StepStatus>]>([
    ['one that its Job controls', true, observedPod(), [kept], {}],
    ['the same, when the Job is gone', true, observedPod(), [], {}],
    ['not one of another Job', false, observedPod({ jobUID: jobUid(7) }), [], {}],
    ['not one that has ended', false, observedPod({ failed: true, termination: podTermination() }), [kept], {}],
    ['not one that only a label gives to a Job that is there', false, unowned, [kept], {}],
    ['one that its Job has left behind', true, unowned, [], {}],
    ['one that its Job is leaving behind', true, unowned, [leaving], {}],
    ['not one that was created since the step ended, whatever its label says', false, younger, [], {}],
    ['not one of a Job that nobody has recorded', false, { ...unowned, labelJobUID: jobUid(7) }, [], {}],
    ['not one that was left behind by a step that succeeded: it has ended', false, unowned, [], { state: 'Succeeded' }],
    [
      'one of those that is being deleted',
      true,
      { ...unowned, metadata: { ...unowned.metadata, deletionTimestamp: at(40) } },
      [],
      { state: 'Succeeded' },
    ],
    ['not one of a step that has not ended', false, unowned, [], { state: 'Running' }],
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

  it('a Pod with only the label of a Job does not belong to the running step, if that Job is not known', () => {
    const step = { index: 1, name: 'transform', state: 'Running' } as const;
    const object = sequentialJob({ status: { startTime: at(0), steps: [step] } });
    const going1 = { ...unowned, metadata: { ...unowned.metadata, deletionTimestamp: at(10) } };
    const snapshot = { object, jobs: [], findings: {}, pods: [going1] };
    const context = { snapshot, draft: recordedDraft(snapshot), now: at(100), nowMs: Date.parse(at(100)) };
    expect(overduePods(context)).toEqual([]);
  });
});
