/** A sequence, its user, its cluster and its controller; every move is checked against what must always hold. */
import assert from 'node:assert/strict';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import { jobPath } from '../../../support/fake-api.ts';
import { NAMESPACE, NOW_MS, observedJob } from '../../../support/objects.ts';
import { type Cluster, type Disruption, isOver, type RawJob } from './cluster.ts';
import { clusterOf, goOn, mayHappen, type Part } from './clusters.ts';
import { Law } from './law.ts';
import { Ledger } from './ledger.ts';
import { Process } from './process.ts';
import { objectOf, type Scenario, SECRET } from './scenario.ts';
import { Server, type Sender } from './server.ts';
import { isOverPhase, statusFaults } from './status-rules.ts';
import { Stopwatch } from './stopwatch.ts';
import { User } from './user.ts';

/** Statuses have whole seconds: how long something took is known to two of them. */
export const ROUNDING_MS = 2000;

export class World {
  nowMs = NOW_MS;
  readonly scenario: Scenario;
  readonly server: Server;
  readonly cluster: Cluster;
  readonly user: User;
  readonly law: Law;
  readonly ledger: Ledger;
  readonly stopwatch = new Stopwatch();
  process: Process;
  /** The process before, which does not know that it was replaced, as long as it can do no harm. */
  stale: Process | undefined;
  /** The object was deleted, by its user or because its time to live was over. */
  isDeleted = false;
  isSecretThere: boolean;
  /** Some spec had a deadline. */
  hadDeadline: boolean;
  readonly #faults: string[] = [];
  #hasRestarted = false;
  #isVisiting = false;
  #hasStaleActed = false;
  /** Jobs that somebody deleted without waiting for their Pods. */
  readonly #torn = new Set<string>();
  readonly #start: SequentialJob;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const { server, secret } = scenario;
    this.ledger = new Ledger((fault) => this.blame(fault));
    this.server = new Server({ now: () => this.nowMs, suspendsJobs: server.suspendsJobs, witness: this });
    const { api } = this.server;
    this.cluster = clusterOf(server, {
      api,
      now: () => this.nowMs,
      courseOf: (job) => this.#courseOf(job),
      onEnd: (job, type, reason) => this.ledger.ended(job, type, reason),
    });
    this.user = new User(this.server, (before, after) => this.#onChange(before, after));
    this.#start = api.putSequentialJob(objectOf(scenario));
    this.law = new Law(this.#start.spec);
    this.hadDeadline = scenario.deadline !== undefined;
    this.isSecretThere = secret === 'there';
    if (this.isSecretThere) this.user.makeSecret(SECRET);
    this.#putForeignJob();
    this.process = this.#newProcess();
  }

  get object(): SequentialJob | undefined {
    return this.server.object;
  }

  blame(fault: string): void {
    this.#faults.push(fault);
  }

  /** After each move. */
  check(): void {
    if (this.#faults.length > 0) assert.fail(this.#faults.join('\n'));
  }

  makeSecret(): void {
    if (this.isSecretThere) return;
    this.isSecretThere = true;
    this.user.makeSecret(SECRET);
  }

  /** The process dies, or seems to; the next one lists everything, and knows nothing else. */
  restart(isStale: boolean): void {
    this.#hasRestarted = true;
    this.dropStale();
    if (isStale && !this.process.dead) this.stale = this.process;
    const { object } = this;
    if (object !== undefined && !this.#isRecorded()) {
      this.law.forgive(object.spec);
      this.ledger.isSpecUnsure ||= (object.metadata.generation ?? 0) > (object.status?.observedGeneration ?? 0);
    }
    this.process = this.#newProcess();
  }

  /** What goes on in the cluster by itself goes on by one stage; true where something has happened. */
  advance(part: Part = 'all'): boolean {
    const isMoving = goOn(this.cluster, part);
    const running = this.cluster.running();
    if (running.length > 1) this.blame(`containers run at once: those of ${running.join(' and ')}`);
    const isCollecting = this.server.collect();
    this.findLost();
    return isMoving || isCollecting;
  }

  /** Somebody deletes the Pod that runs, or the kubelet evicts it. */
  disrupt(how: Disruption): void {
    if (mayHappen(how, this.scenario.server)) this.cluster.disrupt(how);
  }

  delete(): void {
    if (this.object === undefined) return;
    this.dropStale();
    this.isDeleted = true;
    this.user.delete();
    if (this.object === undefined) this.onGone();
  }

  async visit(process = this.process): Promise<void> {
    if (process === this.stale) this.#hasStaleActed = true;
    this.#isVisiting = true;
    await process.visit();
    this.#isVisiting = false;
    if (this.process.dead) this.restart(false);
  }

  /**
   * Somebody deletes the Job that the status says is running. Never one that is not on record yet, nor while an older
   * process still acts: the one window that remains (docs/adr/0002-one-start-per-step.md).
   */
  deleteRunningJob(foreground: boolean): void {
    const running = this.object?.status?.steps?.find(({ state }) => state === 'Running');
    const job = this.cluster.jobs().find(({ metadata }) => metadata.uid === running?.jobUID);
    if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
    if (this.#hasStaleActed && this.#isVisiting) return;
    this.dropStale();
    this.process.sync('sequentialJobs');
    const path = jobPath(NAMESPACE, job.metadata.name);
    if (foreground) {
      const metadata = {
        ...job.metadata,
        finalizers: ['foregroundDeletion'],
        deletionTimestamp: '2026-11-02T10:00:00Z',
      };
      this.server.api.put(path, { ...job, metadata });
    } else {
      this.#torn.add(job.metadata.uid);
      this.server.api.remove(path);
    }
    this.findLost();
  }

  dropStale(): void {
    if (this.stale !== undefined) this.stale.dead = true;
    this.stale = undefined;
  }

  /** Jobs that are there no more. */
  findLost(): void {
    const there = new Set(this.cluster.jobs().map(({ metadata }) => metadata.uid));
    for (const job of this.ledger.jobs) if (job.end === undefined && !there.has(job.uid)) job.end = 'gone';
  }

  onRead(sender: Sender, object: SequentialJob): void {
    if (sender instanceof Process) sender.view = object;
  }

  onCreateJob(sender: Sender, job: RawJob): void {
    const { view } = sender as Process;
    this.findLost();
    const isSmooth = !this.#hasRestarted && !this.server.hadMishap;
    if (isSmooth && !this.scenario.admitted && !this.server.isRecorded) this.blame('the spec is not on record');
    if (view === undefined) return this.blame('a Job was created for an object that nobody has seen');
    this.ledger.created(job, { spec: view.spec, generation: view.metadata.generation ?? 0 }, this.law, this.cluster);
  }

  onPatchJob(sender: Sender, job: RawJob, change: unknown): void {
    const { suspend, activeDeadlineSeconds } = (change as RawJob).spec;
    const spec = (sender as Process).view?.spec;
    if (isOver(job)) return;
    if (suspend === true && spec?.suspend !== true) this.blame('a Job was suspended for no reason');
    if (suspend === false && spec?.suspend === true) this.blame('a Job was let go on though suspended');
    if (activeDeadlineSeconds === undefined) return;
    // After a crash, the start may not be on record yet: it is that of the Job.
    const activeMs =
      this.stopwatch.activeMs(this.nowMs) ?? this.nowMs - Date.parse(job.metadata.creationTimestamp ?? '');
    const isLate = activeMs + ROUNDING_MS > (spec?.activeDeadlineSeconds ?? Infinity) * 1000;
    if (activeDeadlineSeconds !== 0 || !isLate) this.blame(`a Job was ended after ${activeMs} ms`);
  }

  onDeleteJob(job: RawJob): void {
    this.dropStale();
    if (this.ledger.find(job.metadata.uid) === undefined) this.blame('somebody else’s Job was deleted');
    if (this.object !== undefined && this.object.metadata.deletionTimestamp === undefined) {
      this.blame('a Job was deleted, and its sequence is not');
    }
  }

  onDeleteObject({ status, spec }: SequentialJob): void {
    this.dropStale();
    this.isDeleted = true;
    const due = Date.parse(status?.completionTime ?? '') + (spec.ttlSecondsAfterFinished ?? Number.NaN) * 1000;
    if (!isOverPhase(status?.phase) || !(due <= this.nowMs)) this.blame('the sequence was deleted before its time');
  }

  /** Our finalizer is off: nothing may be left. */
  onGone(): void {
    // What another process made, and no watch has told of yet, is the garbage collector's: its owner is gone.
    if (this.#hasStaleActed) return;
    if (this.cluster.busy().some((uid) => !this.#torn.has(uid))) this.blame('the object went before a Pod');
    const left = this.cluster.jobs().filter(({ metadata }) => this.ledger.find(metadata.uid) !== undefined);
    if (left.length > 0) this.blame(`the object went before ${left.map(({ metadata }) => metadata.name).join()}`);
  }

  onStatus(sender: Sender, before: SequentialJob, after: SequentialJob): void {
    const { status = {} } = after;
    this.stopwatch.onStatus(before.status, status, this.nowMs);
    this.findLost();
    for (const fault of statusFaults(before, after, this.ledger)) this.blame(fault);
    const isSuspended = status.phase === 'Suspended' && before.status?.phase !== 'Suspended';
    // A process that was replaced may let a Job go on that it has seen suspended.
    if (isSuspended && !this.#hasStaleActed && this.cluster.busy().length > 0)
      this.blame('it is Suspended, and a Pod runs');
    const open = this.ledger.jobs.find(({ end }) => end === undefined);
    if (isOverPhase(status.phase) && open !== undefined) this.blame(`it is ${status.phase}, and ${open.name} runs`);
    if (before.status?.startTime !== undefined && status.startTime === undefined) this.law.forgive(after.spec);
    this.#checkDeadline(sender as Process, before, after);
  }

  /** It is over because its time was up only when it was up, or when its Job was ended for that. */
  #checkDeadline({ view }: Process, before: SequentialJob, { status }: SequentialJob): void {
    if (status?.progress?.failureReason !== 'DeadlineExceeded' || before.status?.phase === 'Failed') return;
    const job = this.ledger.find(status.steps?.findLast(({ jobUID }) => jobUID !== undefined)?.jobUID);
    if (job?.index === status.progress.failedIndex && job?.reason === 'DeadlineExceeded') return;
    // What this very status says of a start or of a suspension's end counts already.
    const limitMs = (view?.spec.activeDeadlineSeconds ?? Infinity) * 1000;
    if ((this.stopwatch.activeMs(this.nowMs) ?? 0) + ROUNDING_MS < limitMs) this.blame('its time was not up');
  }

  #newProcess(): Process {
    return new Process({ server: this.server, cluster: this.cluster, now: () => this.nowMs });
  }

  #courseOf({ metadata }: RawJob): { failures: number; ends: boolean } {
    const record = this.ledger.find(metadata.uid);
    const courses = this.scenario.steps[record?.index ?? 0]?.courses;
    return courses?.[record?.resumes ?? 0] ?? { failures: 0, ends: true };
  }

  /** What the spec was is known as long as a process has it in mind, or the API has a record of it. */
  #isRecorded(): boolean {
    return this.server.isRecorded;
  }

  #onChange(before: SequentialJob, after: SequentialJob): void {
    this.hadDeadline ||= after.spec.activeDeadlineSeconds !== undefined;
    this.law.change(after.spec, before.status);
    if (this.process.knows || this.#isRecorded()) return;
    this.law.forgive(after.spec);
    this.ledger.isSpecUnsure = true;
  }

  #putForeignJob(): void {
    const { flaw, steps } = this.scenario;
    if (flaw?.type !== 'foreign') return;
    const index = flaw.index % steps.length;
    const { ownerReferences: _, ...metadata } = observedJob(index, {
      metadata: { name: `etl-${index}-s${index}` },
    }).metadata;
    this.server.api.putJob({ ...observedJob(index), metadata: { ...metadata, uid: 'foreign' } }, {});
  }
}
