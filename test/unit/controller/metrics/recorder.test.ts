/** What a reconcile and the caches tell the metrics. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { endedSteps, type EndedStep, ControllerMetricsRecorder } from '../../../../controller/metrics/recorder.ts';
import { WorkQueue } from '../../../../shared/work-queue/work-queue.ts';
import { reconcile, type ReconcilerDeps } from '../../../../controller/reconcile.ts';
import { toObservedJob } from '../../../../controller/transform.ts';
import type { StepStatus } from '../../../../shared/api/types.ts';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import type { ReconcileOutcome } from '../../../../controller/metrics/reconcile.ts';
import { FakeApi, fault } from '../../../support/fake-api.ts';
import { type Family, parseMetrics, valueOf } from '../../../support/metrics.ts';
import { at, container, jobCondition, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';
import { reconcilerDeps } from '../../../support/reconciler.ts';

const KEY = 'team-a/etl';

let api: FakeApi;
let deps: ReconcilerDeps;
let instruments: ControllerMetricsRecorder;
let registry: Registry;
/** Monotonic; a request takes 10 ms. */
let now: number;
let synced: boolean;

beforeEach(() => {
  api = new FakeApi();
  api.intercept = () => {
    now += 10;
    return undefined;
  };
  now = 5_000;
  synced = true;
  registry = new Registry();
  const queue = new WorkQueue({ backoff: { baseMs: 1, maxMs: 1 }, random: () => 1, now: () => now });
  const plain = reconcilerDeps(api.client, undefined, () => NOW_MS);
  const { sequentialJobs, jobs } = plain;
  const metrics = new ControllerMetrics(registry);
  instruments = new ControllerMetricsRecorder({
    metrics,
    queue,
    workers: 16,
    sequentialJobs,
    jobs,
    synced: () => synced,
    now: () => now,
  });
  deps = { ...plain, observer: instruments };
});

const reconcileOnce = async (): Promise<void> =>
  instruments.reconcile(KEY, async (): Promise<ReconcileOutcome> => {
    try {
      return (await reconcile(KEY, deps)).requeueAfterMs === undefined ? 'success' : 'requeue_after';
    } catch {
      return 'error';
    }
  });

/** The object is there, and so is what the watch tells of it. */
async function begin(...[options]: Parameters<typeof sequentialJob>): Promise<void> {
  deps.sequentialJobs.observe(api.putSequentialJob(sequentialJob(options)));
  await reconcileOnce();
}

/** The Job controller ends the Job of a step, and the watch tells of it. */
function end(index: number, condition: 'Complete' | 'Failed', seconds = 30): void {
  const job = api.jobs()[index];
  const { namespace = '', name = '' } = job?.metadata ?? {};
  const stored = api.setJobStatus(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`, {
    startTime: at(0),
    ...(condition === 'Complete' ? { completionTime: at(seconds), succeeded: 1 } : { failed: 1 }),
    conditions: [jobCondition(condition, { reason: 'BackoffLimitExceeded', lastTransitionTime: at(seconds) })],
  });
  deps.jobs.observe(toObservedJob(stored));
}

const served = async (): Promise<ReadonlyMap<string, Family>> => parseMetrics(await registry.metrics());

const OF_SEQUENCES = { controller: 'sequentialjob' };

describe('hand-offs', () => {
  const handoffs = async (): Promise<readonly [number, number]> => {
    const families = await served();
    return [
      valueOf(families, 'sequentialjob_step_handoff_seconds_count'),
      valueOf(families, 'sequentialjob_step_handoff_seconds_sum'),
    ];
  };

  it('are measured from the time at which the end of a step is observed to the response to the creation of the next Job', async () => {
    await begin();
    end(0, 'Complete');
    now += 25;
    await reconcileOnce();
    expect(api.jobs()).toHaveLength(2);
    // 25 ms in the queue and one request: the status comes after it.
    expect(await handoffs()).toEqual([1, 0.035]);
  });

  it('include the time during which the API server rejects the Job', async () => {
    await begin();
    end(0, 'Complete');
    api.intercept = () => fault('ServerError');
    await reconcileOnce();
    now += 2_000;
    api.intercept = () => undefined;
    await reconcileOnce();
    await reconcileOnce();
    expect(api.jobs()).toHaveLength(2);
    expect(await handoffs()).toEqual([1, 2]);
  });

  it('do not include the time during which a step waits for something else', async () => {
    await begin();
    const suspended = { ...sequentialJob().spec, suspend: true };
    deps.sequentialJobs.observe(
      api.putSequentialJob({ ...sequentialJob(), ...api.sequentialJob('team-a', 'etl'), spec: suspended }),
    );
    end(0, 'Complete');
    await reconcileOnce();
    now += 60_000;
    deps.sequentialJobs.observe(
      api.putSequentialJob({
        ...sequentialJob(),
        ...api.sequentialJob('team-a', 'etl'),
        spec: { ...suspended, suspend: false },
      }),
    );
    await reconcileOnce();
    expect(api.jobs()).toHaveLength(2);
    expect(await handoffs()).toEqual([0, 0]);
  });

  it('are measured once for a Job that changes after it has finished', async () => {
    await begin();
    end(0, 'Complete');
    await reconcileOnce();
    now += 1_000;
    end(0, 'Complete');
    // As if it were the next Job's creation: nothing is due.
    instruments.acted([{ type: 'CreateJob', position: 1, resumes: 0, jobName: 'etl-0-extract' }], {
      object: sequentialJob(),
      jobs: [...deps.jobs.values()],
      findings: {},
    });
    expect((await handoffs())[0]).toBe(1);
  });

  it('do not include a conflict of Job names', async () => {
    await begin();
    const other = observedJob(1, { metadata: { uid: 'other', ownerReferences: [] } });
    api.putJob(other);
    end(0, 'Complete');
    await reconcileOnce();
    expect(api.sequentialJob('team-a', 'etl')?.status?.progress?.failureReason).toBe('JobNameConflict');
    expect(await handoffs()).toEqual([0, 0]);
  });
});

describe('steps and sequences', () => {
  it('each step is counted once, with its duration, when its end is recorded', async () => {
    await begin();
    for (const index of [0, 1]) {
      end(index, 'Complete', 90);
      await reconcileOnce();
      await reconcileOnce();
    }
    end(2, 'Failed', 30);
    await reconcileOnce();
    await reconcileOnce();
    const families = await served();
    expect(valueOf(families, 'sequentialjob_steps_total', { result: 'succeeded' })).toBe(2);
    expect(valueOf(families, 'sequentialjob_steps_total', { result: 'failed' })).toBe(1);
    expect(valueOf(families, 'sequentialjob_step_duration_seconds_sum', { result: 'succeeded' })).toBe(180);
    expect(valueOf(families, 'sequentialjob_step_duration_seconds_sum', { result: 'failed' })).toBe(30);
  });

  it('a step of finally is counted as the others are', async () => {
    await begin({ spec: { steps: [container('extract')], finally: [container('cleanup')] } });
    end(0, 'Complete');
    // One reconcile records the end of the steps, the next one starts finally.
    for (let i = 0; i < 3; i++) await reconcileOnce();
    end(1, 'Failed');
    await reconcileOnce();
    const families = await served();
    expect(valueOf(families, 'sequentialjob_steps_total', { result: 'succeeded' })).toBe(1);
    expect(valueOf(families, 'sequentialjob_steps_total', { result: 'failed' })).toBe(1);
  });

  it('a step whose end could not be recorded is counted when it is recorded', async () => {
    await begin();
    end(0, 'Complete');
    api.intercept = ({ path }) => (path.endsWith('/status') ? fault('Conflict') : undefined);
    await reconcileOnce();
    expect(valueOf(await served(), 'sequentialjob_steps_total', { result: 'succeeded' })).toBe(0);
    api.intercept = () => undefined;
    await reconcileOnce();
    expect(valueOf(await served(), 'sequentialjob_steps_total', { result: 'succeeded' })).toBe(1);
  });

  it('phases are those of the cached objects, Pending if the status has no phase', async () => {
    await begin();
    const other = sequentialJob({ metadata: { name: 'other', uid: 'other' } });
    deps.sequentialJobs.observe(other);
    const families = await served();
    expect(valueOf(families, 'sequentialjob_sequences', { phase: 'Running' })).toBe(1);
    expect(valueOf(families, 'sequentialjob_sequences', { phase: 'Pending' })).toBe(1);
    synced = false;
    expect((await served()).get('sequentialjob_sequences')?.samples).toEqual([]);
  });

  it('reconciles are counted by their result, with their duration', async () => {
    await begin();
    api.intercept = () => fault('ServerError');
    end(0, 'Complete');
    await reconcileOnce();
    const families = await served();
    expect(valueOf(families, 'controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'requeue_after' })).toBe(
      1,
    );
    expect(valueOf(families, 'controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'error' })).toBe(1);
    expect(valueOf(families, 'controller_runtime_reconcile_time_seconds_sum', OF_SEQUENCES)).toBeCloseTo(0.03);
    expect(valueOf(families, 'controller_runtime_max_concurrent_reconciles', OF_SEQUENCES)).toBe(16);
  });
});

describe('endedSteps', () => {
  const step = (index: number, state: StepStatus['state'], more: Partial<StepStatus> = {}): StepStatus => ({
    index,
    name: `s${index}`,
    jobUID: `job-${index}`,
    state,
    startTime: at(0),
    ...(state === 'Succeeded' || state === 'Failed' ? { completionTime: at(60) } : {}),
    ...more,
  });
  const SUCCEEDED: EndedStep = { result: 'succeeded', seconds: 60 };
  const FAILED: EndedStep = { result: 'failed', seconds: 60 };

  it.each<
    readonly [string, readonly StepStatus[] | undefined, readonly StepStatus[] | undefined, readonly EndedStep[]]
  >([
    ['no step has started', undefined, undefined, []],
    ['a step has started', undefined, [step(0, 'Running')], []],
    [
      'a step has succeeded, and the next one has started',
      [step(0, 'Running')],
      [step(0, 'Succeeded'), step(1, 'Running')],
      [SUCCEEDED],
    ],
    [
      'a step has failed, and the next one is skipped',
      [step(0, 'Running')],
      [step(0, 'Failed'), step(1, 'Skipped')],
      [FAILED],
    ],
    ['no change', [step(0, 'Succeeded'), step(1, 'Failed')], [step(0, 'Succeeded'), step(1, 'Failed')], []],
    [
      'several steps at once, after a restart',
      [step(0, 'Running')],
      [step(0, 'Succeeded'), step(1, 'Succeeded'), step(2, 'Failed')],
      [SUCCEEDED, SUCCEEDED, FAILED],
    ],
    ['a resumed step is not counted', [step(0, 'Failed')], [step(0, 'Running', { jobUID: 'again' })], []],
    [
      'a resumed step that has failed again between two status writes is counted',
      [step(0, 'Failed')],
      [step(0, 'Failed', { jobUID: 'again' })],
      [FAILED],
    ],
    [
      'a step without times has no duration',
      [step(0, 'Running')],
      [{ index: 0, name: 's0', jobUID: 'job-0', state: 'Failed' }],
      [{ result: 'failed', seconds: undefined }],
    ],
  ])('%s', (_says, before, after, ended) => {
    expect(endedSteps(before, after)).toEqual(ended);
  });
});
