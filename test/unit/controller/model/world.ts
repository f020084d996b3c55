/** A sequence, its user, its cluster and its controller; every move is checked against what must always hold. */
import assert from 'node:assert/strict';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import { jobName } from '../../../../shared/jobs/names.ts';
import { ownerReference } from '../../../../shared/jobs/job.ts';
import { jobPath } from '../../../support/fake-api.ts';
import { NAMESPACE, NOW_MS, observedJob } from '../../../support/objects.ts';
import { type Cluster, type Disruption, isOver, type JobDeletion, type RawJob } from './cluster.ts';
import { clusterOf, goOn, type Part, replacesEarly } from './clusters.ts';
import { Law } from './law.ts';
import { isExtra, Ledger } from './ledger.ts';
import { recordedSteps } from './finally-jobs.ts';
import { Observer } from './observer.ts';
import { broken } from './promises.ts';
import { Process } from './process.ts';
import { CLAIM_NAME, type Course, flawedStep, nameAt, objectOf, type Scenario, SECRET } from './scenario.ts';
import { claimPath, Server } from './server.ts';
import { Stopwatch } from './stopwatch.ts';
import { User } from './user.ts';
import { createdInV1alpha1 } from './v1alpha1.ts';

/** Stages until the garbage collector deletes the Jobs of a predecessor. */
const GC_DELAY = 6;

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
  hasRestarted = false;
  /** A process that was replaced has done something since. */
  hasStaleActed = false;
  /** Jobs that somebody deleted without waiting for their Pods. */
  readonly torn = new Set<string>();
  readonly #observer = new Observer(this);
  readonly #faults: string[] = [];
  #isVisiting = false;
  readonly #start: SequentialJob;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const { server, secret } = scenario;
    this.ledger = new Ledger((fault) => this.blame(fault));
    this.server = new Server({ now: () => this.nowMs, suspendsJobs: server.suspendsJobs, witness: this.#observer });
    const { api } = this.server;
    this.cluster = clusterOf(server, {
      api,
      now: () => this.nowMs,
      courseOf: (job) => this.#courseOf(job),
      onEnd: (job, type, reason) => this.ledger.ended(job, type, reason),
    });
    this.user = new User(this.server, (before, after) => this.#onChange(before, after));
    const wanted = objectOf(scenario);
    this.#start = api.putSequentialJob(scenario.createdIn === undefined ? wanted : createdInV1alpha1(wanted));
    this.law = new Law(wanted.spec);
    this.hadDeadline = scenario.deadline !== undefined;
    this.isSecretThere = secret === 'there';
    if (this.isSecretThere) this.user.makeSecret(SECRET);
    this.#putForeignJob();
    if (scenario.claim === 'predecessor') this.#putForeignClaim();
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
    this.hasRestarted = true;
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
    this.#checkOverlap();
    const isCollecting = this.server.collect();
    if (this.scenario.cleaner === true) this.clean();
    this.findLost();
    return isMoving || isCollecting;
  }

  /** Somebody, or a time to live, deletes the Jobs that are on record and have ended. */
  clean(): void {
    const recorded = new Set(recordedSteps(this.object?.status).map(({ jobUID }) => jobUID));
    for (const job of this.cluster.jobs()) {
      if (isOver(job) && recorded.has(job.metadata.uid)) this.#deleteJob(job, 'background');
    }
  }

  /** Somebody lets a Job go on that is suspended. */
  unsuspend(): void {
    for (const job of this.cluster.jobs()) {
      const isOurs = this.ledger.find(job.metadata.uid) !== undefined;
      if (!isOurs || isOver(job) || job.spec.suspend !== true) continue;
      const spec = { ...job.spec, suspend: false };
      this.server.api.put(jobPath(NAMESPACE, job.metadata.name), { ...job, spec });
    }
  }

  /** A Job that was created late, and is not the one of its step, may run beside another until it is deleted. */
  #checkOverlap(): void {
    const running = this.cluster.running();
    for (const [i, one] of running.entries()) {
      for (const other of running.slice(i + 1)) {
        const isSameJob = one.jobUID === other.jobUID;
        const mayBe = isSameJob
          ? replacesEarly(this.scenario.server)
          : [one, other].some((pod) => this.isBeside(pod.jobUID));
        if (!mayBe) this.blame(broken('oneContainer', `those of ${one.name} and ${other.name} do`));
      }
    }
  }

  /** Whether a Job was created late, and is not on record. */
  isBeside(jobUID: string): boolean {
    const job = this.ledger.find(jobUID);
    return job !== undefined && isExtra(job);
  }

  /** Somebody deletes the Pod that runs, or the kubelet evicts it. */
  disrupt(how: Disruption): void {
    this.cluster.disrupt(how);
  }

  delete(): void {
    if (this.object === undefined) return;
    this.dropStale();
    this.isDeleted = true;
    this.user.delete();
    if (this.object === undefined) this.#observer.onGone();
  }

  async reconcile(process = this.process): Promise<void> {
    if (process === this.stale) this.hasStaleActed = true;
    this.#isVisiting = true;
    await process.reconcile();
    this.#isVisiting = false;
    if (this.process.dead) this.restart(false);
  }

  /**
   * Somebody deletes the Job that the status says is running. Never one that is not on record yet, nor while an older
   * process still acts: the one window that remains (docs/adr/0002-one-start-per-step.md).
   */
  deleteRunningJob(how: JobDeletion): void {
    const running = recordedSteps(this.object?.status).find(({ state }) => state === 'Running');
    const job = this.cluster.jobs().find(({ metadata }) => metadata.uid === running?.jobUID);
    if (job !== undefined) this.#deleteJob(job, how);
  }

  #deleteJob(job: RawJob, how: JobDeletion): void {
    if (job.metadata.deletionTimestamp !== undefined || (this.hasStaleActed && this.#isVisiting)) return;
    this.dropStale();
    this.process.sync('sequentialJobs');
    const path = jobPath(NAMESPACE, job.metadata.name);
    if (how === 'orphan') this.cluster.orphan(job);
    if (how === 'foreground') {
      const metadata = {
        ...job.metadata,
        finalizers: ['foregroundDeletion'],
        deletionTimestamp: '2026-11-02T10:00:00Z',
      };
      this.server.api.put(path, { ...job, metadata });
    } else {
      this.torn.add(job.metadata.uid);
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

  #newProcess(): Process {
    const { server, cluster, scenario } = this;
    return new Process({ server, cluster, now: () => this.nowMs, hasNoRoom: scenario.crowded === true });
  }

  #courseOf({ metadata }: RawJob): Course {
    const record = this.ledger.find(metadata.uid);
    const courses = this.scenario[record?.list ?? 'steps']?.[record?.index ?? 0]?.courses;
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

  get #predecessor(): SequentialJob {
    return { ...this.#start, metadata: { ...this.#start.metadata, uid: 'predecessor' } };
  }

  #putForeignClaim(): void {
    this.server.gcDelay = GC_DELAY;
    const metadata = { ...this.#start.metadata, name: CLAIM_NAME, uid: 'foreign-claim', finalizers: [] };
    const ownerReferences = [ownerReference(this.#predecessor)];
    this.server.api.put(claimPath(CLAIM_NAME), {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...metadata, ownerReferences },
    });
  }

  #putForeignJob(): void {
    const { flaw } = this.scenario;
    const place = flawedStep(this.scenario);
    if ((flaw?.type !== 'foreign' && flaw?.type !== 'predecessor') || place === undefined) return;
    const { index } = place;
    const isFinally = place.list === 'finally';
    const name = jobName({ name: 'etl', index, container: nameAt(place), resumes: 0, isFinally });
    const { ownerReferences: _, ...metadata } = observedJob(index, { metadata: { name } }).metadata;
    const isPredecessors = flaw.type === 'predecessor';
    if (isPredecessors) this.server.gcDelay = GC_DELAY;
    const owned = isPredecessors ? { ownerReferences: [ownerReference(this.#predecessor)] } : {};
    this.server.api.putJob({ ...observedJob(index), metadata: { ...metadata, ...owned, uid: 'foreign' } }, {});
  }
}
