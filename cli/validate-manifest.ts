/** Validates one manifest as the API server and the webhook do, with the position of each finding in the text. */
import { API_VERSION, CRON, KIND, V1ALPHA1_API_VERSION } from '../shared/api/group.ts';
import { API_VERSIONS, isApiVersion } from '../shared/conversion/index.ts';
import {
  formatFieldError,
  notSupported,
  Path,
  required,
  typeInvalid,
  type FieldError,
} from '../shared/validation/field-error.ts';
import { readUserObject } from '../shared/validation/index.ts';
import { asObject, isPresent, nonEmptyString } from '../shared/json/untrusted.ts';
import { textInTemplate } from '../shared/validation/schedule.ts';
import { defaulted } from '../webhook/default.ts';
import { isSchedule } from '../webhook/resource-rules.ts';
import { objectErrors, objectWarnings } from '../webhook/validate.ts';
import type { Manifest, Manifests, ObjectPlace, Position } from './read-manifests.ts';
import { pruneAndDefault } from './prune-and-default.ts';
import { runOfSchedule } from './run-of-schedule.ts';

export interface Finding extends Position {
  readonly severity: 'error' | 'warning';
  readonly place: ObjectPlace;
  /** The field path; empty for a finding about the text itself. */
  readonly path: string;
  /** In the API server's words, with the field path. */
  readonly message: string;
}

export interface ValidatedManifest {
  /** The SequentialJob that the API server would store: in v1beta1, pruned, with its defaults. Of a schedule, a run. */
  readonly object: unknown;
  readonly findings: readonly Finding[];
  /** A text that names fields in v1beta1, with the paths that the user wrote. */
  readonly textOf: (text: string) => string;
}

export const isError = ({ severity }: Finding): boolean => severity === 'error';

/** The findings about the text itself. */
export const textFindings = ({ problems }: Manifests): readonly Finding[] =>
  problems.map((problem) => ({ ...problem, severity: 'error', path: '' }));

/**
 * Finds what the webhook denies or warns about when the object is created, and what the API server finds before it calls
 * the webhook: unknown fields and duplicate keys. Never throws.
 */
export function validateManifest(manifest: Manifest): ValidatedManifest {
  const { object: pruned, unknownFields } = pruneAndDefault(withKnownType(manifest.object));
  const user = readUserObject(defaulted(pruned));
  const { place } = manifest;
  const finding = (severity: Finding['severity'], path: string, message: string): Finding => ({
    ...manifest.positionOf(path),
    severity,
    place,
    path,
    message,
  });
  const findings: readonly Finding[] = [
    ...[...typeErrors(manifest.object), ...objectErrors(user)].map((fault) => {
      return finding('error', fault.field, formatFieldError(fault));
    }),
    ...manifest.duplicates.map(({ path, line, column }): Finding => {
      return { line, column, severity: 'error', place, path, message: `duplicate field "${path}"` };
    }),
    ...unknownFields.map(String).map((path) => finding('warning', path, `unknown field "${path}"`)),
    ...objectWarnings(user).map((warning) => finding('warning', warning.split(': ', 1)[0] ?? '', warning)),
  ];
  const isCron = isSchedule(user.object);
  return {
    object: isCron ? runOfSchedule(user.object) : user.object,
    findings: findings.toSorted((a, b) => a.line - b.line || a.column - b.column),
    textOf: isCron ? textInTemplate : user.textOf,
  };
}

interface Typed {
  readonly apiVersion: unknown;
  readonly kind: unknown;
  readonly spec: unknown;
}

/** Of an object with an unknown version, all else is validated, too: in the version that has its steps in that field. */
function withKnownType(object: unknown): unknown {
  const typed = asObject<Typed>(object);
  if (typed === undefined) return object;
  if (typed.kind === CRON.kind) return { ...typed, apiVersion: API_VERSION };
  const hasContainers = asObject<{ containers: unknown }>(typed.spec)?.containers !== undefined;
  const likely = hasContainers ? V1ALPHA1_API_VERSION : API_VERSION;
  return { ...typed, apiVersion: isApiVersion(typed.apiVersion) ? typed.apiVersion : likely, kind: KIND };
}

/** An API server rejects an unknown version or kind without calling the webhook. */
function typeErrors(object: unknown): readonly FieldError[] {
  const { apiVersion, kind } = asObject<Typed>(object) ?? {};
  const versions = kind === CRON.kind ? [API_VERSION] : API_VERSIONS;
  return [...mustBe('apiVersion', apiVersion, versions), ...mustBe('kind', kind, [KIND, CRON.kind])];
}

function mustBe(name: string, value: unknown, wanted: readonly string[]): readonly FieldError[] {
  const at = Path.of(name);
  if (wanted.some((one) => one === value)) return [];
  if (isPresent(value) && typeof value !== 'string') return [typeInvalid(at, value, ['string'])];
  return [nonEmptyString(value) === undefined ? required(at) : notSupported(at, value, wanted)];
}
