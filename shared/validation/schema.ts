/** What the resource's schema refuses, as ajv finds it and as Kubernetes says it. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import generated from '../api/schema.generated.json' with { type: 'json' };
import type { Schema } from '../api/schema.ts';
import type { ErrorLimitReached } from './ajv.ts';
import { MAX_ERRORS } from './error-limit.ts';
import {
  invalid,
  notSupported,
  Path,
  required,
  tooLong,
  tooMany,
  typeInvalid,
  type FieldError,
} from './field-error.ts';
import { createValidator } from './validator.ts';

/** The schema of the whole resource. */
export const RESOURCE_SCHEMA: Schema = generated as Schema;

const INT_OR_STRING = 'x-kubernetes-int-or-string' satisfies keyof Schema;

let created: ValidateFunction | undefined;

/** Created on the first call, which a program that only prints its help need not pay for. */
function validator(): ValidateFunction {
  created ??= createValidator();
  return created;
}

/**
 * Gives what the schema refuses, in the schema's order: the first hundred and some of it. Never throws, whatever the value. What
 * is null says nothing in most places, so an object that is full of it is looked at without.
 */
export function schemaErrors(object: unknown): readonly FieldError[] {
  const { errors, areAll } = errorsOf(object);
  const faults = errors.flatMap((error) => toFieldError(error) ?? []);
  if (areAll || faults.length > MAX_ERRORS) return faults;
  return errorsOf(withoutNulls(object)).errors.flatMap((error) => toFieldError(error) ?? []);
}

interface Errors {
  readonly errors: readonly ErrorObject[];
  readonly areAll: boolean;
}

function errorsOf(object: unknown): Errors {
  const validate = validator();
  try {
    return { errors: validate(object) ? [] : (validate.errors ?? []), areAll: true };
  } catch (error) {
    if (!isErrorLimitReached(error)) throw error;
    return { errors: error.enough, areAll: false };
  }
}

const isErrorLimitReached = (error: unknown): error is ErrorLimitReached =>
  Array.isArray((error as Partial<ErrorLimitReached>).enough);

/** Without the properties that are null: where one is needed, that is said as of one that is not there. Not deep: the schema ends. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const there = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(there.map(([key, child]) => [key, withoutNulls(child)]));
}

/**
 * Says of a `null` what an API server does: it takes a property that is null and may not be for absent, and drops it
 * before it looks (apiextensions-apiserver pkg/apiserver/schema/defaulting/prune.go). In a list it stays, and is wrong.
 */
function absence({ keyword }: ErrorObject, at: Path, { isItem, isRequired }: Place): FieldError[] | undefined {
  if (isItem) {
    return undefined;
  }
  return keyword === 'type' && isRequired ? [required(at)] : [];
}

type Translate = (error: ErrorObject, at: Path) => FieldError | undefined;

/** Every keyword that the generated schema uses; a further one needs a line here, and a test says so. */
const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  type: ({ data, params }, at) => typeInvalid(at, data, [params['type']].flat().map(String)),
  required: ({ params }, at) => required(at.child(String(params['missingProperty']))),
  enum: ({ data, params }, at) => notSupported(at, data, list(params['allowedValues']).map(String)),
  minimum: ({ data, params }, at) => invalid(at, data, `must be greater than or equal to ${params['limit']}`),
  maximum: ({ data, params }, at) => invalid(at, data, `must be less than or equal to ${params['limit']}`),
  minItems: (_error, at) => required(at),
  maxItems: ({ data, params }, at) => tooMany(at, list(data).length, Number(params['limit'])),
  maxLength: ({ params }, at) => tooLong(at, Number(params['limit'])),
  pattern: ({ data, params }, at) => invalid(at, data, `must match the regular expression '${params['pattern']}'`),
  format: ({ data }, at) => invalid(at, data, 'must be a time such as 2006-01-02T15:04:05Z (RFC 3339)'),
  // The keyword only passes on what its macro found, which is reported as a wrong type.
  [INT_OR_STRING]: () => undefined,
};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function toFieldError(error: ErrorObject): FieldError | readonly FieldError[] | undefined {
  const place = placeOf(error.instancePath);
  const { at } = place;
  const absent = error.data === null && at !== Path.ROOT ? absence(error, at, place) : undefined;
  if (absent !== undefined) {
    return absent;
  }
  const translate = TRANSLATIONS[error.keyword];
  return translate === undefined ? invalid(at, error.data, error.message ?? 'is invalid') : translate(error, at);
}

interface Place {
  readonly at: Path;
  readonly isItem: boolean;
  readonly isRequired: boolean;
}

/** Writes a JSON pointer as Kubernetes writes paths; the schema tells a list's index and a map's key from a property. */
function placeOf(pointer: string): Place {
  let at = Path.ROOT;
  let [isItem, isRequired] = [false, false];
  let schema: Schema | undefined = RESOURCE_SCHEMA;
  for (const escaped of pointer.split('/').slice(1)) {
    const segment = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    isItem = schema?.items !== undefined;
    isRequired = schema?.required?.includes(segment) === true;
    if (schema?.items !== undefined) {
      at = at.index(Number(segment));
      schema = schema.items;
    } else if (schema?.additionalProperties !== undefined) {
      at = at.key(segment);
      schema = schema.additionalProperties;
    } else {
      at = at.child(segment);
      schema = schema?.properties?.[segment];
    }
  }
  return { at, isItem, isRequired };
}
