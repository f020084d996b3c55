/** The changes between two states of a SequentialJob, as text: pure. */
import type { SequentialJob, StepState, StepStatus } from '../../shared/api/types.ts';
import { formatSeconds, secondsBetween } from '../../shared/api/time.ts';

export interface Transition {
  readonly kind: 'started' | 'succeeded' | 'failed' | 'finished' | 'stopped';
  readonly text: string;
  /** The Job whose log to show. */
  readonly jobName?: string;
}

function ended(step: StepStatus): Transition {
  const seconds = secondsBetween(step.startTime, step.completionTime);
  const after = seconds === undefined ? '' : ` after ${formatSeconds(seconds)}`;
  const job = step.jobName === undefined ? {} : { jobName: step.jobName };
  switch (step.state) {
    case 'Succeeded':
      return { kind: 'succeeded', text: `${step.name} succeeded${after}`, ...job };
    case 'Skipped':
      return { kind: 'succeeded', text: `${step.name} skipped` };
    case 'Failed': {
      const code = step.exitCode === undefined ? '' : `, exit code ${step.exitCode}`;
      return { kind: 'failed', text: `${step.name} failed${after}${code}`, ...job };
    }
    case 'Running':
      return { kind: 'started', text: `${step.name} started` };
  }
}

function stepTransitions(before: StepState | undefined, step: StepStatus): readonly Transition[] {
  if (before === step.state) return [];
  const started: Transition = { kind: 'started', text: `${step.name} started` };
  if (step.state === 'Running') return [started];
  return before === undefined ? [started, ended(step)] : [ended(step)];
}

/** The start and the end of each step, each reported once, then the end of the SequentialJob. Empty if nothing changed. */
export function transitions(before: SequentialJob | undefined, after: SequentialJob): readonly Transition[] {
  const known = new Map(before?.status?.steps?.map((step) => [step.index, step.state]));
  const steps = (after.status?.steps ?? []).flatMap((step) => stepTransitions(known.get(step.index), step));
  const phase = after.status?.phase;
  if (phase === before?.status?.phase) return steps;
  if (phase === 'Completed') return [...steps, { kind: 'finished', text: 'completed' }];
  if (phase !== 'Failed') return steps;
  const { failureReason, failureMessage } = after.status?.progress ?? {};
  const why = [failureReason, failureMessage].filter((part) => part !== undefined).join(': ');
  return [...steps, { kind: 'stopped', text: why === '' ? 'failed' : `failed: ${why}` }];
}
