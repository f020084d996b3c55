/** Which logs there are, in the order of the steps, and which are gone. Pure. */
import { allSteps } from '../../shared/jobs/position.ts';
import type { SequentialJob, StepStatus } from '../../shared/api/types.ts';
import { stepLabel } from '../../shared/api/reasons.ts';
import { byCreation, type StepPod } from '../status/step-pod.ts';

export interface LogSource {
  readonly pod: StepPod;
  /** 1 for the first Pod of the step. */
  readonly attempt: number;
  /** `extract`, `extract #2` */
  readonly label: string;
  /** The position of the step among all. */
  readonly position: number;
}

/** The steps of a sequence by name, those of `finally` behind the others. */
export const stepNames = ({ spec }: SequentialJob): readonly string[] => allSteps(spec).map(({ name }) => name);

/** The records of the steps that have a Job, or had one. */
function recordsOf({ status }: SequentialJob): readonly (StepStatus & Pick<StepPod, 'list'>)[] {
  const { steps = [], finally: last = [] } = status ?? {};
  return [
    ...steps.map((step) => Object.assign({ list: 'steps' as const }, step)),
    ...last.map((step) => Object.assign({ list: 'finally' as const }, step)),
  ].filter(({ state, jobName }) => state !== 'Skipped' && jobName !== undefined);
}

/** The Pods whose log is shown, first step first, each step's first attempt first. `step`: only of this one. */
export function logSources(
  object: SequentialJob,
  pods: readonly StepPod[],
  step: string | undefined,
): readonly LogSource[] {
  const count = object.spec.steps.length;
  const records = recordsOf(object);
  const seen = new Map<string, number>();
  return pods
    .filter((pod) => step === undefined || pod.step === step)
    .map((pod) => ({ pod, position: pod.list === 'steps' ? pod.index : count + pod.index }))
    .toSorted((a, b) => a.position - b.position || byCreation(a.pod, b.pod))
    .map(({ pod, position }) => {
      const record = records.find(({ list, index }) => list === pod.list && index === pod.index);
      const attempt = (seen.get(pod.step) ?? lostAttempts(record, pods)) + 1;
      seen.set(pod.step, attempt);
      return { pod, position, attempt, label: attempt === 1 ? pod.step : `${pod.step} #${attempt}` };
    });
}

/** Attempts of the step whose Pods are gone. */
function lostAttempts(record: StepStatus | undefined, pods: readonly StepPod[]): number {
  if (record === undefined) return 0;
  const left = pods.filter(({ jobUID }) => jobUID === record.jobUID).length;
  return Math.max(0, (record.attempts ?? 0) - left);
}

export interface Gone {
  /** Tells apart what has been said. */
  readonly key: string;
  readonly text: string;
}

/**
 * The steps that have run and have fewer Pods than attempts: their logs are gone with the Pods. A step that runs now is
 * left out, because a Pod may only not have been seen yet.
 */
export function goneLogs(object: SequentialJob, pods: readonly StepPod[], step: string | undefined): readonly Gone[] {
  return recordsOf(object).flatMap((record) => {
    const { list, index, name, attempts = 0, state } = record;
    const lost = lostAttempts(record, pods);
    if (lost === 0 || state === 'Running' || (step !== undefined && name !== step)) return [];
    const what = `step ${stepLabel(index, name, list === 'finally')}`;
    const text =
      lost === attempts
        ? `${what}: its Pods are gone, and its log with them`
        : `${what}: the Pods of ${lost} of its ${attempts} attempts are gone, and their logs with them`;
    return [{ key: `${list}/${index}/${record.jobUID ?? ''}`, text }];
  });
}

/** Whether the step has ended, or all of them if none is named. */
export function hasStepEnded(object: SequentialJob, step: string): boolean {
  const record = recordsOf(object).find(({ name }) => name === step);
  return record !== undefined && record.state !== 'Running';
}
