/** The next step waits for the Pods of the one before, also where they have not been listed, or may not be. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PodListState } from '../../../controller/informers.ts';
import { reconcile } from '../../../controller/reconcile.ts';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { describeRequest, FakeApi, fault, jobPath } from '../../support/fake-api.ts';
import { at, container, jobCondition, NAMESPACE, NOW_MS, sequentialJob } from '../../support/objects.ts';
import { rawPod } from '../../support/pods.ts';
import { Process } from '../../support/process.ts';

const KEY = `${NAMESPACE}/etl`;
const POD = `/api/v1/namespaces/${NAMESPACE}/pods/p`;
const EXTRACT = jobPath(NAMESPACE, 'etl-0-extract');

describe('a step that failed and whose Pod runs on, on a server before 1.31', () => {
  let api: FakeApi;
  let nowMs: number;

  beforeEach(async () => {
    api = new FakeApi();
    nowMs = NOW_MS;
    const containers = [container('extract'), container('load')];
    api.putSequentialJob(
      sequentialJob({ spec: { containers, stepPolicies: [{ name: 'extract', onFailure: 'Continue' }] } }),
    );
    await new Process(api).settle();
    const { uid, labels } = api.get(EXTRACT)?.metadata ?? {};
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'etl-0-extract', uid, controller: true }];
    api.put(
      POD,
      rawPod({
        metadata: { name: 'p', uid: 'pod-1', labels, ownerReferences, deletionTimestamp: at(1) },
        status: { phase: 'Running' },
      }) as never,
    );
    const [condition] = [jobCondition('Failed', { reason: 'DeadlineExceeded' })];
    api.setJobStatus(EXTRACT, { failed: 1, conditions: [{ ...condition, lastTransitionTime: at(0) }] });
  });

  const names = (): readonly string[] => api.jobs().map(({ metadata }) => metadata.name);
  const progressing = (): string | undefined =>
    getCondition(api.sequentialJob(NAMESPACE, 'etl')?.status?.conditions, 'Progressing')?.message;

  /** A new process looks, which has listed SequentialJobs and Jobs. */
  async function restarted(podsState: PodListState): Promise<void> {
    const { deps } = new Process(api, () => nowMs);
    for (let reconciles = 0; reconciles < 3; reconciles++)
      await reconcile(KEY, { ...deps, podsState: () => podsState });
  }

  it('is waited for by a new process that has not listed the Pods', async () => {
    await restarted('awaited');
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/^Step 1 \(load\) is waiting for Pods of the previous step to terminate: "p"/);
    api.remove(POD);
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it.each<readonly [string, PodListState]>([
    ['they may not be listed', 'forbidden'],
    ['their first list has not come, and they may not be listed', 'awaited'],
  ])('is given its grace period where %s', async (_says, state) => {
    api.intercept = (request) => (describeRequest(request) === 'GET pods' ? fault('Forbidden') : undefined);
    nowMs = Date.parse(at(34));
    await restarted(state);
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/^Step 1 \(load\) is waiting for Pods .* for 35 s, .* no permission to list Pods$/);
    nowMs = Date.parse(at(35));
    await restarted(state);
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('is waited for by a resume, also of a new process that has not listed the Pods', async () => {
    api.putSequentialJob({
      ...(api.sequentialJob(NAMESPACE, 'etl') as SequentialJob),
      spec: { containers: [container('extract')] },
    });
    await restarted('awaited');
    const stored = api.sequentialJob(NAMESPACE, 'etl') as SequentialJob;
    expect(stored.status).toMatchObject({ phase: 'Failed', resumes: 0 });
    const { metadata, spec } = stored;
    api.putSequentialJob({ ...stored, metadata: { ...metadata, generation: 2 }, spec: { ...spec, resume: 1 } });
    await restarted('awaited');
    expect(progressing()).toMatch(
      /^Resume at step 0 \(extract\) is waiting for Pods of the failed attempt to terminate: "p"/,
    );
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract']);
    api.remove(POD);
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract', 'etl-0-extract-r1']);
  });

  it('does not count any more, as it was last seen, once Pods may not be listed: it is given its grace period', async () => {
    const { deps } = new Process(api, () => nowMs);
    deps.pods.observe(toObservedPod(api.get(POD)));
    nowMs = Date.parse(at(34));
    const reconcileThrice = async (): Promise<void> => {
      for (let reconciles = 0; reconciles < 3; reconciles++)
        await reconcile(KEY, { ...deps, podsState: () => 'forbidden' });
    };
    await reconcileThrice();
    expect(names()).toEqual(['etl-0-extract']);
    nowMs = Date.parse(at(35));
    await reconcileThrice();
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('is given its grace period again before a step whose Job was deleted is followed by the next', async () => {
    api.intercept = (request) => (describeRequest(request) === 'GET pods' ? fault('Forbidden') : undefined);
    api.remove(EXTRACT);
    nowMs = Date.parse(at(100));
    await restarted('forbidden');
    expect(names()).toEqual([]);
    nowMs = Date.parse(at(135));
    await restarted('forbidden');
    expect(names()).toEqual(['etl-1-load']);
  });
});
