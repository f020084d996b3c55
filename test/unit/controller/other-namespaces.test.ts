/**
 * Owner references and labels are written by whoever creates an object, and a UID is no secret. What claims a sequence from
 * another namespace is none of its: else a right to create Jobs or Pods there would be one to steer sequences here.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { SequentialJobStatus } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { FakeApi, type Stored } from '../../support/fake-api.ts';
import { at, completed, NAMESPACE, NOW_MS, observedJob, sequentialJob } from '../../support/objects.ts';
import { jobOwner, rawPod } from '../../support/pods.ts';
import { Process } from '../../support/process.ts';

const ELSEWHERE = 'team-b';

describe('an object in another namespace that claims to belong to a sequence', () => {
  let api: FakeApi;
  let process: Process;

  const status = (): SequentialJobStatus | undefined => api.sequentialJob(NAMESPACE, 'etl')?.status;
  const jobs = (namespace: string): readonly Stored[] =>
    api.jobs().filter(({ metadata }) => metadata.namespace === namespace);

  /** A Job that says in every way that it is the step's, but for where it is. */
  const claim = (index: number): void => {
    const { metadata } = observedJob(index);
    api.putJob(observedJob(index, { metadata: { ...metadata, namespace: ELSEWHERE }, status: completed() }));
  };

  beforeEach(() => {
    api = new FakeApi();
  });

  it('a completed Job does not replace the Job of a step: the step starts', async () => {
    api.putSequentialJob(sequentialJob());
    claim(0);
    process = new Process(api);
    await process.settle();
    expect(status()?.steps).toMatchObject([{ index: 0, state: 'Running' }]);
    expect(jobs(NAMESPACE).map(({ metadata }) => metadata.uid)).toEqual([status()?.steps?.[0]?.jobUID]);
  });

  it('a Job that cannot be deleted does not block a deletion, and is not changed', async () => {
    api.putSequentialJob(sequentialJob({ metadata: { deletionTimestamp: at(0) } }));
    claim(0);
    const [claimed] = jobs(ELSEWHERE);
    process = new Process(api);
    await process.settle();
    expect(api.sequentialJob(NAMESPACE, 'etl')).toBeUndefined();
    expect(jobs(ELSEWHERE)).toEqual([claimed]);
  });

  describe('while a step runs', () => {
    const NOTHING = { status: 'False' };
    let uid: string;
    let nowMs: number;

    beforeEach(async () => {
      nowMs = NOW_MS;
      api.putSequentialJob(sequentialJob());
      process = new Process(api, () => nowMs);
      await process.settle();
      process.sync();
      uid = status()?.steps?.[0]?.jobUID ?? '';
    });

    const waiting = async (): Promise<unknown> => {
      await process.settle();
      return getCondition(status()?.conditions, 'ResourcesUnavailable');
    };

    it.each([
      [ELSEWHERE, NOTHING],
      [NAMESPACE, { status: 'True', message: expect.stringContaining('call evil.example.com') }],
    ])('a Pod in namespace %s explains why a step waits in its own namespace only', async (namespace, expected) => {
      const message = 'call evil.example.com';
      const stuck = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
      const metadata = { namespace, ownerReferences: [jobOwner('etl-0-extract', uid)] };
      const pod = rawPod({ metadata, status: { phase: 'Pending', conditions: [stuck] } });
      process.deps.pods.replace([toObservedPod(pod)], '5000');
      expect(await waiting()).toMatchObject(expected);
    });

    it.each([
      [ELSEWHERE, NOTHING],
      [NAMESPACE, { status: 'True', message: expect.stringContaining('call evil.example.com') }],
    ])('a warning Event in namespace %s is reported in its own namespace only', async (namespace, expected) => {
      const warning = {
        metadata: { name: 'w', namespace, uid: 'w', resourceVersion: '1' },
        involvedObject: { kind: 'Job', name: 'etl-0-extract', namespace, uid },
        reason: 'FailedCreate',
        message: 'Error creating: call evil.example.com',
        lastTimestamp: at(1),
      };
      api.put(`/api/v1/namespaces/${namespace}/events/w`, warning as unknown as Stored);
      nowMs += 10_000;
      expect(await waiting()).toMatchObject(expected);
    });
  });
});
