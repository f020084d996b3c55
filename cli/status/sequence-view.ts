/** A SequentialJob as people see it, built from the object and its Pods. Pure. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import { REASON } from '../../shared/api/reasons.ts';
import type { Condition, ConditionType, FinallyStep, SequentialJob, StepStatus } from '../../shared/api/types.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { byCreation, millis, type StepPod } from './step-pod.ts';
import { type StepView, type Surroundings, toStepView } from './step-view.ts';

export interface Why {
  readonly reason: string;
  readonly message: string;
}

/** The last lines of a container that failed. */
export interface Output {
  readonly step: StepView;
  readonly lines: readonly string[];
}

export interface SequenceView {
  readonly namespace: string;
  readonly name: string;
  /** `Deleting` while the object is being deleted; otherwise the status' phase. */
  readonly phase: string;
  /** Since when it has been in the phase. Unix milliseconds, as all times here. */
  readonly since?: number;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** One sentence on where the sequence is. */
  readonly headline: string;
  /** `2/3` */
  readonly summary: string;
  readonly resumes: number;
  readonly steps: readonly StepView[];
  readonly finally: readonly StepView[];
  /** The step that runs or starts next; undefined once the sequence has ended. */
  readonly current?: StepView;
  /** What the current step waits for. */
  readonly waiting?: Why;
  /** Why the sequence has failed, or will have failed when the steps of `finally` have ended. */
  readonly failure?: Why;
  readonly output?: Output;
  /** No controller has seen the object yet. */
  readonly isNew: boolean;
  /** The status speaks of the current spec. */
  readonly isObserved: boolean;
  /** `spec.resume` was raised, and the controller has not resumed yet. */
  readonly isResumePending: boolean;
  /** The sequence is to be suspended, and its step has not stopped yet. */
  readonly isSuspending: boolean;
  readonly now: number;
}

/** Nothing further happens until somebody acts. A failed sequence may continue after a change that no controller has seen yet. */
export const hasEnded = ({ phase, isResumePending, isObserved }: SequenceView): boolean =>
  phase === 'Completed' || (phase === 'Failed' && isObserved && !isResumePending);

/** `pods`: undefined if they could not be listed. */
export function toSequenceView(object: SequentialJob, pods: readonly StepPod[] | undefined, now: number): SequenceView {
  const { metadata, spec, status = {} } = object;
  const phase = isDeleting(object) ? 'Deleting' : (status.phase ?? 'Pending');
  const steps = stepViews(object, 'steps', pods, now);
  const last = stepViews(object, 'finally', pods, now);
  const current = currentStep([...steps, ...last]);
  const failure = failureOf(object);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    phase,
    headline: headlineOf(object, phase),
    summary: status.progress?.summary ?? `0/${spec.steps.length}`,
    resumes: status.resumes ?? 0,
    steps,
    finally: last,
    isNew: (status.observedGeneration ?? -1) < 0,
    isObserved: (status.observedGeneration ?? -1) >= (metadata.generation ?? 0),
    isResumePending: phase === 'Failed' && (spec.resume ?? 0) > (status.resumes ?? 0),
    isSuspending: isSuspending(object),
    now,
    ...omitUndefined({
      since: sinceWhen(object, phase),
      createdAt: millis(metadata.creationTimestamp),
      startedAt: millis(status.startTime),
      endedAt: millis(status.completionTime),
      current,
      waiting: trueCondition(object, 'ResourcesUnavailable'),
      failure,
      output: outputOf(steps, last, current),
    }),
  };
}

function stepViews(
  object: SequentialJob,
  list: 'steps' | 'finally',
  pods: readonly StepPod[] | undefined,
  now: number,
): readonly StepView[] {
  const { spec, status } = object;
  const specs: readonly FinallyStep[] = spec[list] ?? [];
  const known = status?.[list] ?? [];
  const records = new Map(known.map((step) => [step.index, step]));
  const nothingStarts = status?.completionTime !== undefined || isDeleting(object);
  const isFinishing = status?.phase === 'Finishing' || haveEnded(object);
  const hasListEnded = nothingStarts || (list === 'steps' && isFinishing);
  const isListActive = list === 'steps' || isFinishing;
  const first = specs.findIndex((_, index) => isOpen(records.get(index)));
  const sorted = pods?.toSorted(byCreation);
  return specs.map((step, index) =>
    toStepView(
      { list, index, step, status: records.get(index), defaults: spec.job },
      surroundings(object, {
        isCurrent: isListActive && index === first,
        hasEnded: hasListEnded,
        pods: sorted,
        now,
      }),
    ),
  );
}

const isDeleting = ({ metadata }: SequentialJob): boolean => metadata.deletionTimestamp !== undefined;

const isSuspending = ({ status }: SequentialJob): boolean =>
  getCondition(status?.conditions, 'Suspended')?.reason === REASON.suspending;

/** All steps before `finally`, whatever the phase: a sequence may be suspended in `finally`. */
function haveEnded({ spec, status }: SequentialJob): boolean {
  const ended = (status?.steps ?? []).filter((step) => !isOpen(step));
  return ended.length === spec.steps.length;
}

/** The step has no final state. */
const isOpen = (status: StepStatus | undefined): boolean => status === undefined || status.state === 'Running';

function surroundings(
  object: SequentialJob,
  rest: Pick<Surroundings, 'isCurrent' | 'hasEnded' | 'pods' | 'now'>,
): Surroundings {
  const conditions = object.status?.conditions;
  const unavailable = getCondition(conditions, 'ResourcesUnavailable');
  const isWaiting = rest.isCurrent && unavailable?.status === 'True';
  return {
    ...rest,
    isSuspended: isTrue(conditions, 'Suspended'),
    isStopping: isDeleting(object) || isSuspending(object),
    waiting: isWaiting
      ? { since: millis(unavailable.lastTransitionTime) ?? rest.now, reason: unavailable.reason }
      : undefined,
  };
}

const ENDED: ReadonlySet<StepView['state']> = new Set(['Succeeded', 'Failed', 'Skipped', 'Not run']);

const currentStep = (steps: readonly StepView[]): StepView | undefined => steps.find(({ state }) => !ENDED.has(state));

function trueCondition({ status }: SequentialJob, type: ConditionType): Why | undefined {
  const found = getCondition(status?.conditions, type);
  return found?.status === 'True' ? { reason: found.reason, message: found.message } : undefined;
}

function failureOf(object: SequentialJob): Why | undefined {
  const failed = trueCondition(object, 'Failed');
  if (failed !== undefined) return failed;
  const { failureReason, failureMessage = '' } = object.status?.progress ?? {};
  return failureReason === undefined ? undefined : { reason: failureReason, message: failureMessage };
}

function headlineOf(object: SequentialJob, phase: string): string {
  const { metadata, status } = object;
  const conditions = status?.conditions;
  const message = (type: ConditionType): string => getCondition(conditions, type)?.message ?? '';
  if (phase === 'Deleting') {
    const holders = (metadata.finalizers ?? []).join(', ');
    return holders === '' ? 'The object is being deleted' : `The object is being deleted, held by ${holders}`;
  }
  if (phase === 'Completed') return message('Complete');
  if (phase === 'Failed') return message('Failed');
  if (isTrue(conditions, 'Suspended') || isSuspending(object)) return message('Suspended');
  return message('Progressing') || 'No controller has seen the object yet';
}

function sinceWhen({ metadata, status }: SequentialJob, phase: string): number | undefined {
  const transition = (type: Condition['type']): number | undefined =>
    millis(getCondition(status?.conditions, type)?.lastTransitionTime);
  switch (phase) {
    case 'Deleting':
      return millis(metadata.deletionTimestamp);
    case 'Completed':
    case 'Failed':
      return millis(status?.completionTime) ?? transition(phase === 'Failed' ? 'Failed' : 'Complete');
    case 'Suspended':
      return transition('Suspended');
    case 'Running':
      // It is later than startTime after a resume, and by the time for which the sequence was suspended.
      return millis(status?.activeStartTime) ?? millis(status?.startTime);
    case 'Finishing':
      return lastEnd(status?.steps) ?? millis(status?.startTime);
    default:
      return millis(metadata.creationTimestamp);
  }
}

/** When the last of these steps ended. */
const lastEnd = (steps: readonly StepStatus[] = []): number | undefined =>
  steps.reduce<number | undefined>((last, { completionTime }) => {
    const end = millis(completionTime);
    return end === undefined || (last !== undefined && last > end) ? last : end;
  }, undefined);

const MAX_OUTPUT_LINES = 10;

/** What the step that is retried, or else the step that failed last, said at its end. */
function outputOf(
  steps: readonly StepView[],
  last: readonly StepView[],
  current: StepView | undefined,
): Output | undefined {
  const all = [...steps, ...last];
  const step = [current, ...all.toReversed()].find(
    (one) => one?.message !== undefined && one.message.trim() !== '' && isUnsuccessful(one),
  );
  if (step?.message === undefined) return undefined;
  const lines = step.message.split(/\r\n|[\r\n]/).filter((line) => line.trim() !== '');
  return { step, lines: lines.slice(-MAX_OUTPUT_LINES) };
}

const isUnsuccessful = ({ state, exitCode }: StepView): boolean =>
  state === 'Failed' || (!ENDED.has(state) && (exitCode ?? 0) !== 0);
