import { beforeEach, describe, expect, it } from '@jest/globals';
import { DeletedPods } from '../../../controller/deleted-pods.ts';
import { createPodCache } from '../../../controller/pod-cache.ts';
import type { ObservedJob } from '../../../shared/api/job.ts';
import type { ObservedPod } from '../../../shared/api/pod.ts';
import type { SequentialJob, StepStatus } from '../../../shared/api/types.ts';
import { Cache } from '../../../shared/kube/cache.ts';
import { jobUid, NAMESPACE, observedJob, sequentialJob } from '../../support/objects.ts';

const KEY = `${NAMESPACE}/etl`;
const JOB = jobUid(0);

describe('GonePods', () => {
  let pods: Cache<ObservedPod>;
  let jobs: Cache<ObservedJob>;
  let sequentialJobs: Cache<SequentialJob>;
  let gone: DeletedPods;
  let version = 100;

  beforeEach(() => {
    pods = createPodCache();
    jobs = new Cache<ObservedJob>();
    sequentialJobs = new Cache<SequentialJob>();
    gone = new DeletedPods({ pods, jobs, sequentialJobs });
  });

  const next = (): string => String(version++);

  function record(step: Partial<StepStatus> = {}): void {
    const steps = [
      {
        index: 0,
        name: 'extract',
        jobName: 'etl-0-extract',
        jobUID: JOB,
        state: 'Running',
        attempts: 1,
        ...step,
      } as const,
    ];
    const object = sequentialJob({ status: { steps } });
    sequentialJobs.observe({ ...object, metadata: { ...object.metadata, resourceVersion: next() } });
  }

  function pod(name: string, more: Partial<ObservedPod> = {}): ObservedPod {
    const metadata = { name, namespace: NAMESPACE, uid: `uid-${name}`, resourceVersion: next() };
    return { metadata, failed: false, sequentialJob: 'etl', jobUID: JOB, ...more };
  }

  function comeAndGo(name: string, more: Partial<ObservedPod> = {}): void {
    const one = pod(name, more);
    pods.observe(one);
    pods.remove({ metadata: { ...one.metadata, resourceVersion: next() } });
  }

  it('counts deleted Pods of the running step, and not existing ones', () => {
    record();
    pods.observe(pod('here'));
    expect(gone.of(KEY, JOB)).toBeUndefined();
    comeAndGo('a');
    comeAndGo('b');
    expect(gone.of(KEY, JOB)).toEqual({ jobUID: JOB, count: 2 });
  });

  it('counts deleted Pods of the running step of finally, and those of an ended step no more', () => {
    const ended = { index: 0, name: 'extract', jobUID: JOB, state: 'Succeeded' } as const;
    const running = {
      index: 0,
      name: 'cleanup',
      jobName: 'etl-finally-0-cleanup',
      jobUID: 'last',
      state: 'Running',
    } as const;
    const object = sequentialJob({ status: { steps: [ended], finally: [{ ...running, attempts: 1 }] } });
    sequentialJobs.observe(object);
    comeAndGo('a', { jobUID: 'last' });
    comeAndGo('b');
    expect(gone.of(KEY, 'last')).toEqual({ jobUID: 'last', count: 1 });
    expect(gone.of(KEY, JOB)).toBeUndefined();
  });

  it('counts a Pod that a new list lacks, and a Pod that only a response to a request has shown', () => {
    record();
    pods.observe(pod('a'));
    pods.replace([], next());
    const assumed = pod('b');
    pods.assume(assumed);
    pods.remove({ metadata: { ...assumed.metadata, resourceVersion: next() } });
    expect(gone.of(KEY, JOB)?.count).toBe(2);
  });

  it('counts a Pod once, even if the watch repeats its DELETED event', () => {
    record();
    const one = pod('a');
    for (let i = 0; i < 2; i++) {
      pods.observe(one);
      pods.remove({ metadata: { ...one.metadata, resourceVersion: next() } });
    }
    expect(gone.of(KEY, JOB)?.count).toBe(1);
  });

  it.each<readonly [string, Partial<StepStatus>, Partial<ObservedPod>]>([
    ['of a finished step', { state: 'Succeeded' }, {}],
    ['of another Job', {}, { jobUID: jobUid(1) }],
    ['without a sequence', {}, { sequentialJob: undefined as never }],
    ['of another sequence', {}, { sequentialJob: 'other' }],
  ])('does not count a Pod %s', (_says, step, more) => {
    record(step);
    comeAndGo('a', more);
    expect(gone.of(KEY, JOB)).toBeUndefined();
    expect(gone.of(KEY, jobUid(1))).toBeUndefined();
  });

  it('starts at zero for the next step', () => {
    record();
    comeAndGo('a');
    record({ index: 1, jobUID: jobUid(1) });
    expect(gone.of(KEY, jobUid(1))).toBeUndefined();
    comeAndGo('b', { jobUID: jobUid(1) });
    expect(gone.of(KEY, jobUid(1))).toEqual({ jobUID: jobUid(1), count: 1 });
    expect(gone.of(KEY, JOB)).toBeUndefined();
  });

  it('drops the count of a deleted sequence, and does not count its later Pods', () => {
    record();
    comeAndGo('a');
    sequentialJobs.replace([], next());
    expect(gone.of(KEY, JOB)).toBeUndefined();
    comeAndGo('b');
    expect(gone.of(KEY, JOB)).toBeUndefined();
  });

  it.each<readonly [string, number, number, number]>([
    ['two Pods that an earlier process has counted', 3, 0, 3],
    ['no Pod, if the Job counts one failure and the recorded second attempt has no Pod yet', 2, 1, 1],
    ['one Pod, if three attempts are recorded, the last of which has no Pod yet', 3, 2, 2],
    ['two Pods, if the Job counts only one of three recorded attempts as failed', 3, 1, 3],
    ['no Pod, if the status has no recorded attempts', 0, 0, 1],
  ])('adds to the recorded count after a restart: %s', (_says, attempts, failed, count) => {
    record({ attempts });
    jobs.observe({ ...observedJob(0), status: { failed } });
    comeAndGo('a');
    expect(gone.of(KEY, JOB)?.count).toBe(count);
    comeAndGo('b');
    expect(gone.of(KEY, JOB)?.count).toBe(count + 1);
  });
});
