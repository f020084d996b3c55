/** Secrets, ConfigMaps and claims that a step references. */
import { EVENT, MESSAGE } from '../../shared/api/reasons.ts';
import { dependenciesToCheck } from '../../shared/jobs/dependencies.ts';
import { currentIndex, currentStepLabel, nextContainer, nextFinding, nextJobName } from './step-view.ts';
import { act } from './draft-actions.ts';
import { withoutStart } from './not-started.ts';
import { emit } from './outcome.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { blockingDependencies, obstacle, retryMs } from './waiting.ts';

const guards = defineGuards({
  dependencyMissing: {
    description: 'a Secret, ConfigMap or claim that the step needs does not exist',
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'dependencies' && blockingDependencies(finding.missing, context).length > 0;
    },
  },
  dependenciesNotChecked: {
    description: 'the step needs some Secrets, ConfigMaps or claims, 50 at most, and nobody has looked yet',
    holds: (context) =>
      nextFinding(context) === undefined &&
      dependenciesToCheck(context.snapshot.object, currentIndex(context.draft)).length > 0,
  },
});

const effects = defineEffects({
  awaitDependency: {
    description: 'record ResourcesUnavailable; look again in 5 s, later in up to 30 s',
    apply: (context) => {
      const waiting = { ...withoutStart(context).draft, requeueAfterMs: retryMs(context) };
      const missing = obstacle(context);
      if (missing === undefined || missing.isKnown) return waiting;
      const message = MESSAGE.cannotStart(currentStepLabel(context) ?? '', missing.message);
      const step = { index: currentIndex(context.draft), name: nextContainer(context)?.name ?? '' };
      return emit(waiting, { type: 'Warning', reason: EVENT.dependencyMissing, message, step });
    },
  },
  checkDependencies: {
    description: 'ask the API server which of them exist',
    apply: (context) => {
      const dependencies = dependenciesToCheck(context.snapshot.object, currentIndex(context.draft));
      return act(withoutStart(context).draft, {
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
