/** Admission decisions in the form of an AdmissionResponse (k8s.io/api/admission/v1). Pure. */
import type { Operation as PatchOperation } from 'fast-json-patch';
import { CRON, GROUP, KIND } from '../shared/api/group.ts';
import { printable } from '../shared/printable-text.ts';
import { formatErrorBody, formatFieldErrors, type FieldError } from '../shared/validation/index.ts';
import { quoted, displayKey } from '../shared/validation/field-error.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';

/** The part of metav1.Status that the API server passes on to the client. */
export interface Status {
  readonly status: 'Failure';
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: {
    readonly name: string;
    readonly group: string;
    readonly kind: string;
    readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
  };
}

/** An AdmissionResponse without its UID. */
export interface AdmissionDecision {
  readonly allowed: boolean;
  readonly status?: Status;
  readonly patchType?: 'JSONPatch';
  /** RFC 6902, base64. */
  readonly patch?: string;
  readonly warnings?: readonly string[];
}

/** Allows the request unchanged. */
export function allowed(warnings: readonly string[] = []): AdmissionDecision {
  return { allowed: true, ...limitWarnings(warnings) };
}

/** Allows the request with a patch; an empty patch leaves it unchanged. */
export function patched(patch: readonly PatchOperation[]): AdmissionDecision {
  if (patch.length === 0) return allowed();
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

/**
 * Denies an invalid object in the API server's own words (apimachinery pkg/api/errors `NewInvalid`); kubectl prints
 * one cause per line. `errors` must not be empty, and is limited (shared/validation/error-limit.ts).
 */
export function denied(
  object: unknown,
  errors: readonly FieldError[],
  warnings: readonly string[] = [],
): AdmissionDecision {
  const name = displayKey(nameOf(object));
  const kind = asObject<{ kind: unknown }>(object)?.kind === CRON.kind ? CRON.kind : KIND;
  const causes = errors.map((error) => ({ reason: error.type, message: formatErrorBody(error), field: error.field }));
  return {
    allowed: false,
    status: {
      status: 'Failure',
      code: 422,
      reason: 'Invalid',
      message: `${kind}.${GROUP} ${quoted(nameOf(object))} is invalid: ${formatFieldErrors(errors)}`,
      details: { name, group: GROUP, kind, causes },
    },
    ...limitWarnings(warnings),
  };
}

const REASONS = { 400: 'BadRequest', 500: 'InternalError' } as const;

/** Refuses a request that was not evaluated: 400 if it is malformed, 500 if the evaluation failed. */
export function errored(code: keyof typeof REASONS, message: string): AdmissionDecision {
  return { allowed: false, status: { status: 'Failure', code, reason: REASONS[code], message: printable(message) } };
}

/** The name, or else `generateName`; empty if both are absent. */
export function nameOf(object: unknown): string {
  const metadata = asObject<{ name: string; generateName: string }>(asObject<{ metadata: object }>(object)?.metadata);
  return nonEmptyString(metadata?.name) ?? nonEmptyString(metadata?.generateName) ?? '';
}

/** The API server passes on 4096 characters of warnings of all webhooks, and drops the rest. */
const MAX_WARNINGS_LENGTH = 3800;

function limitWarnings(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  if (warnings.length === 0) return {};
  let length = 0;
  const end = warnings.findIndex((warning) => (length += warning.length) > MAX_WARNINGS_LENGTH);
  return { warnings: end < 0 ? warnings : [...warnings.slice(0, end), `and ${warnings.length - end} more warnings`] };
}
