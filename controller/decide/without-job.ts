/** Records of steps that have no Job. Pure. */
import { EVENT, MESSAGE } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { truncate } from '../../shared/truncate.ts';
import { currentSteps, withCurrentSteps } from './draft.ts';
import { emit } from './outcome.ts';
import { currentStepLabel, eventStep } from './step-view.ts';
import type { Context, Draft } from './types.ts';

/** Records the next step, which has no Job. */
export function withNextStep(context: Context, record: Omit<StepStatus, 'index' | 'name'>): Draft {
  const { index, name } = eventStep(context);
  return withCurrentSteps(context.draft, [...currentSteps(context.draft), { index, name, ...record }]);
}

/**
 * Records the next step as Failed without a Job, and emits JobFailed. The record is written before anything else happens: the Job of
 * a later step would imply that this step had one, too.
 */
export function failedWithoutJob(context: Context, reason: string, message: string): Draft {
  const record = { state: 'Failed', reason, message: truncate(message), completionTime: context.now } as const;
  return emit(
    { ...withNextStep(context, record), requeueAfterMs: 0 },
    {
      type: 'Warning',
      reason: EVENT.jobFailed,
      message: MESSAGE.stepFailed(currentStepLabel(context) ?? '', reason, message),
      step: eventStep(context),
    },
  );
}
