/** Secrets, ConfigMaps and PersistentVolumeClaims that a step references. */
import { EVENT, MESSAGE } from '../../shared/api/reasons.ts';
import { dependenciesToCheck } from '../../shared/jobs/dependencies.ts';
import { currentPosition, currentStepLabel, eventStep, nextFinding, nextJobName } from './step-view.ts';
import { withAction } from './draft-actions.ts';
import { withoutStartTime } from './without-start-time.ts';
import { emit } from './outcome.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { blockingDependencies, obstacle, retryMs } from './resources-unavailable.ts';

const guards = defineGuards({
  dependencyMissing: {
    description: 'a Secret, ConfigMap or PersistentVolumeClaim that the step references does not exist',
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'dependencies' && blockingDependencies(finding.missing, context).length > 0;
    },
  },
  dependenciesNotChecked: {
    description:
      'the step references Secrets, ConfigMaps or PersistentVolumeClaims that have not been checked (of more than 50, none is checked)',
    holds: (context) =>
      nextFinding(context) === undefined &&
      dependenciesToCheck(context.snapshot.object, currentPosition(context)).length > 0,
  },
});

const effects = defineEffects({
  awaitDependency: {
    description: 'record ResourcesUnavailable; requeue in 5 s, later in up to 30 s',
    apply: (context) => {
      const waiting = { ...withoutStartTime(context).draft, requeueAfterMs: retryMs(context) };
      const missing = obstacle(context);
      if (missing === undefined || missing.isRecorded) return waiting;
      const message = MESSAGE.stepCannotStart(currentStepLabel(context) ?? '', missing.message);
      const step = eventStep(context);
      return emit(waiting, { type: 'Warning', reason: EVENT.dependencyMissing, message, step });
    },
  },
  checkDependencies: {
    description: 'get their metadata from the API server',
    apply: (context) => {
      const dependencies = dependenciesToCheck(context.snapshot.object, currentPosition(context));
      return withAction(withoutStartTime(context).draft, {
        type: 'CheckDependencies',
        jobName: nextJobName(context),
        dependencies,
      });
    },
  },
});

export const dependencyRows: readonly Row[] = [
  { guard: guards.dependencyMissing, effect: effects.awaitDependency },
  { guard: guards.dependenciesNotChecked, effect: effects.checkDependencies },
];
