/** `volumeClaimTemplates`: the claims of a sequence, created before its first step. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { claimTemplatesOf } from '../../shared/jobs/claim-volumes.ts';
import { claimsOfStep } from '../../shared/jobs/volume-claims.ts';
import { recordedSteps } from './draft.ts';
import { RECHECK_MS } from './create-job.ts';
import { withAction } from './draft-actions.ts';
import { failNext } from './outcome.ts';
import { retryMs } from './resources-unavailable.ts';
import { defineEffects, defineGuards, type Guard, type Row } from './row.ts';
import { currentPosition } from './step-view.ts';
import type { ClaimFinding, Context } from './types.ts';
import { withoutStartTime } from './without-start-time.ts';

const findingOf = <T extends ClaimFinding['type']>(
  { snapshot }: Context,
  type: T,
): Extract<ClaimFinding, { type: T }> | undefined =>
  snapshot.claims?.type === type ? (snapshot.claims as Extract<ClaimFinding, { type: T }>) : undefined;

const guards = defineGuards({
  claimNameConflicts: {
    description: "another owner's PersistentVolumeClaim has the name of a claim",
    holds: (context) => {
      const finding = findingOf(context, 'nameConflict');
      return finding !== undefined && finding.pendingRemoval === undefined;
    },
  },
  conflictingClaimTerminating: {
    description: 'a PersistentVolumeClaim of the same name is being deleted or has lost its owner',
    holds: (context) => findingOf(context, 'nameConflict')?.pendingRemoval !== undefined,
  },
  claimCreationPostponed: {
    description:
      'the API server rejects a claim for now (the quota is exhausted, or the operator lacks a permission), or a claim was created from an older spec',
    holds: (context) => findingOf(context, 'postponed') !== undefined,
  },
  claimRejected: {
    description: 'the API server rejects a claim permanently (403, 422)',
    holds: (context) => findingOf(context, 'rejected') !== undefined,
  },
  claimsNotCreated: {
    description: 'no step has had a Job, and this reconcile has not created the claims of the sequence',
    holds: ({ draft, snapshot }) => {
      // A status that was cut for its size may have lost the UIDs.
      const hadJob = recordedSteps(draft).some(
        ({ jobUID, startTime, state }) => jobUID !== undefined || startTime !== undefined || state === 'Succeeded',
      );
      return !hadJob && snapshot.claims === undefined && claimTemplatesOf(snapshot.object).length > 0;
    },
  },
});

const effects = defineEffects({
  failOnClaimNameConflict: {
    description: "record ClaimNameConflict; leave the other owner's claim unchanged",
    apply: (context) => {
      const { name = '', owner = '' } = findingOf(context, 'nameConflict') ?? {};
      return failNext(withoutStartTime(context), REASON.claimNameConflict, MESSAGE.claimNameConflict(name, owner));
    },
  },
  awaitClaimName: {
    description: 'requeue in 2 s',
    apply: (context) => ({ ...withoutStartTime(context).draft, requeueAfterMs: RECHECK_MS }),
  },
  awaitClaimCreation: {
    description: 'record ResourcesUnavailable; retry in 5 s, later in up to 30 s',
    apply: (context) => ({ ...withoutStartTime(context).draft, requeueAfterMs: retryMs(context) }),
  },
  failOnClaimRejection: {
    description: "record ClaimRejected with the API server's answer; wait for a spec change",
    apply: (context) => {
      const { name = '', errors = [] } = findingOf(context, 'rejected') ?? {};
      return failNext(withoutStartTime(context), REASON.claimRejected, MESSAGE.claimRejected(name, errors));
    },
  },
  createClaims: {
    description: 'create them under their deterministic names',
    apply: (context) => withAction(withoutStartTime(context).draft, { type: 'CreateClaims' }),
  },
});

/**
 * After everything else that the first step waits for, so that storage is not reserved for a sequence that cannot start.
 * Never once a step has had a Job: a claim that was deleted since has lost the data of the steps before.
 */
export const claimRows: readonly Row[] = [
  { guard: guards.claimNameConflicts, effect: effects.failOnClaimNameConflict, to: 'Ended', continues: true },
  { guard: guards.conflictingClaimTerminating, effect: effects.awaitClaimName },
  { guard: guards.claimCreationPostponed, effect: effects.awaitClaimCreation },
  { guard: guards.claimRejected, effect: effects.failOnClaimRejection, to: 'Ended', continues: true },
  { guard: guards.claimsNotCreated, effect: effects.createClaims },
];

const needsClaim = (context: Context): boolean =>
  claimsOfStep(context.snapshot.object, currentPosition(context)).length > 0;

/** The guard, for a step that mounts a claim. */
const ofNeededClaim = ({ name, description, holds }: Guard): Guard => ({
  name,
  description: `the step mounts a claim, and ${description}`,
  holds: (context) => needsClaim(context) && holds(context),
});

const finallyGuards = {
  conflictingClaimTerminating: ofNeededClaim(guards.conflictingClaimTerminating),
  claimCreationPostponed: ofNeededClaim(guards.claimCreationPostponed),
  claimsNotCreated: ofNeededClaim(guards.claimsNotCreated),
} as const;

/**
 * Before a step of `finally` that mounts a claim, if the sequence has failed before its first step had a Job. A claim that will
 * never be created holds up nothing: the Pod that mounts it says why it cannot start.
 */
export const finallyClaimRows: readonly Row[] = [
  { guard: finallyGuards.conflictingClaimTerminating, effect: effects.awaitClaimName },
  { guard: finallyGuards.claimCreationPostponed, effect: effects.awaitClaimCreation },
  { guard: finallyGuards.claimsNotCreated, effect: effects.createClaims },
];
