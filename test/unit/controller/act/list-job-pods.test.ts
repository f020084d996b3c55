import { describe, expect, it } from '@jest/globals';
import { listJobPods } from '../../../../controller/act/list-job-pods.ts';
import type { Snapshot } from '../../../../controller/decide/index.ts';
import { toObservedPod } from '../../../../controller/transform-pod.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { LABELS } from '../../../../shared/api/group.ts';
import { sequentialJob, UID } from '../../../support/objects.ts';
import { containerStatus, JOB_UID, rawPod, terminated } from '../../../support/pods.ts';
import { actorDeps } from '../../../support/reconciler.ts';

const named = (name: string): object => ({ name, uid: `uid-${name}` });
const running = (name: string): unknown => rawPod({ metadata: { ...named(name) }, status: { phase: 'Running' } });
const failed = (name: string): unknown =>
  rawPod({
    metadata: { ...named(name) },
    status: { phase: 'Failed', containerStatuses: [containerStatus(terminated(3))] },
  });

const JOB = { uid: JOB_UID, index: 1 };

describe('the Pods of a Job, from the API server', () => {
  const deps = (items: readonly unknown[]): Parameters<typeof listJobPods>[2] =>
    actorDeps(new FakeClient({ request: () => ({ items }) }));
  const snapshot: Snapshot = { object: sequentialJob(), jobs: [], findings: {} };
  const known = (...raw: readonly unknown[]): Snapshot => ({ ...snapshot, pods: raw.map(toObservedPod) });
  const names = ({ pods = [] }: Snapshot): readonly string[] => pods.map(({ metadata }) => metadata.name);

  it('are the listed ones and the terminated ones of the cache', async () => {
    const after = await listJobPods(JOB, known(failed('old'), running('gone')), deps([running('new')]));
    expect(names(after)).toEqual(['old', 'new']);
  });

  it.each([
    ['a step', JOB, LABELS.stepIndex],
    ['a step in finally', { ...JOB, isFinally: true }, LABELS.finallyIndex],
  ])('are listed by the index of %s', async (_says, job, label) => {
    const client = new FakeClient({ request: () => ({ items: [] }) });
    await listJobPods(job, snapshot, actorDeps(client));
    expect(client.requests[0]?.query?.['labelSelector']).toBe(`${LABELS.uid}=${UID},${label}=1`);
  });

  it('are listed in all pages, because any client can create Pods with these labels', async () => {
    const others = Array.from({ length: 3 }, (_, i) =>
      rawPod({ metadata: { ...named(`other-${i}`), labels: {}, ownerReferences: [] }, status: { phase: 'Running' } }),
    );
    const pages = [[...others], [running('new')]];
    const client = new FakeClient({
      request: ({ query }) => {
        const page = Number(query?.['continue'] ?? 0);
        return { metadata: page === 0 ? { continue: '1' } : {}, items: pages[page] };
      },
    });
    expect(names(await listJobPods(JOB, known(running('new')), actorDeps(client)))).toEqual(['new']);
  });

  it('include each deleted Pod that the watch reported without a termination once', async () => {
    const first = await listJobPods(JOB, known(failed('old'), running('gone')), deps([running('new')]));
    expect(first.deletedPods).toEqual({ jobUID: JOB_UID, count: 1 });
    const second = await listJobPods(JOB, first, deps([]));
    expect(second.deletedPods).toEqual({ jobUID: JOB_UID, count: 2 });
    expect((await listJobPods(JOB, second, deps([]))).deletedPods).toEqual({ jobUID: JOB_UID, count: 2 });
  });

  it('include the known deleted Pods of this Job only', async () => {
    const ofThis: Snapshot = { ...known(running('gone')), deletedPods: { jobUID: JOB_UID, count: 2 } };
    expect((await listJobPods(JOB, ofThis, deps([]))).deletedPods?.count).toBe(3);
    const ofOther: Snapshot = { ...known(running('gone')), deletedPods: { jobUID: 'other', count: 2 } };
    expect((await listJobPods(JOB, ofOther, deps([]))).deletedPods).toEqual({ jobUID: JOB_UID, count: 1 });
  });

  it('include Pods that the watch reported with the Job as their controller and that have none now, and mark other Pods', async () => {
    const labels = { 'batch.kubernetes.io/controller-uid': JOB_UID };
    const orphan = (name: string): unknown => rawPod({ metadata: { ...named(name), labels, ownerReferences: [] } });
    const all = deps([orphan('seen'), orphan('unseen')]);
    all.pods.observe(toObservedPod(running('seen')));
    const { pods = [] } = await listJobPods(JOB, snapshot, all);
    expect(pods.map(({ metadata: { name }, jobUID, labelJobUID }) => [name, jobUID, labelJobUID])).toEqual([
      ['seen', JOB_UID, undefined],
      ['unseen', undefined, JOB_UID],
    ]);
  });
});
