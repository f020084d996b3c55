/** When the world calms down: what there is to do is done, time passes, and the end is the one that the Jobs prescribe. */
import type { SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { validateSpec } from '../../../../shared/validation/index.ts';
import { isOver, suspensionsOf } from './cluster.ts';
import { recordedSteps } from './finally-jobs.ts';
import { continues } from './ledger.ts';
import { faultOfWaiting, isPendingReason } from './pending.ts';
import { CACHES } from './process.ts';
import { broken } from './promises.ts';
import { REFUSED_IMAGE } from './scenario.ts';
import { isOverPhase } from './status-rules.ts';
import { ROUNDING_MS } from './stopwatch.ts';
import type { World } from './world.ts';

/** Stages of up to eight Jobs, and reconciles between them. */
const ENOUGH = 600;

/** No more faults; reconciles come only from what the controller watches and from when it asked to look again. */
export async function calm(world: World): Promise<void> {
  world.server.calm();
  await world.server.land();
  world.dropStale();
  world.cluster.quota = false;
  world.makeSecret();
  for (let i = 0; i < ENOUGH; i++) {
    const isVisited = await catchUp(world);
    if (isVisited || world.advance()) continue;
    const due = [world.process.dueMs ?? [], world.cluster.nextMs() ?? []].flat();
    const nextMs = Math.max(world.nowMs, Math.min(...due));
    checkQuiet(world, nextMs);
    if (due.length === 0) return checkEnd(world);
    world.nowMs = nextMs;
  }
  world.blame('it does not come to rest');
  world.check();
}

/** The caches follow one after the other: a reconcile may see the one and not yet the other. True where there was one. */
async function catchUp(world: World): Promise<boolean> {
  let isVisited = false;
  for (const cache of CACHES) {
    world.process.sync(cache);
    if (!world.process.isDue) continue;
    await world.reconcile();
    world.check();
    isVisited = true;
  }
  return isVisited;
}

/** Nothing is left to do before that moment, which may be never. */
function checkQuiet(world: World, nextMs: number): void {
  const { object } = world;
  const limitMs = (object?.spec.activeDeadlineSeconds ?? Infinity) * 1000;
  const activeMs = world.stopwatch.activeMs(nextMs);
  if (object?.status?.phase === 'Running' && activeMs !== undefined && activeMs > limitMs + ROUNDING_MS) {
    world.blame('it runs on past its deadline');
  }
  const waiting = faultOfWaiting(world, nextMs);
  if (waiting !== undefined) world.blame(waiting);
  const ttlMs = (object?.spec.ttlSecondsAfterFinished ?? Infinity) * 1000;
  if (nextMs > Date.parse(object?.status?.completionTime ?? '') + ttlMs + ROUNDING_MS)
    world.blame('it is kept too long');
  const { suspend } = object?.spec ?? {};
  const mayBeBusy = suspend !== true || !world.scenario.server.suspendsJobs || isUndone(world);
  if (!mayBeBusy && world.cluster.busy().length > 0) world.blame('a Pod runs though the sequence is suspended');
  const stray = object === undefined ? undefined : strayOf(object, world);
  if (stray !== undefined) world.blame(broken('strayDeleted', `${stray} runs`));
  world.check();
}

/** Somebody has let the Job go on so often that it is not suspended again at once. */
function isUndone({ cluster, process }: World): boolean {
  const isQuarrel = cluster.jobs().some((job) => job.spec.suspend !== true && suspensionsOf(job) >= 2 && !isOver(job));
  return isQuarrel && process.dueMs !== undefined;
}

/** A Job that runs, and is not the one that its step has on record. */
function strayOf(object: SequentialJob, { cluster, ledger, scenario }: World): string | undefined {
  if (object.metadata.deletionTimestamp !== undefined || scenario.flaw?.type === 'invalid') return undefined;
  const recorded = new Set(recordedSteps(object.status).map(({ jobUID }) => jobUID));
  const found = cluster
    .jobs()
    .find(
      (job) =>
        ledger.find(job.metadata.uid) !== undefined &&
        !recorded.has(job.metadata.uid) &&
        !isOver(job) &&
        job.metadata.deletionTimestamp === undefined &&
        job.spec.activeDeadlineSeconds !== 0,
    );
  return found?.metadata.name;
}

function checkEnd(world: World): void {
  const { object } = world;
  const fault = object === undefined ? faultOfGone(world) : faultOfEnd(object, world);
  if (fault !== undefined) world.blame(`at the end, ${fault}`);
  world.check();
}

function faultOfGone({ isDeleted, cluster, ledger, server }: World): string | undefined {
  if (!isDeleted) return 'the object is gone, and nobody deleted it';
  if (cluster.busy().length > 0) return 'the object is gone, and a Pod runs';
  if (server.api.ofKind('PersistentVolumeClaim').length > 0) return 'the object is gone, and its claim is there';
  const left = cluster.jobs().find(({ metadata }) => ledger.find(metadata.uid) !== undefined);
  return left === undefined ? undefined : `the object is gone, and ${left.metadata.name} is there`;
}

function faultOfEnd({ spec, status = {}, metadata }: SequentialJob, world: World): string | undefined {
  if (metadata.deletionTimestamp !== undefined || world.isDeleted) return 'the object was deleted, and is still there';
  if (isOverPhase(status.phase) && spec.ttlSecondsAfterFinished !== undefined) return 'its time to live is over';
  if (status.observedGeneration !== metadata.generation) return 'a change of the spec was not seen';
  const faults = world.law.at(metadata.generation ?? 0).map((held) => faultOfPhase(held, status, world));
  return faults.includes(undefined) ? undefined : faults[0];
}

/** Each phase needs its reason. */
function faultOfPhase(held: SequentialJobSpec, status: SequentialJobStatus, world: World): string | undefined {
  const { phase, progress, steps = [] } = status;
  switch (phase) {
    case 'Completed': {
      const open = steps.findIndex((_, index) => !isPassed(index, held, world));
      return open === -1 ? undefined : `it is Completed, and step ${open} is not`;
    }
    case 'Failed': {
      const { resume = 0 } = held;
      if (status.startTime !== undefined && (status.resumes ?? 0) < resume) return `resume ${resume} was not acted on`;
      return isFailure(status, held, world)
        ? undefined
        : `it is Failed as ${progress?.failureReason} at ${progress?.failedIndex} without a cause`;
    }
    case 'Suspended':
      if (held.suspend !== true) return 'it is Suspended, and the spec does not say so';
      return undefined;
    case 'Running': {
      const isLive = world.cluster.busy().length > 0;
      if (!isLive) return 'it is Running, and no Pod runs';
      if (held.suspend === true && world.scenario.server.suspendsJobs) return 'it is Running, and is to be suspended';
      return held.activeDeadlineSeconds === undefined ? undefined : 'it is Running in spite of its deadline';
    }
    default:
      return `it is ${phase}`;
  }
}

function isPassed(index: number, held: SequentialJobSpec, { ledger }: World): boolean {
  const job = ledger.latest(index);
  if (job === undefined) return ledger.withoutJob.has(index) && continues(held, index);
  return job.end === 'Complete' || (job.end !== undefined && continues(held, index));
}

/** Whether what happened in the cluster is a failure of this reason. */
function isFailure(status: SequentialJobStatus, held: SequentialJobSpec, world: World): boolean {
  const { failureReason: reason, failedIndex: index = 0 } = status.progress ?? {};
  const { ledger, scenario, hadDeadline } = world;
  const job = ledger.latest(index);
  // A step that was renamed between the making of its Job and its record has the settings of neither name for certain.
  const isRenamed = job !== undefined && job.step !== held.steps[index]?.name;
  const counts = hadDeadline || isRenamed || !continues(held, index);
  switch (reason) {
    case 'InvalidSpec':
      return job === undefined && validateSpec(held).length > 0;
    case 'JobRejected':
      return held.steps[index]?.image === REFUSED_IMAGE;
    case 'JobNameConflict':
      return scenario.flaw?.type === 'foreign' && job === undefined;
    case 'JobDeleted':
      return job?.end !== undefined && counts;
    case 'BackoffLimitExceeded':
      return job?.end === 'Failed' && job.reason === reason && counts;
    case 'DeadlineExceeded':
      return hadDeadline;
    // That a step of finally failed says the status that was written at the end.
    case 'FinallyFailed':
      return status.steps?.every((step) => isPassed(step.index, held, world)) === true;
    default:
      return isPendingReason(reason) && scenario.pending !== undefined && counts;
  }
}
