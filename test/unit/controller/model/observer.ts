/** What must hold whenever the controller changes something in the API; the world is told where it does not. */
import { toObservedPod } from '../../../../controller/transform-pod.ts';
import { hasEnded } from '../../../../shared/api/pod.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { isOver, type RawJob } from './cluster.ts';
import { isExtra, type JobRecord, placeOf, type View } from './ledger.ts';
import { endsPendingJob, failedWithoutJob, faultOfPendingEnd } from './pending.ts';
import { Process } from './process.ts';
import { broken } from './promises.ts';
import { REFUSED_IMAGE } from './scenario.ts';
import type { Sender, Witness } from './server.ts';
import { jobFaults, statusFaults as resultFaults } from './results.ts';
import { isOverPhase, statusFaults } from './status-rules.ts';
import { recordedSteps } from './finally-jobs.ts';
import { finallyFaults } from './finally-rules.ts';
import { stepFaultsSeen } from './seen-rules.ts';
import { Suspensions } from './suspensions.ts';
import { ROUNDING_MS } from './stopwatch.ts';
import type { World } from './world.ts';

export class Observer implements Witness {
  readonly #world: World;
  readonly #suspensions = new Suspensions();

  constructor(world: World) {
    this.#world = world;
  }

  onRead(sender: Sender, object: SequentialJob): void {
    if (sender instanceof Process) sender.view = object;
  }

  onCreateJob(sender: Sender, job: RawJob): void {
    this.#judgeCreate(sender as Process, job);
    this.#world.ledger.put(job, false);
  }

  onCreateClaim(): void {
    const { object, ledger } = this.#world;
    // The garbage collector deletes a claim without its owner.
    if (object !== undefined && ledger.jobs.length > 0) this.#blame(broken('claims', 'a step had a Job already'));
  }

  onHeldCreate(sender: Sender, job: RawJob): void {
    this.#judgeCreate(sender as Process, job);
  }

  onLateCreate(job: RawJob): void {
    this.#world.findLost();
    this.#world.ledger.put(job, true);
  }

  #judgeCreate(sender: Process, job: RawJob): void {
    const { view } = sender;
    const { server, scenario, ledger, law, cluster, hasRestarted } = this.#world;
    this.#world.findLost();
    if (scenario.claim !== undefined && !server.ownsClaim)
      this.#blame(broken('claims', `${job.metadata.name} has none`));
    const isSmooth = !hasRestarted && !server.hadMishap;
    if (isSmooth && !scenario.admitted && !server.isRecorded) this.#blame('the spec is not on record');
    if (view === undefined) return this.#blame('a Job was created for an object that nobody has seen');
    const { spec, metadata } = view;
    const hasHeardOf = (uid: string): boolean => sender.job(uid) !== undefined;
    const seen: View = { spec, generation: metadata.generation ?? 0, hasHeardOf, status: server.object?.status };
    ledger.judge(job, seen, law, cluster);
    const hasCompleted = (step: string): boolean =>
      ledger.jobs.findLast((one) => one.step === step)?.end === 'Complete';
    for (const fault of jobFaults(job, view.status, hasCompleted)) this.#blame(fault);
  }

  onPatchJob(sender: Sender, job: RawJob, change: unknown): void {
    const { suspend, activeDeadlineSeconds } = (change as RawJob).spec;
    const { nowMs, stopwatch, hasStaleActed, scenario } = this.#world;
    // Each process asks a server once that drops `suspend`.
    const isKept = suspend !== undefined && scenario.server.suspendsJobs;
    const spec = (sender as Process).view?.spec;
    if (isOver(job)) return;
    if (suspend === true && spec?.suspend !== true) this.#blame('a Job was suspended for no reason');
    if (suspend === false && spec?.suspend === true) this.#blame('a Job was let go on though suspended');
    if (suspend === false) this.#checkLetGo(sender as Process, job);
    const fault = !isKept ? undefined : this.#suspensions.patched(job.metadata.uid, suspend, nowMs);
    if (fault !== undefined && !hasStaleActed) this.#blame(fault);
    if (activeDeadlineSeconds === undefined) return;
    if (endsPendingJob(change)) {
      const early = faultOfPendingEnd(job, change, this.#world);
      return early === undefined ? undefined : this.#blame(early);
    }
    if (placeOf(job).list === 'finally') this.#blame(broken('finallyHasTime', job.metadata.name));
    // After a crash, the start may not be on record yet: it is that of the Job.
    const activeMs = stopwatch.activeMs(nowMs) ?? nowMs - Date.parse(job.metadata.creationTimestamp ?? '');
    const isLate = activeMs + ROUNDING_MS > (spec?.activeDeadlineSeconds ?? Infinity) * 1000;
    if (activeDeadlineSeconds !== 0 || !isLate) this.#blame(`a Job was ended after ${activeMs} ms`);
  }

  #checkLetGo(sender: Process, { metadata: { name, uid } }: RawJob): void {
    const { cluster, ledger } = this.#world;
    const busy = cluster.busy().filter((one) => one !== uid && !this.#isUnheard(one, sender));
    const names = busy.map((one) => ledger.find(one)?.name);
    if (busy.length > 0) this.#blame(broken('oneContainer', `${name} was let go on while ${names.join()} runs`));
  }

  onDeleteJob(job: RawJob): void {
    const { object, ledger } = this.#world;
    this.#world.dropStale();
    const record = ledger.find(job.metadata.uid);
    if (record === undefined) return this.#blame('somebody else’s Job was deleted');
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    record.isStray = true;
    if (isNeeded(job, object)) this.#blame(broken('recordKept', record.name));
  }

  onDeleteObject({ status, spec }: SequentialJob): void {
    this.#world.dropStale();
    this.#world.isDeleted = true;
    const due = Date.parse(status?.completionTime ?? '') + (spec.ttlSecondsAfterFinished ?? Number.NaN) * 1000;
    if (!isOverPhase(status?.phase) || !(due <= this.#world.nowMs))
      this.#blame('the sequence was deleted before its time');
  }

  /** Our finalizer is off: nothing may be left. */
  onGone(): void {
    const { cluster, ledger, torn, hasStaleActed, process } = this.#world;
    // What another process made, and no watch has told of yet, is the garbage collector's: its owner is gone.
    if (hasStaleActed) return;
    const isUnheard = (uid: string): boolean => this.#world.isBeside(uid) && process.job(uid) === undefined;
    if (cluster.busy().some((uid) => !torn.has(uid) && !isUnheard(uid))) this.#blame('the object went before a Pod');
    const left = cluster
      .jobs()
      .filter(({ metadata }) => ledger.find(metadata.uid) !== undefined && !isUnheard(metadata.uid));
    if (left.length > 0) this.#blame(`the object went before ${left.map(({ metadata }) => metadata.name).join()}`);
  }

  onStatus(sender: Sender, before: SequentialJob, after: SequentialJob): void {
    const { status = {} } = after;
    const { ledger, law, stopwatch, nowMs, cluster } = this.#world;
    const process = sender as Process;
    const { spec, metadata } = process.view ?? after;
    const isAsked = (spec.resume ?? 0) > (before.status?.resumes ?? 0);
    stopwatch.onStatus(before.status, status, { nowMs, isAsked });
    this.#world.findLost();
    for (const step of recordedSteps(status)) {
      this.#record(ledger.find(step.jobUID));
      if (step.state === 'Failed') this.#giveUp(ledger.find(step.jobUID));
      if (failedWithoutJob(step)) ledger.withoutJob.add(step.index);
    }
    for (const fault of statusFaults(before, after, ledger)) this.#blame(fault);
    const known = { spec: process.view?.spec ?? after.spec, pods: cluster.made('Pod') };
    for (const fault of resultFaults(before, after, known)) this.#blame(fault);
    const bounds = { ledger, scenario: this.#world.scenario, lawful: law.at(metadata.generation ?? 0) };
    for (const fault of finallyFaults(before, status, bounds)) this.#blame(fault);
    for (const fault of stepFaultsSeen(before.status, status, { sender: process, cluster, ledger })) this.#blame(fault);
    this.#checkSuspended(process, before, status);
    this.#checkResume(before, status);
    this.#checkReason(process, status);
    const open = ledger.jobs.find((job) => job.end === undefined && !this.#isGoing(job, process));
    if (isOverPhase(status.phase) && open !== undefined) this.#blame(`it is ${status.phase}, and ${open.name} runs`);
    if (before.status?.startTime !== undefined && status.startTime === undefined) law.forgive(after.spec);
    this.#checkDeadline(process, before, after);
  }

  #record(job: JobRecord | undefined): void {
    if (job === undefined) return;
    job.isRecorded = true;
    if (job.isStray) this.#blame(broken('recordKept', `${job.name} was deleted, and is put on record`));
  }

  /** A Job whose Pod should have ended a minute ago need not have ended when the time is up. */
  #giveUp(job: JobRecord | undefined): void {
    if (job?.end !== undefined) return;
    const pods = this.#world.cluster.made('Pod').map(toObservedPod);
    const dueMs = pods.flatMap((pod) =>
      pod.jobUID === job?.uid && !hasEnded(pod) ? Date.parse(pod.metadata.deletionTimestamp ?? '') : [],
    );
    const areLost = dueMs.length > 0 && dueMs.every((ms) => ms + 60_000 <= this.#world.nowMs);
    const stored = this.#world.cluster.jobs().find(({ metadata }) => metadata.uid === job?.uid);
    if (job === undefined || !areLost || stored?.spec.activeDeadlineSeconds !== 0) return;
    job.end = 'Failed';
    job.reason = 'DeadlineExceeded';
  }

  #checkSuspended(sender: Process, before: SequentialJob, status: SequentialJobStatus): void {
    const isSuspended = status.phase === 'Suspended' && before.status?.phase !== 'Suspended';
    // A process that was replaced may let a Job go on that it has seen suspended.
    if (!isSuspended || this.#world.hasStaleActed) return;
    const busy = this.#world.cluster.busy().filter((uid) => !this.#isUnheard(uid, sender));
    const names = busy.map((uid) => this.#world.ledger.find(uid)?.name);
    if (busy.length > 0) this.#blame(broken('suspended', `a Pod of ${names.join()} runs`));
  }

  /** What the sender cannot know: a Job was created late, or somebody else has let it go on, and no watch has told of it. */
  #isUnheard(uid: string, sender: Process): boolean {
    const known = sender.job(uid);
    if (known === undefined) return this.#world.isBeside(uid);
    const stored = this.#world.cluster.jobs().find(({ metadata }) => metadata.uid === uid);
    return known.suspended !== undefined && stored !== undefined && stored.spec.suspend !== true;
  }

  #checkResume(before: SequentialJob, status: SequentialJobStatus): void {
    if ((status.resumes ?? 0) <= (before.status?.resumes ?? 0) || this.#world.hasStaleActed) return;
    const failed = recordedSteps(before.status).filter(({ state }) => state === 'Failed');
    const isBusy = this.#world.cluster.busy().some((uid) => failed.some(({ jobUID }) => jobUID === uid));
    const isResumed = before.status?.phase === 'Failed' && status.phase !== 'Failed';
    if (isResumed && isBusy) this.#blame(broken('resumeWaits', 'one still runs'));
  }

  #checkReason({ view }: Process, { progress }: SequentialJobStatus): void {
    const { failureReason: reason } = progress ?? {};
    const isRefused = view?.spec.steps.some(({ image }) => image === REFUSED_IMAGE) === true;
    if (reason === 'JobRejected' && !isRefused && this.#world.scenario.flaw?.type !== 'refused')
      this.#blame(broken('refusals', progress?.failureMessage ?? ''));
    if (reason?.startsWith('Claim') === true) this.#blame(broken('refusals', progress?.failureMessage ?? ''));
    if (reason === 'JobNameConflict' && this.#world.scenario.flaw?.type === 'predecessor')
      this.#blame(broken('predecessor', progress?.failureMessage ?? ''));
  }

  /** Not on record, and on its way out, or not heard of by the sender. */
  #isGoing(job: JobRecord, sender: Process): boolean {
    const stored = this.#world.cluster.jobs().find(({ metadata }) => metadata.uid === job.uid);
    const isDeleted = job.isStray && stored?.metadata.deletionTimestamp !== undefined;
    return isDeleted || (isExtra(job) && sender.job(job.uid) === undefined);
  }

  /** It is over because its time was up only when it was up, or when its Job was ended for that. */
  #checkDeadline({ view }: Process, before: SequentialJob, { status }: SequentialJob): void {
    if (status?.progress?.failureReason !== 'DeadlineExceeded' || before.status?.phase === 'Failed') return;
    // The end of the steps is on record already.
    if (before.status?.finally !== undefined) return;
    const job = this.#world.ledger.find(status.steps?.findLast(({ jobUID }) => jobUID !== undefined)?.jobUID);
    if (job?.index === status.progress.failedIndex && job?.reason === 'DeadlineExceeded') return;
    // What this very status says of a start or of a suspension's end counts already.
    const limitMs = (view?.spec.activeDeadlineSeconds ?? Infinity) * 1000;
    const { stopwatch, nowMs } = this.#world;
    if ((stopwatch.activeMs(nowMs) ?? 0) + ROUNDING_MS < limitMs) this.#blame('its time was not up');
  }

  #blame(fault: string): void {
    this.#world.blame(fault);
  }
}

/** Whether a Job is on record, or is the one that the step has which is to be recorded next. */
export function isNeeded(job: RawJob, { status }: SequentialJob): boolean {
  const { phase, resumes = 0 } = status ?? {};
  if (recordedSteps(status).some(({ jobUID }) => jobUID === job.metadata.uid)) return true;
  const place = placeOf(job);
  const records = (status?.finally ?? status?.steps ?? []).filter(({ state }) => state !== 'Skipped');
  const isOfList = (place.list === 'finally') === (status?.finally !== undefined);
  const next = (records.at(-1)?.index ?? -1) + 1;
  const isNext = isOfList && place.index === next && records.at(-1)?.state !== 'Running' && place.resumes === resumes;
  return isNext && !isOverPhase(phase);
}
