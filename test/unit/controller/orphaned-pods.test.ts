/**
 * A Pod counts with its controller, the Job. One that was left behind by its Job's deletion still holds back what comes next, also
 * where nobody has seen whose it was; one that only says so in a label holds nothing back and tells nothing.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { OwnerReference, SequentialJob } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { FakeApi, jobPath, type Stored } from '../../support/fake-api.ts';
import { at, container, jobCondition, NAMESPACE, NOW_MS, sequentialJob } from '../../support/objects.ts';
import { containerStatus, rawPod, terminated } from '../../support/pods.ts';
import { Process } from '../../support/process.ts';

const EXTRACT = jobPath(NAMESPACE, 'etl-0-extract');
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

function putPod(name: string, createdAt: string, owners: readonly OwnerReference[], status: object = RUNNING): void {
  const { uid, labels } = api.get(EXTRACT)?.metadata ?? lastJob.metadata;
  const metadata = {
    name,
    uid: `uid-${name}`,
    labels: { ...labels, [LABEL]: uid },
    ownerReferences: owners,
    creationTimestamp: createdAt,
  };
  api.put(podPath(name), rawPod({ metadata, status: status as never }) as never);
}

let lastJob: Stored;
const byJob = (): readonly OwnerReference[] => [
  { apiVersion: 'batch/v1', kind: 'Job', name: 'etl-0-extract', uid: lastJob.metadata.uid, controller: true },
];

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
  const containers = [container('extract'), container('load')];
  api.putSequentialJob(
    sequentialJob({ spec: { containers, stepPolicies: [{ name: 'extract', onFailure: 'Continue' }] } }),
  );
  first = new Process(api, () => nowMs);
  await first.settle();
  lastJob = api.get(EXTRACT) as Stored;
});

/** `kubectl delete job --cascade=orphan`. */
function orphan(): void {
  putPod('p', at(0), []);
  api.remove(EXTRACT);
}

/** The Job fails, and stays. */
function fail(): void {
  const condition = jobCondition('Failed', { reason: 'DeadlineExceeded', lastTransitionTime: at(10) });
  api.setJobStatus(EXTRACT, { failed: 1, conditions: [condition] });
}

describe('a Pod that its Job has left behind is waited for', () => {
  beforeEach(() => putPod('p', at(0), byJob()));

  it.each<readonly [string, (process: Process) => Process]>([
    ['by the process that saw whose it was', (process) => process],
    ['by a process that was not there', () => new Process(api, () => nowMs)],
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

  it('also by a process that was started when that was on record', async () => {
    await settle(first);
    orphan();
    nowMs = Date.parse(at(20));
    await settle(first);
    nowMs = Date.parse(at(4000));
    await settle(new Process(api, () => nowMs));
    expect(names()).toEqual([]);
  });

  it('also where the process that saw whose it was had no other sign of it', async () => {
    fail();
    await settle(first);
    // Somebody takes its owner off by hand; the Job stays.
    putPod('p', at(0), []);
    await settle(first);
    expect(names()).toEqual(['etl-0-extract']);
    expect(progressing()).toMatch(/is waiting for Pods of the previous step to terminate: "p"/);
  });
});

describe("a Pod that nobody controls, with the label of a step's Job", () => {
  it('does not hold the next step back while the Job is there', async () => {
    putPod('forged', at(0), []);
    fail();
    await settle(first);
    expect(names()).toEqual(['etl-0-extract', 'etl-1-load']);
  });

  it('nor when it is gone, if it came after', async () => {
    api.remove(EXTRACT);
    nowMs = Date.parse(at(20));
    putPod('forged', at(100), []);
    await settle(first);
    expect(names()).toEqual(['etl-1-load']);
  });

  it('nor a resume', async () => {
    fail();
    api.putSequentialJob({ ...stored(), spec: { containers: [container('extract')] } });
    await settle(first);
    putPod('forged', at(0), []);
    const { metadata, spec } = stored();
    api.putSequentialJob({ ...stored(), metadata: { ...metadata, generation: 2 }, spec: { ...spec, resume: 1 } });
    await settle(first);
    await settle(first);
    expect(names()).toEqual(['etl-0-extract', 'etl-0-extract-r1']);
  });

  it('explains no failure, and counts as no attempt', async () => {
    putPod('own', at(0), byJob(), { ...FAILED, containerStatuses: [containerStatus(terminated(3), {}, 'extract')] });
    for (const name of ['forged-1', 'forged-2', 'forged-3']) putPod(name, at(5), [], FAILED);
    fail();
    await settle(first);
    const [step] = stored().status?.steps ?? [];
    expect(step).toMatchObject({ state: 'Failed', exitCode: 3, attempts: 1 });
    expect(JSON.stringify(stored().status)).not.toContain('forged');
  });

  it('keeps no step from standing still when its sequence is suspended', async () => {
    putPod('forged', at(0), []);
    const { metadata, spec } = stored();
    api.putSequentialJob({ ...stored(), metadata: { ...metadata, generation: 2 }, spec: { ...spec, suspend: true } });
    await settle(first);
    api.setJobStatus(EXTRACT, { conditions: [jobCondition('Suspended')] });
    await settle(first);
    expect(stored().status?.phase).toBe('Suspended');
  });
});
