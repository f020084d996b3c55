/** The verdicts, as an AdmissionResponse has them (k8s.io/api/admission/v1). Pure. */
import type { Operation as PatchOperation } from 'fast-json-patch';
import { GROUP, KIND } from '../shared/api/group.ts';
import { printable } from '../shared/printable-text.ts';
import { formatErrorBody, formatFieldErrors, type FieldError } from '../shared/validation/index.ts';
import { quoted, shownKey } from '../shared/validation/field-error.ts';
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

/** Lets the request pass as it is. */
export function allowed(warnings: readonly string[] = []): AdmissionDecision {
  return { allowed: true, ...shownWarnings(warnings) };
}

/** Lets the request pass with changes; none: as it is. */
export function patched(patch: readonly PatchOperation[]): AdmissionDecision {
  if (patch.length === 0) return allowed();
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

/**
 * Refuses an object for its faults, exactly as the API server words its own refusals (apimachinery pkg/api/errors
 * `NewInvalid`): kubectl prints the causes one to a line. `faults` must not be empty, and not have more than can be told
 * (shared/validation/error-limit.ts).
 */
export function denied(
  object: unknown,
  faults: readonly FieldError[],
  warnings: readonly string[] = [],
): AdmissionDecision {
  const name = shownKey(nameOf(object));
  const causes = faults.map((fault) => ({ reason: fault.type, message: formatErrorBody(fault), field: fault.field }));
  return {
    allowed: false,
    status: {
      status: 'Failure',
      code: 422,
      reason: 'Invalid',
      message: `${KIND}.${GROUP} ${quoted(nameOf(object))} is invalid: ${formatFieldErrors(faults)}`,
      details: { name, group: GROUP, kind: KIND, causes },
    },
    ...shownWarnings(warnings),
  };
}

const REASONS = { 400: 'BadRequest', 500: 'InternalError' } as const;

/** Refuses a request that cannot be judged: 400 where it makes no sense, 500 where judging it failed. */
export function errored(code: keyof typeof REASONS, message: string): AdmissionDecision {
  return { allowed: false, status: { status: 'Failure', code, reason: REASONS[code], message: printable(message) } };
}

/** The name, or what it is to be made from; empty where there is neither. */
export function nameOf(object: unknown): string {
  const metadata = asObject<{ name: string; generateName: string }>(asObject<{ metadata: object }>(object)?.metadata);
  return nonEmptyString(metadata?.name) ?? nonEmptyString(metadata?.generateName) ?? '';
}

/** The API server passes on 4096 characters of warnings, from all webhooks, and drops what is beyond. */
const MAX_WARNINGS_LENGTH = 3800;

function shownWarnings(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  if (warnings.length === 0) return {};
  let length = 0;
  const end = warnings.findIndex((warning) => (length += warning.length) > MAX_WARNINGS_LENGTH);
  return { warnings: end < 0 ? warnings : [...warnings.slice(0, end), `and ${warnings.length - end} more warnings`] };
}
