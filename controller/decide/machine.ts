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
  { from: 'New', guard: 'laterStepHasJob', effect: 'startSequence', to: 'StepPending' },
  { from: 'New', guard: 'namespaceIsOperators', effect: 'failOnNamespace', to: 'Failed', rest: true },
  { from: 'New', guard: 'specIsInvalid', effect: 'failOnInvalidSpec', to: 'Failed', rest: true },
  { from: 'New', guard: 'finalizerMissing', effect: 'addFinalizer', to: 'New', rest: true },
  { from: 'New', guard: 'isSuspended', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'New', guard: 'otherwise', effect: 'startSequence', to: 'StepPending' },

  { from: 'StepPending', guard: 'finalizerMissing', effect: 'addFinalizer', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'strayJobExists', effect: 'deleteStrayJobs', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobExists', effect: 'adoptJob', to: 'StepRunning' },
  { from: 'StepPending', guard: 'laterStepHasJob', effect: 'inferLaterStep', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'allStepsDone', effect: 'completeSequence', to: 'Completed', rest: true },
  { from: 'StepPending', guard: 'namespaceIsOperators', effect: 'failOnNamespace', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'deadlineExceeded', effect: 'failOnDeadline', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'strayJobTerminating', effect: 'none', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'previousPodsRunning', effect: 'awaitPods', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'isSuspended', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'StepPending', guard: 'jobNameConflicts', effect: 'failOnJobNameConflict', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'conflictingJobTerminating', effect: 'awaitJobName', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobCreationPostponed', effect: 'awaitJobCreation', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'jobRejected', effect: 'failOnRejection', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'preflightRejected', effect: 'failOnPreflight', to: 'Failed', rest: true },
  { from: 'StepPending', guard: 'preflightDue', effect: 'preflight', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'dependencyMissing', effect: 'awaitDependency', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'dependenciesNotChecked', effect: 'checkDependencies', to: 'StepPending', rest: true },
  { from: 'StepPending', guard: 'otherwise', effect: 'createJob', to: 'StepPending', rest: true },

  { from: 'StepRunning', guard: 'finalizerMissing', effect: 'addFinalizer', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'strayJobExists', effect: 'deleteStrayJobs', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'failedPodNotSeen', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobComplete', effect: 'recordSuccess', to: 'StepPending' },
  { from: 'StepRunning', guard: 'failedPodsNotSeen', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'failureIgnored', effect: 'ignoreFailure', to: 'StepPending' },
  { from: 'StepRunning', guard: 'jobFailed', effect: 'recordFailure', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'deletionIgnored', effect: 'ignoreDeletion', to: 'StepPending' },
  { from: 'StepRunning', guard: 'nextJobExists', effect: 'inferSuccess', to: 'StepPending' },
  { from: 'StepRunning', guard: 'jobDeleted', effect: 'recordDeletion', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'jobNotCached', effect: 'confirmJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'lostPodNotConfirmed', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'deadlinePassed', effect: 'terminateJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobCannotEnd', effect: 'recordDeadline', to: 'Failed', rest: true },
  { from: 'StepRunning', guard: 'jobShouldSuspend', effect: 'suspendJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'suspensionUndone', effect: 'awaitSuspension', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'suspendedPodsNotSeen', effect: 'inspectPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'stepSuspended', effect: 'suspend', to: 'Suspended', rest: true },
  { from: 'StepRunning', guard: 'podsTerminating', effect: 'awaitPods', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobShouldUnsuspend', effect: 'unsuspendJob', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'jobLabelsRemoved', effect: 'requeue', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'eventsDue', effect: 'inspectEvents', to: 'StepRunning', rest: true },
  { from: 'StepRunning', guard: 'otherwise', effect: 'awaitProgress', to: 'StepRunning', rest: true },

  { from: 'Suspended', guard: 'unsuspendedBeforeStart', effect: 'unsuspend', to: 'New' },
  { from: 'Suspended', guard: 'unsuspendedDuringStep', effect: 'unsuspend', to: 'StepRunning' },
  { from: 'Suspended', guard: 'unsuspended', effect: 'unsuspend', to: 'StepPending' },
  { from: 'Suspended', guard: 'stepHasJob', effect: 'none', to: 'StepRunning' },
  { from: 'Suspended', guard: 'sequenceStarted', effect: 'none', to: 'StepPending' },
  { from: 'Suspended', guard: 'otherwise', effect: 'none', to: 'New' },

  { from: 'Completed', guard: 'strayJobExists', effect: 'deleteStrayJobs', to: 'Completed', rest: true },
  { from: 'Completed', guard: 'ttlExpired', effect: 'deleteSequence', to: 'Completed', rest: true },
  { from: 'Completed', guard: 'otherwise', effect: 'none', to: 'Completed', rest: true },

  { from: 'Failed', guard: 'strayJobExists', effect: 'deleteStrayJobs', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'specChangedBeforeStart', effect: 'resetBeforeStart', to: 'New', rest: true },
  { from: 'Failed', guard: 'resumeBlockedByPods', effect: 'awaitPods', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'resumeRequested', effect: 'resume', to: 'StepPending', rest: true },
  { from: 'Failed', guard: 'specChangedAfterRejection', effect: 'clearRejection', to: 'StepPending' },
  { from: 'Failed', guard: 'ttlExpired', effect: 'deleteSequence', to: 'Failed', rest: true },
  { from: 'Failed', guard: 'otherwise', effect: 'none', to: 'Failed', rest: true },

  { from: 'Deleting', guard: 'finalizerRemoved', effect: 'none', to: 'Gone' },
  { from: 'Deleting', guard: 'jobsOrphaned', effect: 'none', to: 'Deleting', rest: true },
  { from: 'Deleting', guard: 'jobsExist', effect: 'deleteJobs', to: 'Deleting', rest: true },
  { from: 'Deleting', guard: 'jobsTerminating', effect: 'none', to: 'Deleting', rest: true },
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
