/** What holds of every status that is written, and between it and the one before. */
import type { Condition, Phase, SequentialJob, SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import { CONDITION_TYPES } from '../../../../shared/api/types.ts';
import type { Ledger } from './ledger.ts';
import { failedWithoutJob } from './pending.ts';
import { broken } from './promises.ts';

type Wanted = Readonly<Record<(typeof CONDITION_TYPES)[number], readonly string[]>>;
const BOTH = ['True', 'False'];
const OPEN = { Available: ['False'], Failed: ['False'], Complete: ['False'] };

/** Which status each condition may have in each phase. Trouble shows as Progressing, whatever the phase. */
const CONSISTENT: Readonly<Record<Phase, Wanted>> = {
  Pending: { ...OPEN, Progressing: BOTH, Suspended: ['False'], ResourcesUnavailable: BOTH },
  Running: { ...OPEN, Progressing: ['True'], Suspended: ['False'], ResourcesUnavailable: BOTH },
  Finishing: { ...OPEN, Progressing: ['True'], Suspended: ['False'], ResourcesUnavailable: BOTH },
  Suspended: { ...OPEN, Progressing: ['False'], Suspended: ['True'], ResourcesUnavailable: ['False'] },
  Completed: {
    Available: ['True'],
    Complete: ['True'],
    Failed: ['False'],
    Progressing: ['False'],
    Suspended: ['False'],
    ResourcesUnavailable: ['False'],
  },
  Failed: {
    ...OPEN,
    Failed: ['True'],
    Progressing: ['False'],
    Suspended: ['False'],
    ResourcesUnavailable: ['False'],
  },
};

/** A failure that another spec mends. */
const MENDED_BY_SPEC: ReadonlySet<string> = new Set(['InvalidSpec', 'JobRejected']);

/** Whether the spec has changed after a failure that another spec mends. */
function isMended(before: SequentialJobStatus | undefined, after: SequentialJobStatus): boolean {
  const isSeen = (after.observedGeneration ?? 0) > (before?.observedGeneration ?? 0);
  return isSeen && isOverPhase(before?.phase) && MENDED_BY_SPEC.has(before?.progress?.failureReason ?? '');
}

export const isOverPhase = (phase: Phase | undefined): boolean => phase === 'Completed' || phase === 'Failed';

/** The faults of the status that was written over that of `before`. */
export function* statusFaults(before: SequentialJob, after: SequentialJob, ledger: Ledger): Generator<string> {
  const { status = {} } = after;
  yield* conditionFaults(status);
  yield* stepFaults(status, ledger);
  yield* countFaults(status, after);
  if (isOverPhase(status.phase) !== (status.completionTime !== undefined)) yield 'completionTime and phase disagree';
  if ((status.observedGeneration ?? 0) > (after.metadata.generation ?? 0)) yield 'observedGeneration is ahead';
  const isRaised = isMended(before.status, status) && before.status?.finally !== undefined;
  const asked = after.spec.resume ?? 0;
  if ((status.resumes ?? 0) > Math.max(asked, (before.status?.resumes ?? 0) + (isRaised ? 1 : 0)))
    yield 'resumes is above what was asked for';
  const hasEnded = isOverPhase(status.phase) || status.finally !== undefined;
  const hasBegun = ledger.jobs.length > 0 || ledger.withoutJob.size > 0 || hasEnded || (status.resumes ?? 0) > 0;
  if (status.startTime !== undefined && !hasBegun) yield 'it has a start, and never had a Job';
  if (before.status !== undefined) yield* changeFaults(before.status, status);
}

function* conditionFaults({
  phase = 'Pending',
  conditions = [],
  observedGeneration,
}: SequentialJobStatus): Generator<string> {
  for (const type of CONDITION_TYPES) {
    const condition = conditions.find((one) => one.type === type);
    const isTrouble = condition?.reason === 'ReconciliationError' && !isOverPhase(phase);
    const allowed = isTrouble ? ['True'] : CONSISTENT[phase][type];
    if (condition === undefined || !allowed.includes(condition.status)) {
      yield `${type} is ${condition?.status} (${condition?.reason}) in phase ${phase}`;
    }
    if (condition?.observedGeneration !== observedGeneration) yield `${type} speaks of another generation`;
  }
  for (const [type, isWanted] of [
    ['Reconciling', !isOverPhase(phase)],
    ['Stalled', phase === 'Failed'],
  ] as const) {
    const condition = conditions.find((one) => one.type === type);
    if (condition?.status !== (isWanted ? 'True' : undefined))
      yield `${type} is ${condition?.status} in phase ${phase}`;
  }
}

function* stepFaults(status: SequentialJobStatus, ledger: Ledger): Generator<string> {
  const { phase, steps = [], progress, resumes } = status;
  for (const [i, step] of steps.entries()) {
    const after = step.state === 'Skipped' ? Math.max(steps[i - 1]?.index ?? -1, progress?.failedIndex ?? 0) : i - 1;
    // A step whose Job could not be made has no record.
    if (step.index !== after + 1) yield `step ${step.index} stands in place ${i}`;
    const job = ledger.find(step.jobUID);
    const fault = faultOf(step, job?.end, job?.list === 'steps' && job.index === i && job.name === step.jobName);
    // That the next Job was made says that the step had completed, or that its `onFailure` was then another.
    const isInferred = step.state === 'Succeeded' && ledger.isSpecUnsure && ledger.latest(i + 1) !== undefined;
    if (fault !== undefined && !isInferred) yield `step ${i} is ${step.state}, and ${fault}`;
    const isLast = i === steps.length - 1;
    const isAtWork = step.state === 'Running' || (step.state === 'Failed' && step.index === progress?.failedIndex);
    if (isAtWork && job?.resumes !== resumes) yield `step ${i} has Job ${step.jobName} in attempt ${resumes}`;
    if (step.state === 'Running' && (!isLast || isOverPhase(phase))) yield `step ${i} is Running in phase ${phase}`;
    const hasEnded = phase === 'Failed' || status.finally !== undefined;
    if (step.state === 'Skipped' && (!hasEnded || step.index <= (progress?.failedIndex ?? step.index)))
      yield `step ${i} is Skipped`;
  }
}

function faultOf(step: StepStatus, end: string | undefined, isItsOwn: boolean): string | undefined {
  if (step.state === 'Skipped') return step.jobUID === undefined ? undefined : 'it has a Job';
  if (failedWithoutJob(step)) return undefined;
  if (!isItsOwn) return `its Job ${step.jobName} is not`;
  if (step.state === 'Succeeded') return end === 'Complete' ? undefined : `its Job ended as ${end}`;
  if (step.state === 'Failed') {
    const isLost = step.reason === 'JobDeleted';
    return (isLost ? end !== undefined : end === 'Failed') ? undefined : `its Job ended as ${end}`;
  }
  return undefined;
}

function* countFaults(
  { phase, steps = [], state, progress }: SequentialJobStatus,
  { spec }: SequentialJob,
): Generator<string> {
  const indices = (wanted: string): number[] => steps.filter((one) => one.state === wanted).map(({ index }) => index);
  const [succeeded, failed, running] = [indices('Succeeded'), indices('Failed'), indices('Running')];
  const active = phase === 'Suspended' ? 0 : running.length;
  if (state?.active !== active) yield `state.active is ${state?.active}, not ${active}`;
  if (state?.succeeded !== succeeded.length) yield `state.succeeded is ${state?.succeeded}`;
  if (state?.failed !== failed.length) yield `state.failed is ${state?.failed}`;
  if (progress?.completedIndices.join() !== succeeded.join())
    yield `completedIndices is ${progress?.completedIndices.join()}`;
  const [done, total] = (progress?.summary ?? '').split('/').map(Number);
  const isOf = isOverPhase(phase) || (total !== undefined && total >= Math.min(spec.steps.length, steps.length));
  if (done !== succeeded.length || !isOf) yield `summary is ${progress?.summary}`;
  const current = running[0];
  if (current !== undefined && progress?.currentIndex !== current) yield `currentIndex is ${progress?.currentIndex}`;
  if (phase === 'Completed' && succeeded.length + failed.length !== total) yield `${progress?.summary} are all`;
  if (phase === 'Failed' && progress?.failureReason === undefined) yield 'a failure has no reason';
}

function* changeFaults(before: SequentialJobStatus, after: SequentialJobStatus): Generator<string> {
  if ((after.observedGeneration ?? 0) < (before.observedGeneration ?? 0)) yield 'observedGeneration went back';
  if ((after.resumes ?? 0) < (before.resumes ?? 0)) yield broken('resumes', `${after.resumes} after ${before.resumes}`);
  for (const old of before.conditions ?? []) {
    const now = after.conditions?.find(({ type }) => type === old.type);
    if (now !== undefined && isWrongTime(old, now)) yield `the transition time of ${old.type} is wrong`;
  }
  const isResumed = (after.resumes ?? 0) > (before.resumes ?? 0);
  yield* endFaults(before, after, isResumed || isMended(before, after));
  for (const old of before.steps ?? []) {
    const now = after.steps?.find(({ index }) => index === old.index);
    const isKept = now?.jobUID === old.jobUID && now?.state === old.state;
    const mayGo = old.state === 'Failed' && isResumed && old.index === before.progress?.failedIndex;
    if ((old.state === 'Succeeded' || old.state === 'Failed') && !isKept && !mayGo) {
      yield `step ${old.index} was ${old.state} and is ${now?.state}`;
    }
    if (old.state === 'Running' && now?.jobUID !== old.jobUID) yield `step ${old.index} has another Job`;
  }
}

/** It moves when the status flips, and only then. Two flips within a second look like none. */
function isWrongTime(old: Condition, now: Condition): boolean {
  return old.status === now.status
    ? old.lastTransitionTime !== now.lastTransitionTime
    : old.lastTransitionTime > now.lastTransitionTime;
}

function* endFaults(before: SequentialJobStatus, after: SequentialJobStatus, mayGoOn: boolean): Generator<string> {
  const { phase } = before;
  if (!isOverPhase(phase)) return;
  const hasChanged = after.phase !== phase || after.completionTime !== before.completionTime;
  if (phase === 'Completed' && hasChanged) yield `a completed sequence became ${after.phase}`;
  if (phase === 'Failed' && hasChanged && !mayGoOn) yield `a failed sequence became ${after.phase}`;
  if (
    phase === 'Failed' &&
    !hasChanged &&
    !mayGoOn &&
    before.progress?.failureReason !== after.progress?.failureReason
  ) {
    yield 'a failure has got another reason';
  }
}
