/** What holds of `finally` in every status that is written, and between it and the one before. */
import type {
  FinallyStep,
  SequentialJob,
  SequentialJobSpec,
  SequentialJobStatus,
  StepStatus,
} from '../../../../shared/api/types.ts';
import { fits, hasSucceeded } from './finally-jobs.ts';
import type { Ledger } from './ledger.ts';
import { broken } from './promises.ts';
import { flawedStep, REFUSED_IMAGE, type Scenario } from './scenario.ts';

type Status = SequentialJobStatus;

export interface Known {
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  /** The specs that the sequence may have for the writer. */
  readonly lawful: readonly SequentialJobSpec[];
}

const isOver = ({ phase }: Status): boolean => phase === 'Completed' || phase === 'Failed';

/** The faults of the status that was written over that of `before`. */
export function* finallyFaults(before: SequentialJob, status: Status, known: Known): Generator<string> {
  const old = before.status ?? {};
  yield* phaseFaults(status);
  for (const [i, step] of (status.finally ?? []).entries()) yield* recordFaults(i, step, status, known);
  if (isOver(status) && !isOver(old)) yield* endFaults(status, known.lawful);
  yield* changeFaults(old, status);
}

function* phaseFaults({ phase, finally: last, steps = [], startTime }: Status): Generator<string> {
  if (last === undefined) {
    if (phase === 'Finishing') yield 'it is Finishing without finally';
    return;
  }
  if (phase === 'Pending' || phase === 'Running') yield `it is ${phase} with finally on record`;
  if (startTime === undefined) yield broken('finallyAfter', 'the sequence has not started');
  if (steps.some(({ state }) => state === 'Running')) yield broken('finallyAfter', 'a step is Running');
}

function* recordFaults(i: number, step: StepStatus, status: Status, known: Known): Generator<string> {
  const { finally: last = [], resumes, phase } = status;
  const { ledger, lawful } = known;
  if (step.index !== i) yield `step ${step.index} of finally stands in place ${i}`;
  const job = ledger.find(step.jobUID);
  const isLast = i === last.length - 1;
  if (step.state === 'Running' && (!isLast || isOver(status)))
    yield `step ${i} of finally is Running in phase ${phase}`;
  if (step.jobUID !== undefined) {
    const isItsOwn = job?.list === 'finally' && job.index === i && job.resumes === resumes && job.name === step.jobName;
    if (!isItsOwn) yield `step ${i} of finally has Job ${step.jobName} in attempt ${resumes}`;
  }
  const fault = faultOf(step, job?.end, known);
  if (fault !== undefined) yield `step ${i} of finally is ${step.state}, and ${fault}`;
  const plans = lawful.flatMap((spec) => spec.finally?.[i] ?? []);
  const isSkipped = step.state === 'Skipped';
  if (!plans.some((plan) => fits(plan, hasSucceeded(status)) !== isSkipped))
    yield broken('finallyFits', `step ${i} is ${step.state}`);
}

function faultOf(step: StepStatus, end: string | undefined, { scenario, lawful }: Known): string | undefined {
  const { state, reason, jobUID } = step;
  if (state === 'Skipped') return jobUID === undefined ? undefined : 'it has a Job';
  if (state === 'Running') return jobUID === undefined ? 'it has no Job' : undefined;
  if (state === 'Succeeded') return end === 'Complete' ? undefined : `its Job ended as ${end}`;
  if (jobUID === undefined) {
    const isRefused = lawful.some((spec) => spec.finally?.[step.index]?.image === REFUSED_IMAGE);
    if (reason === 'JobRejected') return isRefused ? undefined : 'nothing refused it';
    const { list, index } = flawedStep(scenario) ?? {};
    const isTaken = scenario.flaw?.type === 'foreign' && list === 'finally' && index === step.index;
    return reason === 'JobNameConflict' && isTaken ? undefined : `it has no Job, for ${reason}`;
  }
  const isCause = reason === 'JobDeleted' ? end !== undefined : end === 'Failed';
  return isCause ? undefined : `its Job ended as ${end}`;
}

/** The sequence is over: each step that fits has had its run, and its failure counts. */
function* endFaults(status: Status, lawful: readonly SequentialJobSpec[]): Generator<string> {
  const { finally: records, progress, startTime } = status;
  if (startTime === undefined) {
    if (records !== undefined) yield broken('finallyAfter', 'it ended before its start');
    return;
  }
  const isSuccess = hasSucceeded(status);
  const plans = lawful.map((spec) => spec.finally ?? []);
  const agreeing = plans.filter((plan) => isCovered(plan, records, isSuccess));
  if (agreeing.length === 0)
    yield broken('finallyComplete', `${JSON.stringify(records)} after ${isSuccess ? 'a success' : 'a failure'}`);
  const isFailed = progress?.failureReason === 'FinallyFailed';
  if (isSuccess && !agreeing.some((plan) => hasFailed(plan, records) === isFailed))
    yield broken('finallyFailed', `it is ${status.phase} with ${JSON.stringify(records)}`);
}

function isCovered(
  plan: readonly FinallyStep[],
  records: readonly StepStatus[] | undefined,
  isSuccess: boolean,
): boolean {
  if (records === undefined) return !plan.some((step) => fits(step, isSuccess));
  return (
    records.length === plan.length &&
    plan.every((step, i) => fits(step, isSuccess) === (records[i]?.state !== 'Skipped'))
  );
}

const hasFailed = (plan: readonly FinallyStep[], records: readonly StepStatus[] = []): boolean =>
  records.some(({ index, state }) => state === 'Failed' && plan[index]?.onFailure !== 'Continue');

/** Between two statuses of one attempt: what has ended stays as it is, and so does the end of the other steps. */
function* changeFaults(old: Status, status: Status): Generator<string> {
  if (old.finally === undefined) return;
  if (status.finally === undefined) {
    const isAgain = (status.resumes ?? 0) > (old.resumes ?? 0) && old.phase === 'Failed';
    if (!isAgain) yield 'finally is off the record, and was not to run again';
    return;
  }
  for (const step of old.finally) {
    const now = status.finally[step.index];
    const isKept = now?.jobUID === step.jobUID && (step.state === 'Running' || now?.state === step.state);
    if (!isKept) yield `step ${step.index} of finally was ${step.state} and is ${now?.state}`;
  }
  // The steps that were not reached may change for a resume.
  const [were, are] = [old, status].map(({ steps = [] }) => steps.filter(({ state }) => state !== 'Skipped'));
  if (JSON.stringify(were) !== JSON.stringify(are)) yield broken('finallyTold', 'a step has changed');
  yield* outcomeFaults(old, status);
}

function* outcomeFaults({ progress: was }: Status, status: Status): Generator<string> {
  const is = status.progress;
  const isOfFinally = was?.failureReason === undefined && is?.failureReason === 'FinallyFailed';
  if (isOfFinally) {
    if (!isOver(status)) yield broken('finallyFailed', 'it is not over');
    return;
  }
  const isSame = is?.failureReason === was?.failureReason && is?.failedIndex === was?.failedIndex;
  if (!isSame) yield broken('finallyTold', `${was?.failureReason} has become ${is?.failureReason}`);
  if (is?.failureMessage?.startsWith((was?.failureMessage ?? '').slice(0, 100)) === false)
    yield broken('finallyTold', `${was?.failureMessage} has become ${is.failureMessage}`);
}
