/** Sends create requests for Jobs and claims with dryRun and interprets the answers. */
import type { DryRunAnswer, DryRunManifest, NoVerdictReason } from '../jobs/preflight.ts';
import type { ApiClient } from './client.ts';
import { type ApiError, isApiError, isRefusal } from './errors.ts';
import { collectionPath, JOBS, PERSISTENT_VOLUME_CLAIMS, type Resource } from './resources.ts';

/** How a server treats unknown fields (1.25 and newer; older ones ignore the parameter and drop the fields). */
type FieldValidation = 'Strict' | 'Ignore';

/**
 * All admission controllers, webhooks and validation rules of the server apply; nothing is stored, and no quota is
 * used.
 */
const DRY_RUN = 'All';

const RESOURCES: Readonly<Record<DryRunManifest['kind'], Resource>> = {
  Job: JOBS,
  PersistentVolumeClaim: PERSISTENT_VOLUME_CLAIMS,
};

/**
 * The server's verdict on a Job or a claim: one request, or two if it has fields that the server does not know. Rejects
 * with ApiError if there was no verdict; the caller may retry.
 */
export async function dryRunCreate(
  client: ApiClient,
  manifest: DryRunManifest,
  query: Readonly<Record<string, string>> = {},
): Promise<DryRunAnswer> {
  const strict = await create(client, manifest, { ...query, fieldValidation: 'Strict' });
  const unknownFields = strict === undefined ? [] : unknownFieldsIn(strict);
  if (unknownFields.length === 0) return toAnswer(strict, []);
  return toAnswer(await create(client, manifest, { ...query, fieldValidation: 'Ignore' }), unknownFields);
}

async function create(
  client: ApiClient,
  manifest: DryRunManifest,
  query: Readonly<Record<string, string>> & { readonly fieldValidation: FieldValidation },
): Promise<ApiError | undefined> {
  try {
    await client.request({
      method: 'POST',
      path: collectionPath(RESOURCES[manifest.kind], manifest.metadata.namespace),
      query: { ...query, dryRun: DRY_RUN },
      body: manifest,
      ignoresAnswer: true,
    });
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error;
    throw error;
  }
}

/** The server checks the name last: if the name is taken, everything else was accepted. */
function toAnswer(error: ApiError | undefined, unknownFields: readonly string[]): DryRunAnswer {
  if (error === undefined || error.code === 'AlreadyExists') return { type: 'accepted', unknownFields };
  const reason = noVerdictReason(error);
  if (reason !== undefined) return { type: 'unanswered', reason, message: error.message };
  if (!isRefusal(error) && !isDenial(error)) throw error;
  return { type: 'refused', refusal: { message: error.message, causes: error.causes }, unknownFields };
}

/** apimachinery pkg/runtime/serializer (strict decoding): `unknown field "spec.x", unknown field "spec.y"`. */
const UNKNOWN_FIELD = /unknown field "([^"]+)"/g;

function unknownFieldsIn({ code, message }: ApiError): readonly string[] {
  if (code !== 'BadRequest' || !message.includes('strict decoding error')) return [];
  return [...message.matchAll(UNKNOWN_FIELD)].flatMap(([, field]) => field ?? []);
}

/**
 * Kubernetes gives these errors no reason of their own, so they are recognized by their message, unchanged since
 * 1.18.
 */
const NO_VERDICT_ERRORS: readonly (readonly [NoVerdictReason, ApiError['code'], RegExp])[] = [
  // apiserver pkg/admission/plugin/webhook/errors NewDryRunUnsupportedErr
  ['DryRunUnsupported', 'BadRequest', /^admission webhook "[^"]*" does not support dry run/],
  // apiserver pkg/admission/plugin/resourcequota controller.go; the second alternative is for a quota without a
  // status yet
  ['QuotaExceeded', 'Forbidden', /is forbidden: (?:exceeded quota|status unknown for quota): /],
  ['QuotaExceeded', 'ServerError', /\bresource quota evaluation timed out$/],
  // plugin/pkg/admission/gc OwnerReferencesPermissionEnforcement
  ['PermissionDenied', 'Forbidden', /is forbidden: cannot set blockOwnerDeletion /],
  // apiserver pkg/endpoints/handlers/responsewriters errors.go ForbiddenStatusError
  ['PermissionDenied', 'Forbidden', /^[\w.]+(?: "[^"]*")? is forbidden: User "/],
];

/** A webhook chooses the code of its denial. A 5xx may be temporary; any other code is final. */
const isDenial = ({ status = 0, message }: ApiError): boolean =>
  status < 500 && /^admission webhook "[^"]*" denied the request/.test(message);

/** Why the server gave no verdict on a create request; undefined if it gave one. */
export const noVerdictReason = ({ code, message }: ApiError): NoVerdictReason | undefined =>
  NO_VERDICT_ERRORS.find(([, wanted, words]) => code === wanted && words.test(message))?.[0];
