/** What has changed between two views of a sequence, as plain lines for `watch` without a terminal. Pure. */
import { formatSeconds, toTimestamp } from '../../shared/api/time.ts';
import { stepLabel } from '../../shared/api/reasons.ts';
import { seconds } from './elapsed.ts';
import type { SequenceView } from './sequence-view.ts';
import { type Line, span } from './style.ts';
import type { StepView } from './step-view.ts';

/** The first view tells of everything that has begun; later ones only of what differs. */
export function changes(before: SequenceView | undefined, after: SequenceView): readonly Line[] {
  const texts = [
    ...phaseChange(before, after),
    ...stepChanges(before?.steps, after.steps),
    ...stepChanges(before?.finally, after.finally),
    ...waitingChange(before, after),
  ];
  return texts.map((text) => [span(`${toTimestamp(after.now)}  ${text}`)]);
}

function phaseChange(before: SequenceView | undefined, after: SequenceView): readonly string[] {
  if (before?.phase === after.phase && before.isResumePending === after.isResumePending) return [];
  const resume = after.isResumePending ? ', a resume was requested' : '';
  const headline = after.phase === 'Running' || after.headline === '' ? '' : `: ${after.headline}`;
  return [`${after.namespace}/${after.name} is ${after.phase} (${after.summary})${resume}${headline}`];
}

const QUIET: ReadonlySet<StepView['state']> = new Set(['Pending', 'Not run']);

function stepChanges(before: readonly StepView[] | undefined, after: readonly StepView[]): readonly string[] {
  return after.flatMap((step, at) => {
    const last = before?.[at];
    const isSame = last?.state === step.state && last.attempts === step.attempts;
    if (isSame || (QUIET.has(step.state) && last === undefined)) return [];
    return [`step ${stepLabel(step.index, step.name, step.list === 'finally')} ${step.state}${detailsOf(step)}`];
  });
}

function detailsOf({ state, attempts, maxAttempts, exitCode, reason, startedAt, endedAt }: StepView): string {
  const hasFailed = state === 'Failed' || state === 'Retrying';
  const details = [
    attempts === undefined ? '' : `attempt ${attempts} of ${maxAttempts}`,
    hasFailed && exitCode !== undefined ? `exit code ${exitCode}` : '',
    hasFailed ? (reason ?? '') : '',
    startedAt === undefined || endedAt === undefined ? '' : formatSeconds(seconds(startedAt, endedAt)),
  ].filter(Boolean);
  return details.length === 0 ? '' : ` (${details.join(', ')})`;
}

function waitingChange(before: SequenceView | undefined, { waiting }: SequenceView): readonly string[] {
  if (waiting === undefined || waiting.message === before?.waiting?.message) return [];
  return [`waiting: ${waiting.reason}: ${waiting.message}`];
}
