/** Asks the API server what it would say to a Job, without creating it. */
import type { DryRunAnswer, NoVerdictReason } from '../jobs/preflight.ts';
import type { JobManifest } from '../jobs/job.ts';
import type { ApiClient } from './client.ts';
import { type ApiError, isApiError, isRefusal } from './errors.ts';
import { collectionPath, JOBS } from './resources.ts';

/** How a server takes fields that it does not know (1.25 and newer; an older one never looks at it, and drops them). */
type FieldValidation = 'Strict' | 'Ignore';

/** Every admission controller, webhook and rule of the server judges a dry run; nothing is stored, and no quota is used. */
const DRY_RUN = 'All';

/**
 * The server's verdict on a Job, by one request, or two where the Job has fields that it does not know. Rejects with
 * ApiError where it gave no verdict: it may be asked again.
 */
export async function dryRunJob(
  client: ApiClient,
  job: JobManifest,
  query: Readonly<Record<string, string>> = {},
): Promise<DryRunAnswer> {
  const strict = await create(client, job, { ...query, fieldValidation: 'Strict' });
  const unknownFields = strict === undefined ? [] : unknownFieldsIn(strict);
  if (unknownFields.length === 0) return answerOf(strict, []);
  return answerOf(await create(client, job, { ...query, fieldValidation: 'Ignore' }), unknownFields);
}

async function create(
  client: ApiClient,
  job: JobManifest,
  query: Readonly<Record<string, string>> & { readonly fieldValidation: FieldValidation },
): Promise<ApiError | undefined> {
  try {
    await client.request({
      method: 'POST',
      path: collectionPath(JOBS, job.metadata.namespace),
      query: { ...query, dryRun: DRY_RUN },
      body: job,
      ignoresAnswer: true,
    });
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error;
    throw error;
  }
}

/** Names are looked at last: a server that finds this one taken has accepted all else. */
function answerOf(error: ApiError | undefined, unknownFields: readonly string[]): DryRunAnswer {
  if (error === undefined || error.code === 'AlreadyExists') return { type: 'accepted', unknownFields };
  const reason = unansweredBy(error);
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

/** Kubernetes gives these refusals no reason of their own: the words are the only mark, and the same since 1.18. */
const MARKS: readonly (readonly [NoVerdictReason, ApiError['code'], RegExp])[] = [
  // apiserver pkg/admission/plugin/webhook/errors NewDryRunUnsupportedErr
  ['DryRunUnsupported', 'BadRequest', /^admission webhook "[^"]*" does not support dry run/],
  // apiserver pkg/admission/plugin/resourcequota controller.go; the second of a quota that has not been counted yet
  ['QuotaExceeded', 'Forbidden', /is forbidden: (?:exceeded quota|status unknown for quota): /],
  ['QuotaExceeded', 'ServerError', /\bresource quota evaluation timed out$/],
  // plugin/pkg/admission/gc OwnerReferencesPermissionEnforcement
  ['PermissionDenied', 'Forbidden', /is forbidden: cannot set blockOwnerDeletion /],
  // apiserver pkg/endpoints/handlers/responsewriters errors.go ForbiddenStatusError
  ['PermissionDenied', 'Forbidden', /^[\w.]+(?: "[^"]*")? is forbidden: User "/],
];

/** A webhook chooses the code of its denial; what looks like trouble of the server may pass, and anything else does not. */
const isDenial = ({ status = 0, message }: ApiError): boolean =>
  status < 500 && /^admission webhook "[^"]*" denied the request/.test(message);

/** The reason for which a server gives no verdict on what it was asked to create; undefined where it gives one. */
export const unansweredBy = ({ code, message }: ApiError): NoVerdictReason | undefined =>
  MARKS.find(([, wanted, words]) => code === wanted && words.test(message))?.[0];
