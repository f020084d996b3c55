/** Feeds the metrics of the controller. Only observes: it changes no behavior. */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../shared/api/job.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { Phase, SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import { type Cache, type Change, type Key, keyOf } from '../../shared/kube/cache.ts';
import type { ControllerMetrics } from './index.ts';
import type { StepResult } from './sequences.ts';
import type { ReconcileOutcome } from './reconcile.ts';
import type { Action, Snapshot } from '../decide/index.ts';
import { StepLatencyTracker } from './step-latency.ts';
import type { WorkQueue } from '../../shared/work-queue/work-queue.ts';
import type { ReconcileObserver } from '../report.ts';

export interface ControllerMetricsRecorderOptions {
  readonly metrics: ControllerMetrics;
  readonly queue: WorkQueue;
  readonly workers: number;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly jobs: Cache<ObservedJob>;
  /** True once the caches have synced. */
  readonly synced: () => boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class ControllerMetricsRecorder implements ReconcileObserver {
  readonly #metrics: ControllerMetrics;
  readonly #now: () => number;
  readonly #stepLatency: StepLatencyTracker;

  constructor({ metrics, queue, workers, sequentialJobs, jobs, synced, now }: ControllerMetricsRecorderOptions) {
    this.#metrics = metrics;
    this.#now = now;
    this.#stepLatency = new StepLatencyTracker({ now, observe: (ms) => metrics.sequences.handedOff(ms) });
    metrics.queue.follow(() => queue.state());
    metrics.reconcile.follow(workers, () => queue.inProgress);
    metrics.sequences.follow(() => (synced() ? phasesOf(sequentialJobs.values()) : undefined));
    jobs.subscribe((change) => this.#jobChanged(change));
  }

  /** Runs and counts a reconcile; rejects only if the reconcile rejects. */
  async reconcile(key: Key, reconcile: () => Promise<ReconcileOutcome>): Promise<void> {
    const since = this.#now();
    const result = await reconcile();
    this.#metrics.reconcile.reconciled(result, this.#now() - since);
    if (result === 'success' || result === 'requeue_after') this.#stepLatency.reconciled(key, since);
  }

  acted(actions: readonly Action[], after: Snapshot): void {
    for (const action of actions) {
      const exists = action.type === 'CreateJob' && after.jobs.some(({ metadata }) => metadata.name === action.jobName);
      if (exists) this.#stepLatency.stepStarted(keyOf(after.object));
    }
  }

  reported(before: SequentialJob, after: SequentialJobStatus): void {
    const steps = endedSteps(before.status?.steps, after.steps);
    for (const { result, seconds } of [...steps, ...endedSteps(before.status?.finally, after.finally)]) {
      this.#metrics.sequences.stepEnded(result, seconds);
    }
  }

  #jobChanged(change: Change<ObservedJob>): void {
    // A Job that had finished when it was first seen ended before this process watched it.
    if (change.type !== 'modified' || outcomeOf(change.object).type === 'running') return;
    if (outcomeOf(change.previous).type !== 'running') return;
    const owner = sequentialJobOwner(change.object);
    if (owner !== undefined) this.#stepLatency.stepEnded(`${change.object.metadata.namespace}/${owner.name}`);
  }
}

/** A new object has no phase yet. */
function phasesOf(objects: Iterable<SequentialJob>): Iterable<Phase> {
  return Iterator.from(objects).map(({ status }) => status?.phase ?? 'Pending');
}

export interface EndedStep {
  readonly result: StepResult;
  readonly seconds: number | undefined;
}

const RESULTS: Readonly<Partial<Record<StepStatus['state'], StepResult>>> = {
  Succeeded: 'succeeded',
  Failed: 'failed',
};

/** The steps that ended between two statuses of a sequence. A resumed step has another Job and counts again. */
export function endedSteps(
  before: readonly StepStatus[] = [],
  after: readonly StepStatus[] = [],
): readonly EndedStep[] {
  const ended: EndedStep[] = [];
  // Runs at every reconcile for up to 1000 steps: allocates no array for each step.
  for (const [i, step] of after.entries()) {
    const result = RESULTS[step.state];
    const previous = before[i];
    if (result === undefined || (previous?.state === step.state && previous.jobUID === step.jobUID)) continue;
    ended.push({ result, seconds: secondsBetween(step.startTime, step.completionTime) });
  }
  return ended;
}
