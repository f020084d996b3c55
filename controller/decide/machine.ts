/**
 * The state machine of a sequence as a table. In each state the first row whose guard holds is taken: its effect is
 * applied and the state changes. A row ends the walk unless it `continues`. The last row of each state always holds, so
 * the table is total. Every walk ends, because a row that continues leads to a later step or state.
 *
 * Each feature's file defines its rows; this file defines their order, which matters: rows that record what already
 * exists precede rows that could block its start, and rows that stop the sequence precede rows that advance it.
 * docs/state-machine.md is generated from this table.
 */
import { MAX_FINALLY, MAX_STEPS } from '../../shared/api/group.ts';
import { recordRows, createRows, notCreatedRows, previousPodsRows } from './create-job.ts';
import { deadlineBeforeStepRows, deadlineInStepRows } from './deadline.ts';
import { deletionRows } from './deletion.ts';
import { endRows, finallyPendingRows, finallyRunningRows } from './finally.ts';
import { dependencyRows } from './dependencies.ts';
import { pendingInStepRows, pendingWithoutJobRows } from './pending-deadline.ts';
import { preflightRows } from './preflight.ts';
import { resumeRows } from './resume.ts';
import { resultRows } from './results.ts';
import { none, otherwise, type Row } from './row.ts';
import { finalizerRows, invalidSpecRows, ownNamespaceRows, startFoundRows, startRows } from './start.ts';
import { failedPodRows, stepEndRows, stepProgressRows } from './step.ts';
import { awaitStrayJobsRows, deleteStrayJobsRows } from './stray-jobs.ts';
import { suspendedRows, suspendInStepRows, suspendRows } from './suspend.ts';
import { ttlRows } from './ttl.ts';
import { claimRows } from './volume-claims.ts';
import { type Context, type Draft, STATES, type State } from './types.ts';

const staysAsItIs: readonly Row[] = [{ guard: otherwise, effect: none }];

export const TABLE: Readonly<Record<State, readonly Row[]>> = {
  New: [startFoundRows, ownNamespaceRows, invalidSpecRows, finalizerRows, suspendRows, startRows].flat(),
  StepPending: [
    finalizerRows,
    deleteStrayJobsRows,
    recordRows,
    ownNamespaceRows,
    deadlineBeforeStepRows,
    awaitStrayJobsRows,
    previousPodsRows,
    suspendRows,
    pendingWithoutJobRows,
    notCreatedRows,
    preflightRows,
    dependencyRows,
    claimRows,
    createRows,
  ].flat(),
  StepRunning: [
    finalizerRows,
    deleteStrayJobsRows,
    failedPodRows,
    resultRows,
    stepEndRows,
    deadlineInStepRows,
    pendingInStepRows,
    suspendInStepRows,
    stepProgressRows,
  ].flat(),
  Ended: endRows,
  FinallyPending: finallyPendingRows,
  FinallyRunning: finallyRunningRows,
  Suspended: suspendedRows,
  Completed: [deleteStrayJobsRows, ttlRows, staysAsItIs].flat(),
  Failed: [deleteStrayJobsRows, resumeRows, ttlRows, staysAsItIs].flat(),
  Deleting: deletionRows,
  Gone: staysAsItIs,
};

export interface Transition extends Row {
  readonly from: State;
  readonly to: State;
}

/** All rows in order, each with its source and target state. */
export const TRANSITIONS: readonly Transition[] = STATES.flatMap((from) =>
  TABLE[from].map((row) => ({ ...row, from, to: row.to ?? from })),
);

/** Two rows for each step and a few at start and end: a longer walk is a loop. */
const MAX_WALK = 2 * (MAX_STEPS + MAX_FINALLY) + 10;

/** Applies rows from the draft's state on until a row ends the walk. Throws only if the table is wrong. */
export function walk(context: Context): Draft {
  let draft = context.draft;
  for (let taken = 0; taken < MAX_WALK; taken++) {
    const current = { ...context, draft };
    const row = TABLE[draft.state].find(({ guard }) => guard.holds(current));
    if (row === undefined) throw new Error(`the state machine has no way out of ${draft.state}`);
    draft = { ...row.effect.apply(current), state: row.to ?? draft.state };
    if (row.continues !== true) return draft;
  }
  throw new Error(`the state machine loops in ${draft.state}`);
}
