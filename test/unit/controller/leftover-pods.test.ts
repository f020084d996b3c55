/**
 * The next step waits for the Pods of the one before, also where they have not been listed or may not be, and where they were left
 * behind by their Job's deletion. A Pod counts with its controller, the Job: one that only says so in a label holds nothing back.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PodListState } from '../../../controller/informers.ts';
import { reconcile } from '../../../controller/reconcile.ts';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { describeRequest, FakeApi, fault, jobPath, type Stored } from '../../support/fake-api.ts';
import { at, container, jobCondition, NAMESPACE, NOW_MS, sequentialJob } from '../../support/objects.ts';
import { containerStatus, jobOwner, rawPod, terminated } from '../../support/pods.ts';
import { Process } from '../../support/process.ts';

const EXTRACT = jobPath(NAMESPACE, 'etl-0-extract');
const KEY = `${NAMESPACE}/etl`;
const LABEL = 'batch.kubernetes.io/controller-uid';
const RUNNING = { phase: 'Running' };
const FAILED = {
  phase: 'Failed',
  containerStatuses: [containerStatus(terminated(7, { message: 'forged words' }), {}, 'extract')],
};

let api: FakeApi;
let nowMs: number;
/** The one that was there when the Job was. */
let first: Process;

const podPath = (name: string): string => `/api/v1/namespaces/${NAMESPACE}/pods/${name}`;

function putPod(name: string, ownerReferences: readonly object[], status: object = RUNNING, more = {}): void {
  const { uid, labels } = api.get(EXTRACT)?.metadata ?? lastJob.metadata;
  const metadata = { name, uid: `uid-${name}`, labels: { ...labels, [LABEL]: uid }, ownerReferences, ...more };
  api.put(podPath(name), rawPod({ metadata, status: status as never }) as never);
}

let lastJob: Stored;
const byJob = (): readonly object[] => [jobOwner('etl-0-extract', lastJob.metadata.uid)];

const names = (): readonly string[] => api.jobs().map(({ metadata }) => metadata.name);
const stored = (): SequentialJob => api.sequentialJob(NAMESPACE, 'etl') as SequentialJob;
const progressing = (): string | undefined => getCondition(stored().status?.conditions, 'Progressing')?.message;

/** What the watch of Pods brings, too. */
function sync({ deps }: Process): void {
  deps.pods.replace(
    api.ofKind('Pod').map((pod) => toObservedPod(pod)),
    api.version,
  );
}

async function settle(process: Process): Promise<void> {
  process.sync();
  sync(process);
  await process.settle();
}

beforeEach(async () => {
  api = new FakeApi();
  nowMs = NOW_MS;
  const steps = [container('extract', { onFailure: 'Continue' }), container('load')];
  api.putSequentialJob(sequentialJob({ spec: { steps } }));
  first = new Process(api, () => nowMs);
  await first.settle();
  lastJob = api.get(EXTRACT) as Stored;
});

/** `kubectl delete job --cascade=orphan`. */
function orphan(): void {
  putPod('p', []);
  api.remove(EXTRACT);
}

/** The Job fails, and stays. */
function fail(when = at(10)): void {
  const condition = jobCondition('Failed', { reason: 'DeadlineExceeded', lastTransitionTime: when });
  api.setJobStatus(EXTRACT, { failed: 1, conditions: [condition] });
}

/** The first step is the only one. */
function onlyExtract(): void {
  api.putSequentialJob({ ...stored(), spec: { steps: [container('extract')] } });
}

/** The user changes the spec. */
function edit(change: Partial<SequentialJob['spec']>): void {
  const { metadata, spec } = stored();
  api.putSequentialJob({ ...stored(), metadata: { ...metadata, generation: 2 }, spec: { ...spec, ...change } });
}

describe('a Pod that its deleted Job has left is awaited', () => {
  beforeEach(() => putPod('p', byJob()));

  it.each<readonly [string, (process: Process) => Process]>([
    ['by the process that saw the owner reference', (process) => process],
    ['by a process that did not see the owner reference', () => new Process(api, () => nowMs)],
  ])('%s', async (_says, next) => {
    await settle(first);
    orphan();
    nowMs = Date.parse(at(20));
    const process = next(first);
    await settle(process);
    await settle(process);
    expect(names()).toEqual([]);
    expect(progressing()).toMatch(/^Step 1 \(load\) is waiting for Pods of the previous step to terminate: "p"/);
    api.remove(podPath('p'));
    await settle(process);
    expect(names()).toEqual(['etl-1-load']);
  });

  it('by a new process, if the status records that', async () => {
    await settle(first);
    orphan();
    nowMs = Date.parse(at(20));
    await settle(first);
    nowMs = Date.parse(at(4000));
    await settle(new Process(api, () => nowMs));
    expect(names()).toEqual([]);
  });

  it('by the process that saw the owner reference, even if nothing else connects the Pod with the Job', async () => {
    fail();
    await settle(first);
    // Somebody takes its owner off by hand; the Job stays.
    putPod('p', []);
    await settle(first);
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/is waiting for Pods of the previous step to terminate: "p"/);
  });
});

describe("a Pod without a controller, but with the label of a step's Job", () => {
  it('does not delay the next step while the Job exists', async () => {
    putPod('forged', []);
    fail();
    await settle(first);
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('does not delay it after the Job is deleted, if the Pod was created later', async () => {
    api.remove(EXTRACT);
    nowMs = Date.parse(at(20));
    putPod('forged', [], RUNNING, { creationTimestamp: at(100) });
    await settle(first);
    expect(names()).toEqual(['etl-1-load']);
  });

  it('does not delay a resume', async () => {
    fail();
    onlyExtract();
    await settle(first);
    putPod('forged', []);
    edit({ resume: 1 });
    await settle(first);
    await settle(first);
    expect(names()).toEqual(['etl-0-extract', 'etl-0-extract-r1']);
  });

  it('does not explain a failure, and does not count as an attempt', async () => {
    putPod('own', byJob(), { ...FAILED, containerStatuses: [containerStatus(terminated(3), {}, 'extract')] });
    for (const name of ['forged-1', 'forged-2', 'forged-3']) putPod(name, [], FAILED);
    fail();
    await settle(first);
    const [step] = stored().status?.steps ?? [];
    expect(step).toMatchObject({ state: 'Failed', exitCode: 3, attempts: 1 });
    expect(JSON.stringify(stored().status)).not.toContain('forged');
  });

  it('does not prevent a suspended step from being Suspended', async () => {
    putPod('forged', []);
    edit({ suspend: true });
    await settle(first);
    api.setJobStatus(EXTRACT, { conditions: [jobCondition('Suspended')] });
    await settle(first);
    expect(stored().status?.phase).toBe('Suspended');
  });
});

describe('a step has failed and its Pod still runs, on a server before 1.31: the Pod', () => {
  beforeEach(() => {
    putPod('p', byJob(), RUNNING, { deletionTimestamp: at(1) });
    fail(at(0));
  });

  async function reconcileThrice({ deps }: Process, podsState: PodListState): Promise<void> {
    for (let reconciles = 0; reconciles < 3; reconciles++)
      await reconcile(KEY, { ...deps, podsState: () => podsState });
  }

  /** A new process looks, which has listed SequentialJobs and Jobs. */
  const restarted = async (podsState: PodListState): Promise<void> =>
    reconcileThrice(new Process(api, () => nowMs), podsState);

  it('is awaited by a new process that has not listed the Pods yet', async () => {
    await restarted('awaited');
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/^Step 1 \(load\) is waiting for Pods of the previous step to terminate: "p"/);
    api.remove(podPath('p'));
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it.each<readonly [string, PodListState]>([
    ['listing Pods is forbidden', 'forbidden'],
    ['listing Pods is forbidden, and the informer has not synced', 'awaited'],
  ])('gets its grace period if %s', async (_says, state) => {
    api.intercept = (request) => (describeRequest(request) === 'GET pods' ? fault('Forbidden') : undefined);
    nowMs = Date.parse(at(34));
    await restarted(state);
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/^Step 1 \(load\) is waiting for Pods .* for 35 s, .* no permission to list Pods$/);
    nowMs = Date.parse(at(35));
    await restarted(state);
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('blocks a resume, also in a new process that has not listed the Pods yet', async () => {
    onlyExtract();
    await restarted('awaited');
    expect(stored().status).toMatchObject({ phase: 'Failed', resumes: 0 });
    edit({ resume: 1 });
    await restarted('awaited');
    expect(progressing()).toMatch(
      /^Resume at step 0 \(extract\) is waiting for Pods of the failed attempt to terminate: "p"/,
    );
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract']);
    api.remove(podPath('p'));
    await restarted('awaited');
    expect(names()).toEqual(['etl-0-extract', 'etl-0-extract-r1']);
  });

  it('does not count as cached any more if listing Pods is forbidden: it gets its grace period', async () => {
    const process = new Process(api, () => nowMs);
    process.deps.pods.observe(toObservedPod(api.get(podPath('p'))));
    nowMs = Date.parse(at(34));
    await reconcileThrice(process, 'forbidden');
    expect(names()).toEqual(['etl-0-extract']);
    nowMs = Date.parse(at(35));
    await reconcileThrice(process, 'forbidden');
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('gets its grace period again before the next step, if the Job of the step was deleted', async () => {
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
