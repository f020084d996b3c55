/** What must hold when the Job of a step in `finally` is made, and what a status says of these steps. */
import { OUTCOME_ANNOTATIONS } from '../../../../shared/api/group.ts';
import type { FinallyStep, SequentialJobSpec, SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import type { StepPlace } from '../../../../shared/jobs/position.ts';
import type { RawJob } from './cluster.ts';
import { broken } from './promises.ts';

type Status = SequentialJobStatus;

/** The records of all steps. */
export const recordedSteps = (status: Status | undefined): readonly StepStatus[] => [
  ...(status?.steps ?? []),
  ...(status?.finally ?? []),
];

/** How the other steps have ended, by a status that has `finally`. A failure of finally alone is none of theirs. */
export function hasSucceeded({ progress }: Status): boolean {
  return progress?.failureReason === undefined || progress.failureReason === 'FinallyFailed';
}

/** Whether a step with this `when` runs after such an end. */
export function fits({ when = 'Always' }: FinallyStep, isSuccess: boolean): boolean {
  return when === 'Always' || when === (isSuccess ? 'Succeeded' : 'Failed');
}

export interface FinallyView {
  /** The specs that the sequence may have. */
  readonly lawful: readonly SequentialJobSpec[];
  /** What the API server has stored. */
  readonly status: Status | undefined;
}

/** What is wrong with making this Job now, each as a clause. */
export function finallyJobFaults(
  job: RawJob,
  { index, resumes }: StepPlace & { readonly resumes: number },
  { lawful, status = {} }: FinallyView,
): readonly string[] {
  const { steps = [], startTime } = status;
  const isSuccess = hasSucceeded(status);
  const wanted = lawful.flatMap((spec) => spec.finally?.[index] ?? []);
  const faults: readonly (readonly [boolean, string])[] = [
    [status.finally === undefined, broken('finallyAfter', 'the end is not on record')],
    [steps.some(({ state }) => state === 'Running'), broken('finallyAfter', 'a step is on record as running')],
    [startTime === undefined, broken('finallyAfter', 'the sequence has not started')],
    [(status.resumes ?? 0) !== resumes, `the attempt is ${status.resumes}`],
    [!wanted.some((step) => fits(step, isSuccess)), broken('finallyFits', `the steps ${outcomeIn(isSuccess)}`)],
    [!isTold(job, status), broken('finallyTold', JSON.stringify(job.spec.template.metadata?.annotations))],
  ];
  return faults.flatMap(([holds, fault]) => (holds ? [fault] : []));
}

const outcomeIn = (isSuccess: boolean): string => (isSuccess ? 'Succeeded' : 'Failed');

/** Whether the Pod's annotations say what the status says. */
function isTold({ spec: { template } }: RawJob, status: Status): boolean {
  const { failureReason, failureMessage, failedIndex, currentStep } = status.progress ?? {};
  const failure = {
    [OUTCOME_ANNOTATIONS.failedStep]: failedIndex === undefined ? undefined : currentStep,
    [OUTCOME_ANNOTATIONS.failureReason]: failureReason,
    [OUTCOME_ANNOTATIONS.failureMessage]: failureMessage,
  };
  const wanted = { [OUTCOME_ANNOTATIONS.outcome]: outcomeIn(hasSucceeded(status)), ...failure };
  return Object.entries(wanted).every(([key, value]) => template.metadata?.annotations?.[key] === value);
}
