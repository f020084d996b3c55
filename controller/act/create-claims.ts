/** Creates the claims of a sequence, or finds out why one cannot be created. */
import { CLAIM_TEMPLATE_ANNOTATION, MANAGER } from '../../shared/api/group.ts';
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { ObjectMeta } from '../../shared/api/types.ts';
import { formatJobError } from '../../shared/jobs/job-errors.ts';
import { buildClaims, claimErrorsOf, claimField, type ClaimManifest } from '../../shared/jobs/volume-claims.ts';
import { METADATA_ONLY } from '../../shared/kube/client.ts';
import { noVerdictReason } from '../../shared/kube/dry-run.ts';
import { type ApiError, isApiError, isRefusal } from '../../shared/kube/errors.ts';
import { collectionPath, objectPath, PERSISTENT_VOLUME_CLAIMS } from '../../shared/kube/resources.ts';
import type { ClaimFinding, Snapshot } from '../decide/index.ts';
import type { ExecuteDeps } from './deps.ts';
import { describeOwner, pendingRemovalOf, sequentialJobOf } from './owner.ts';

const READY: ClaimFinding = { type: 'ready' };

/**
 * Creates the claims in order, up to the first that cannot be created; takes those that exist. Returns the snapshot with
 * the result; rejects with ApiError for a transient failure.
 */
export async function createClaims(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  for (const [index, claim] of buildClaims(snapshot.object).entries()) {
    const finding = await createClaim(claim, index, snapshot, deps);
    if (finding.type === 'postponed' && finding.reason === REASON.permissionDenied)
      deps.capabilities.recordDenied('PersistentVolumeClaims', finding.message);
    if (finding.type !== 'ready') return { ...snapshot, claims: finding };
  }
  deps.capabilities.recordClaimsCreated();
  return { ...snapshot, claims: READY };
}

async function createClaim(
  claim: ClaimManifest,
  index: number,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<ClaimFinding> {
  try {
    await deps.client.request({
      method: 'POST',
      path: collectionPath(PERSISTENT_VOLUME_CLAIMS, claim.metadata.namespace),
      query: { fieldManager: MANAGER },
      body: claim,
      ignoresAnswer: true,
    });
    return READY;
  } catch (error) {
    if (!isApiError(error)) throw error;
    const rejection = rejectionOf(error, claim, index);
    if (rejection === undefined && error.code !== 'AlreadyExists') throw error;
    const existing = await getClaim(claim, deps);
    if (isApiError(existing)) return rejection ?? permissionDenied(existing);
    // The API server evaluates quotas and webhooks before it compares names, so it may reject a repeated create because
    // of the claim that the first one created.
    const isCreated = existing !== undefined && ownsClaim(existing, snapshot);
    return isCreated || rejection === undefined ? existingClaim(existing, { claim, index }, snapshot, deps) : rejection;
  }
}

/** Classifies a rejection of the claim; undefined for any other error. */
function rejectionOf(error: ApiError, { metadata: { name } }: ClaimManifest, index: number): ClaimFinding | undefined {
  const reason = noVerdictReason(error);
  if (reason === 'QuotaExceeded') return { type: 'postponed', reason, message: error.message };
  if (reason === 'PermissionDenied') return permissionDenied(error);
  if (error.code === 'AlreadyExists' || !isRefusal(error)) return undefined;
  return { type: 'rejected', name, errors: claimErrorsOf(error, index).map(formatJobError) };
}

const permissionDenied = ({ message }: ApiError): ClaimFinding => ({
  type: 'postponed',
  reason: REASON.permissionDenied,
  message: MESSAGE.permissionDenied(message),
});

type ClaimMeta = Pick<ObjectMeta, 'namespace' | 'annotations' | 'deletionTimestamp' | 'ownerReferences'>;

/**
 * The metadata of the claim of this name; undefined if there is none, and the answer if the operator may not read it. Rejects with
 * ApiError otherwise.
 */
async function getClaim({ metadata }: ClaimManifest, deps: ExecuteDeps): Promise<ClaimMeta | ApiError | undefined> {
  try {
    const path = objectPath(PERSISTENT_VOLUME_CLAIMS, metadata.namespace, metadata.name);
    const answer = await deps.client.request<{ readonly metadata: ClaimMeta }>({
      method: 'GET',
      path,
      accept: METADATA_ONLY,
    });
    return answer.metadata;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    if (isApiError(error, 'Forbidden')) return error;
    throw error;
  }
}

const ownsClaim = (claim: ClaimMeta, { object }: Snapshot): boolean =>
  sequentialJobOf(claim)?.uid === object.metadata.uid;

/** Whether the existing claim is the one to use, and why not. */
function existingClaim(
  existing: ClaimMeta | undefined,
  { claim, index }: { readonly claim: ClaimManifest; readonly index: number },
  snapshot: Snapshot,
  deps: ExecuteDeps,
): ClaimFinding {
  const { name, annotations } = claim.metadata;
  // The claim was deleted between the two requests: it is created after a short wait.
  if (existing === undefined)
    return { type: 'nameConflict', name, owner: MESSAGE.foreignOwner.none, pendingRemoval: 'deleted' };
  const pendingRemoval =
    ownsClaim(existing, snapshot) && existing.deletionTimestamp === undefined
      ? undefined
      : pendingRemovalOf(existing, deps);
  if (!ownsClaim(existing, snapshot) || pendingRemoval !== undefined) {
    const owner = describeOwner(existing);
    return { type: 'nameConflict', name, owner, ...(pendingRemoval === undefined ? {} : { pendingRemoval }) };
  }
  const isCurrent = existing.annotations?.[CLAIM_TEMPLATE_ANNOTATION] === annotations[CLAIM_TEMPLATE_ANNOTATION];
  return isCurrent
    ? READY
    : { type: 'postponed', reason: REASON.claimOutdated, message: MESSAGE.claimOutdated(name, claimField('', index)) };
}
