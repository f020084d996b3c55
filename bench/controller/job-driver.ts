/**
 * Drives the Jobs of one namespace: creates SequentialJobs, completes their Jobs in place of the Job controller, and measures
 * hand-offs: the time from the watch event of a Job's completion to the event of the next Job, in the same watch.
 */
import {
  collectionPath,
  JOBS,
  objectPath,
  SEQUENTIAL_JOBS,
  V1ALPHA1_SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import type { RawClient, WatchEvent, RawRequest } from './raw-client.ts';
import { V1ALPHA1 } from '../../shared/api/group.ts';
import { completion, isComplete, sequenceBody, type ObservedObject, stepOf, STEPS } from './sequences.ts';

export interface Workload {
  readonly sequences: number;
  /** Maximum number of unfinished sequences. */
  readonly inFlight: number;
}

export interface RunResult {
  readonly seconds: number;
  /** Milliseconds. */
  readonly handoffs: readonly number[];
}

export interface JobDriverOptions {
  readonly raw: RawClient;
  readonly namespace: string;
  /** What finishes a sequence: the completion of its last Job, or the condition in its own status. */
  readonly finishedBy: 'jobs' | 'status';
  /** Rejects if the measured process exits. */
  readonly aborted: Promise<never>;
  /** The API version in which sequences are created; default v1beta1. */
  readonly version?: typeof V1ALPHA1;
}

/** Far longer than any run: detects a measurement that hangs. */
const TIMEOUT_MS = 1_800_000;

const noop = (): void => undefined;

export class JobDriver {
  readonly #options: JobDriverOptions;
  /** Names of running Jobs, oldest first: those of other steps than the last, and those of the last step. */
  readonly #running: string[] = [];
  readonly #runningLast: string[] = [];
  /** When the completion of a step was observed, by sequence. */
  readonly #completedAt = new Map<string, number>();
  /** All observed states of sequences, in order; recorded only while `recordHistory` is set. */
  readonly history: ObservedObject[] = [];
  recordHistory = false;
  #created = 0;
  #finished = 0;
  #handoffs: number[] = [];
  #completeImmediately = true;
  #onFinished: () => void = noop;
  #onRunning: () => void = noop;
  #onHandoff: () => void = noop;
  #fail: (error: unknown) => void = noop;

  private constructor(options: JobDriverOptions) {
    this.#options = options;
  }

  static async start(options: JobDriverOptions): Promise<JobDriver> {
    const driver = new JobDriver(options);
    const { raw, namespace } = options;
    await raw.watch(collectionPath(JOBS, namespace), (frame) => driver.#onJobEvent(frame));
    await raw.watch(collectionPath(SEQUENTIAL_JOBS, namespace), (frame) => driver.#onSequenceEvent(frame));
    return driver;
  }

  /** Runs sequences to completion, completing each Job immediately. Creates a new sequence when one has finished. */
  async run({ sequences, inFlight }: Workload): Promise<RunResult> {
    this.#completeImmediately = true;
    return this.#measure((resolve) => {
      const last = this.#created + sequences;
      this.#onFinished = (): void => {
        if (this.#finished === last) resolve();
        else if (this.#created < last) this.#create();
      };
      for (let i = 0; i < Math.min(inFlight, sequences); i++) this.#create();
    });
  }

  /** Creates sequences and leaves their first Jobs running. */
  async startSequences(sequences: number): Promise<void> {
    this.#completeImmediately = false;
    const wanted = this.#running.length + sequences;
    await this.#measure((resolve) => {
      this.#onRunning = (): void => {
        if (this.#running.length === wanted) resolve();
      };
      for (let i = 0; i < sequences; i++) this.#create();
    });
  }

  /** Completes Jobs other than the last of their sequence, oldest first, at a constant rate. Resolves when each next Job exists. */
  async completeAtRate(completions: number, perSecond: number): Promise<RunResult> {
    let timer: NodeJS.Timeout | undefined;
    const measured = this.#measure((resolve) => {
      const started = performance.now();
      let done = 0;
      this.#onHandoff = (): void => {
        if (this.#handoffs.length === completions) resolve();
      };
      timer = setInterval(() => {
        // The timer may fire late, so complete as many Jobs as are due by now.
        const due = Math.min(completions, Math.floor(((performance.now() - started) / 1000) * perSecond));
        for (; done < due && this.#running.length > 0; done++) this.#complete(this.#running.shift());
      }, 1);
    });
    return measured.finally(() => clearInterval(timer));
  }

  /** Completes all running sequences. */
  async finish(): Promise<void> {
    this.#completeImmediately = true;
    if (this.#finished === this.#created) return;
    await this.#measure((resolve) => {
      this.#onFinished = (): void => {
        if (this.#finished === this.#created) resolve();
      };
      for (const job of [...this.#running.splice(0), ...this.#runningLast.splice(0)]) this.#complete(job);
    });
  }

  /** Measures until `begin` calls its `resolve`. Rejects if a request fails, and after the timeout. */
  async #measure(begin: (resolve: () => void) => void): Promise<RunResult> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timeout = new Error(`not finished within ${TIMEOUT_MS / 1000} s`);
    const timer = setTimeout(() => reject(timeout), TIMEOUT_MS);
    const started = performance.now();
    [this.#onFinished, this.#onRunning, this.#onHandoff, this.#fail] = [noop, noop, noop, reject];
    this.#handoffs = [];
    begin(resolve);
    try {
      await Promise.race([promise, this.#options.aborted]);
    } finally {
      clearTimeout(timer);
    }
    return { seconds: (performance.now() - started) / 1000, handoffs: this.#handoffs };
  }

  #create(): void {
    this.#created++;
    const name = `sequence-${String(this.#created).padStart(5, '0')}`;
    const { namespace, version } = this.#options;
    const resource = version === V1ALPHA1 ? V1ALPHA1_SEQUENTIAL_JOBS : SEQUENTIAL_JOBS;
    this.#send({ method: 'POST', path: collectionPath(resource, namespace), body: sequenceBody(name, STEPS, version) });
  }

  #complete(job: string | undefined): void {
    if (job === undefined) return;
    const path = objectPath(JOBS, this.#options.namespace, job, 'status');
    this.#send({ method: 'PATCH', path, body: completion(new Date()), type: 'application/merge-patch+json' });
  }

  #send(request: RawRequest): void {
    this.#options.raw.send(request).catch((error: unknown) => this.#fail(error));
  }

  #onJobEvent({ type, object }: WatchEvent): void {
    const now = performance.now();
    const job = object as ObservedObject;
    const { sequence, index } = stepOf(job);
    if (type === 'ADDED') {
      const completedAt = this.#completedAt.get(sequence);
      if (completedAt !== undefined) this.#handoffs.push(now - completedAt);
      this.#completedAt.delete(sequence);
      if (this.#completeImmediately) this.#complete(job.metadata.name);
      else {
        (index + 1 < STEPS ? this.#running : this.#runningLast).push(job.metadata.name);
        this.#onRunning();
      }
      if (completedAt !== undefined) this.#onHandoff();
    } else if (type === 'MODIFIED' && isComplete(job)) {
      if (index + 1 < STEPS) this.#completedAt.set(sequence, now);
      else if (this.#options.finishedBy === 'jobs') this.#sequenceFinished();
    }
  }

  #onSequenceEvent({ type, object }: WatchEvent): void {
    const sequence = object as ObservedObject;
    if (this.recordHistory) this.history.push(sequence);
    if (type === 'MODIFIED' && this.#options.finishedBy === 'status' && isComplete(sequence)) this.#sequenceFinished();
  }

  #sequenceFinished(): void {
    this.#finished++;
    this.#onFinished();
  }
}
