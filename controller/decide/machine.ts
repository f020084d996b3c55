/**
 * The life of a sequence as a table. From its state, the first row whose guard holds says what happens and where it
 * leads; `rest` ends the walk until the outside has changed. The last row of each state holds always, so the machine
 * is total, and every walk ends: a row either rests, or moves on to a later step or state.
 *
 * docs/state-machine.md is generated from this table.
 */
import { MAX_STEPS } from '../../shared/api/group.ts';
import { EFFECTS, type EffectName } from './effects.ts';
import { type GuardName, GUARDS } from './guards.ts';
import type { Context, Draft, State } from './types.ts';

export interface Transition {
  readonly from: State;
  readonly guard: GuardName;
  readonly effect: EffectName;
  readonly to: State;
  /** Nothing more can be decided before something has happened outside. */
  readonly rest?: true;
}

export const TRANSITIONS: readonly Transition[] = [
  { from: 'New', guard: 'jobExists', effect: 'startSequence', to: 'StepPending' },
  { from: 'New', guard: 'stepIsPassed', effect: 'startSequence', to: 'StepPending' },
  { from: 'New', guard: 'namespaceIsOwn', effect: 'refuseNamespace', to: 'Failed', rest: true },
  { from: 'New', guard: 'specIsInvalid', effect: 'refuseSpec', to: 'Failed', rest: true },
  { from: 'New', guard: 'finalizerIsMissing', effect: 'addFinalizer', to: 'New', rest: true },
  { from: 'New', guard: 'isSuspended', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'New', guard: 'otherwise', effect: 'startSequence', to: 'StepPending' },

  { from: 'StepPending', guard: 'finalizerIsMissing', effect: 'addFinalizer', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'strayJobRuns', effect: 'deleteStrayJobs', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobExists', effect: 'adoptJob', to: 'StepRunning' },
  { from: 'StepPending', guard: 'stepIsPassed', effect: 'inferStep', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'nothingIsLeft', effect: 'completeSequence', to: 'Completed', rest: true },
  { from: 'StepPending', guard: 'namespaceIsOwn', effect: 'refuseNamespace', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'deadlineHasPassed', effect: 'failOnDeadline', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'strayJobIsGoing', effect: 'none', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'podsAreLeft', effect: 'awaitPods', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'isSuspended', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'StepPending', guard: 'nameIsTaken', effect: 'failOnName', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'nameIsBeingFreed', effect: 'awaitName', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobIsPostponed', effect: 'awaitPermission', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobIsRejected', effect: 'failOnRejection', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'preflightIsRefused', effect: 'failOnPreflight', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'preflightIsDue', effect: 'preflight', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'dependencyIsMissing', effect: 'awaitDependency', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'dependenciesAreUnknown', effect: 'checkDependencies', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'otherwise', effect: 'createJob', to: 'StepPending', rest: true },

  { from: 'StepRunning', guard: 'finalizerIsMissing', effect: 'addFinalizer', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'strayJobRuns', effect: 'deleteStrayJobs', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'drainedPodIsUnseen', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobHasCompleted', effect: 'recordSuccess', to: 'StepPending' },
  { from: 'StepRunning', guard: 'failureIsUnexplained', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'failureIsPassedOver', effect: 'passOverFailure', to: 'StepPending' },
  { from: 'StepRunning', guard: 'jobHasFailed', effect: 'recordFailure', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'lossIsPassedOver', effect: 'passOverLoss', to: 'StepPending' },
  { from: 'StepRunning', guard: 'lossIsLate', effect: 'inferSuccess', to: 'StepPending' },
  { from: 'StepRunning', guard: 'jobIsGone', effect: 'recordLoss', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'jobIsOutOfSight', effect: 'confirmJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'lossOfPodIsUnsure', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobIsToBeEnded', effect: 'endJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobIsHeldOverdue', effect: 'recordDeadline', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'jobIsToBeSuspended', effect: 'suspendJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'suspensionIsUndone', effect: 'awaitSuspension', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'podsOfSuspensionAreUnseen', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'stepStandsStill', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'StepRunning', guard: 'podsStillEnd', effect: 'awaitPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobIsToContinue', effect: 'continueJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobIsUnwatched', effect: 'askAgain', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'eventsAreDue', effect: 'inspectEvents', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'otherwise', effect: 'refreshStep', to: 'StepRunning', rest: true },

  { from: 'Suspended', guard: 'isLetGoBeforeStart', effect: 'goOn', to: 'New' },
  { from: 'Suspended', guard: 'isLetGoInStep', effect: 'goOn', to: 'StepRunning' },
  { from: 'Suspended', guard: 'isLetGo', effect: 'goOn', to: 'StepPending' },
  { from: 'Suspended', guard: 'stepIsUnderWay', effect: 'none', to: 'StepRunning' },
  { from: 'Suspended', guard: 'isStarted', effect: 'none', to: 'StepPending' },
  { from: 'Suspended', guard: 'otherwise', effect: 'none', to: 'New' },

  { from: 'Completed', guard: 'strayJobRuns', effect: 'deleteStrayJobs', to: 'Completed', rest: true },
  { from: 'Completed', guard: 'timeToLiveIsOver', effect: 'deleteSequence', to: 'Completed', rest: true },
  { from: 'Completed', guard: 'otherwise', effect: 'none', to: 'Completed', rest: true },

  { from: 'Failed', guard: 'strayJobRuns', effect: 'deleteStrayJobs', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'specChangedBeforeStart', effect: 'forgetStart', to: 'New', rest: true },
  { from: 'Failed', guard: 'resumeMustWait', effect: 'awaitPods', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'resumeIsAsked', effect: 'resume', to: 'StepPending', rest: true },
  { from: 'Failed', guard: 'specChangedAfterRefusal', effect: 'forgetRefusal', to: 'StepPending' },
  { from: 'Failed', guard: 'timeToLiveIsOver', effect: 'deleteSequence', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'otherwise', effect: 'none', to: 'Failed', rest: true },

  { from: 'Deleting', guard: 'finalizerIsOff', effect: 'none', to: 'Gone' },
  { from: 'Deleting', guard: 'jobsAreOrphaned', effect: 'none', to: 'Deleting', rest: true },
  { from: 'Deleting', guard: 'jobsAreLeft', effect: 'deleteJobs', to: 'Deleting', rest: true },
  { from: 'Deleting', guard: 'jobsAreGoing', effect: 'none', to: 'Deleting', rest: true },
  { from: 'Deleting', guard: 'otherwise', effect: 'removeFinalizer', to: 'Gone' },

  { from: 'Gone', guard: 'otherwise', effect: 'none', to: 'Gone', rest: true },
];

const BY_STATE: ReadonlyMap<State, readonly Transition[]> = Map.groupBy(TRANSITIONS, (transition) => transition.from);

/** Two rows a step and a few at the ends: more would be a circle. */
const MAX_WALK = 2 * MAX_STEPS + 10;

/** Walks from the draft's state until a row rests. Throws only where the table itself is wrong. */
export function walk(context: Context): Draft {
  let draft = context.draft;
  for (let taken = 0; taken < MAX_WALK; taken++) {
    const current = { ...context, draft };
    const transition = BY_STATE.get(draft.state)?.find(({ guard }) => GUARDS[guard].holds(current));
    if (transition === undefined) throw new Error(`the state machine has no way out of ${draft.state}`);
    draft = { ...EFFECTS[transition.effect].apply(current), state: transition.to };
    if (transition.rest === true) return draft;
  }
  throw new Error(`the state machine goes round in ${draft.state}`);
}
