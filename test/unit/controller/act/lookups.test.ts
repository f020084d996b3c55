import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecuteDeps } from '../../../../controller/act/deps.ts';
import { execute } from '../../../../controller/act/execute.ts';
import type { Action, Snapshot } from '../../../../controller/decide/index.ts';
import { LABELS } from '../../../../shared/api/group.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import type { Dependency } from '../../../../shared/jobs/dependencies.ts';
import { FakeApi, fault } from '../../../support/fake-api.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { NAMESPACE, observedJob, sequentialJob, UID } from '../../../support/objects.ts';
import {
  containerStatus,
  observedPod,
  type PodOptions,
  podTermination,
  rawPod,
  terminated,
} from '../../../support/pods.ts';
import { actorDeps } from '../../../support/reconciler.ts';

const NAME = 'etl-1-transform';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const INSPECTED = { [NAME]: { type: 'inspected' } } as const;

let api: FakeApi;
let deps: ExecuteDeps;

beforeEach(() => {
  api = new FakeApi();
  deps = actorDeps(api.client);
});

const snapshot = (more: Partial<Snapshot> = {}): Snapshot =>
  deepFreeze({ object: sequentialJob(), jobs: [], findings: {}, ...more });

describe('inspectPods', () => {
  const INSPECT: Action = { type: 'InspectPods', job: observedJob(1) };
  const LABELLED = { [LABELS.uid]: UID, [LABELS.stepIndex]: '1', [LABELS.stepName]: 'transform' };
  const seen = (name: string, more: PodOptions = {}): ObservedPod =>
    observedPod({ metadata: { name, uid: `uid-${name}` }, ...more });
  const names = ({ pods = [] }: Snapshot): readonly string[] => pods.map(({ metadata }) => metadata.name);

  function putPod(name: string, metadata: Readonly<Record<string, unknown>> = {}): void {
    const status = { phase: 'Failed', containerStatuses: [containerStatus(terminated(3, { message: name }))] };
    const pod = rawPod({ metadata: { name, uid: `uid-${name}`, labels: LABELLED, ...metadata }, status });
    api.put(`${PODS}/${name}`, pod as never);
  }

  it('lists the Pods of this step of this sequence, at most 500', async () => {
    await execute([INSPECT], snapshot(), deps);
    expect(api.client.requests).toMatchObject([
      {
        method: 'GET',
        path: PODS,
        query: { labelSelector: `${LABELS.uid}=${UID},${LABELS.stepIndex}=1`, limit: 500 },
      },
    ]);
  });

  it('lists those of a step in finally by its index there', async () => {
    const job = observedJob(1, { step: { index: 0, isFinally: true, name: 'cleanup' } });
    await execute([{ type: 'InspectPods', job }], snapshot(), deps);
    expect(api.client.requests[0]?.query?.['labelSelector']).toBe(`${LABELS.uid}=${UID},${LABELS.finallyIndex}=0`);
  });

  it('lists those of the whole sequence if the Job has lost its labels', async () => {
    const job = observedJob(1, { step: {} });
    await execute([{ type: 'InspectPods', job }], snapshot(), deps);
    expect(api.client.requests[0]?.query?.['labelSelector']).toBe(`${LABELS.uid}=${UID}`);
  });

  it.each<readonly [string, () => void, readonly string[], readonly string[]]>([
    ['a Pod that the watch has not reported yet', () => putPod('a'), [], ['a']],
    ['no Pod, if none exists', () => undefined, [], []],
    ['a deleted Pod whose termination the watch has reported', () => undefined, ['a'], ['a']],
    ['a Pod that is both listed and cached, once', () => putPod('a'), ['a'], ['a']],
    ['a deleted Pod and a new one', () => putPod('b'), ['a'], ['a', 'b']],
    [
      'no Pod of another Job of the step, from before a resume',
      () => putPod('a', { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', uid: 'elder', controller: true }] }),
      [],
      [],
    ],
    ['no Pod of another step', () => putPod('a', { labels: { ...LABELLED, [LABELS.stepIndex]: '0' } }), [], []],
  ])('finds %s', async (_says, prepare, known, expected) => {
    prepare();
    const pods = known.map((name) => seen(name, { failed: true, termination: podTermination() }));
    const after = await execute([INSPECT], snapshot({ pods }), deps);
    expect(names(after)).toEqual(expected);
    expect(after.findings).toEqual(INSPECTED);
  });

  it('puts the result into the cache, because the next reconcile may run before the watch reports the Pods', async () => {
    putPod('a');
    await execute([INSPECT], snapshot(), deps);
    expect(deps.pods.indexed(observedPod().jobUID ?? '').map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('caches none if no watch would report their deletion', async () => {
    putPod('a');
    await execute([INSPECT], snapshot(), { ...deps, podsState: () => 'forbidden' });
    expect(deps.pods.size).toBe(0);
  });

  it('returns none if listing is forbidden, and records that there may be some', async () => {
    api.intercept = () => fault('Forbidden');
    const after = await execute([INSPECT], snapshot(), deps);
    expect(after).toMatchObject({ podsForbidden: true, findings: INSPECTED });
    api.intercept = () => fault('NotFound');
    expect(await execute([INSPECT], snapshot(), deps)).not.toHaveProperty('podsForbidden');
  });

  it('drops a deleted Pod that had not terminated, because it explains nothing', async () => {
    expect(names(await execute([INSPECT], snapshot({ pods: [seen('a')] }), deps))).toEqual([]);
  });

  it('prefers the listed Pod to the cached one', async () => {
    putPod('a');
    const pods = [seen('a')];
    const after = await execute([INSPECT], snapshot({ pods }), deps);
    expect(after.pods).toMatchObject([{ failed: true, termination: { exitCode: 3, message: 'a' } }]);
  });

  it('accepts null items in the list, which Go clients write', async () => {
    const client = new FakeClient({ request: () => ({ items: null }) });
    expect(await execute([INSPECT], snapshot(), { ...deps, client })).toMatchObject({ findings: INSPECTED, pods: [] });
  });

  it('rejects if listing the Pods fails, so that a later reconcile explains the failure', async () => {
    api.intercept = () => fault('ServerError');
    await expect(execute([INSPECT], snapshot(), deps)).rejects.toMatchObject({ code: 'ServerError' });
  });
});

describe('checkDependencies', () => {
  const SECRET: Dependency = { kind: 'Secret', name: 'db' };
  const CLAIM: Dependency = { kind: 'PersistentVolumeClaim', name: 'data' };
  const check = (...dependencies: readonly Dependency[]): Action => ({
    type: 'CheckDependencies',
    jobName: NAME,
    dependencies,
  });

  it.each<readonly [string, readonly string[], readonly Dependency[]]>([
    ['all dependencies are missing', [], [SECRET, CLAIM]],
    ['one dependency is missing', ['secrets/db'], [CLAIM]],
    ['no dependency is missing', ['secrets/db', 'persistentvolumeclaims/data'], []],
  ])('records under the name of the next Job that %s', async (_says, there, missing) => {
    const metadata = { name: 'x' } as never;
    for (const path of there) {
      api.put(`/api/v1/namespaces/${NAMESPACE}/${path}`, { apiVersion: 'v1', kind: 'X', metadata });
    }
    const before = snapshot({ findings: { other: { type: 'notFound' } } });
    const after = await execute([check(SECRET, CLAIM)], before, deps);
    expect(after.findings).toEqual({ other: { type: 'notFound' }, [NAME]: { type: 'dependencies', missing } });
    expect(after.jobs).toEqual([]);
  });

  it('rejects on temporary errors', async () => {
    api.intercept = () => fault('ServerError');
    await expect(execute([check(SECRET)], snapshot(), deps)).rejects.toMatchObject({ code: 'ServerError' });
  });
});
