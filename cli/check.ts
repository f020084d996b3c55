/** The verdict on one manifest: the webhook's, with places in the text. */
import { API_VERSION, KIND } from '../shared/api/group.ts';
import { formatFieldError, notSupported, Path, required, type FieldError } from '../shared/validation/field-error.ts';
import { warningsFor } from '../shared/validation/index.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';
import { withDefaultsAndFinalizer } from '../webhook/default.ts';
import { objectErrors } from '../webhook/validate.ts';
import type { Manifest, Manifests, Place, Position } from './read-manifests.ts';
import { structured } from './structure.ts';

export interface Finding extends Position {
  readonly severity: 'error' | 'warning';
  readonly place: Place;
  /** The field; empty where it is about the text. */
  readonly path: string;
  /** The whole sentence, as the API server says it. */
  readonly message: string;
}

export interface Checked {
  /** The object that would be stored: pruned, with its defaults. */
  readonly object: unknown;
  readonly findings: readonly Finding[];
}

export const isError = ({ severity }: Finding): boolean => severity === 'error';

/** What is wrong with the text itself. */
export const textFindings = ({ problems }: Manifests): readonly Finding[] =>
  problems.map((problem) => ({ ...problem, severity: 'error', path: '' }));

/**
 * Says of an object what the webhook says when it is created, and what the API server says before that: unknown fields,
 * keys that come twice. Never throws.
 */
export function check(manifest: Manifest): Checked {
  const { object: pruned, unknown } = structured(manifest.object);
  const object = withDefaultsAndFinalizer(pruned);
  const { place } = manifest;
  const finding = (severity: Finding['severity'], path: string, message: string): Finding => ({
    ...manifest.locate(path),
    severity,
    place,
    path,
    message,
  });
  const findings: readonly Finding[] = [
    ...[...typeFaults(object), ...objectErrors(object)].map((fault) => {
      return finding('error', fault.field, formatFieldError(fault));
    }),
    ...manifest.duplicates.map(({ path, line, column }): Finding => {
      return { line, column, severity: 'error', place, path, message: `duplicate field "${path}"` };
    }),
    ...unknown.map(String).map((path) => finding('warning', path, `unknown field "${path}"`)),
    ...warningsFor(object).map((warning) => finding('warning', warning.split(': ', 1)[0] ?? '', warning)),
  ];
  return { object, findings: findings.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

interface Typed {
  readonly apiVersion: unknown;
  readonly kind: unknown;
}

/** An API server that doesn't know a version or a kind takes no object of it; the webhook is never asked. */
function typeFaults(object: unknown): readonly FieldError[] {
  const { apiVersion, kind } = asObject<Typed>(object) ?? {};
  return [...oneOf('apiVersion', apiVersion, API_VERSION), ...oneOf('kind', kind, KIND)];
}

function oneOf(name: string, value: unknown, wanted: string): readonly FieldError[] {
  const at = Path.of(name);
  if (value === wanted) return [];
  // Of a wrong type: the schema says so.
  if (value !== undefined && value !== null && typeof value !== 'string') return [];
  return [nonEmptyString(value) === undefined ? required(at) : notSupported(at, value, [wanted])];
}
