/** Validates against the schemas of the resources, and translates ajv's errors to Kubernetes' field errors. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import schedulePart from '../api/schedule.schema.generated.json' with { type: 'json' };
import { scheduleSchema } from '../api/schedule-schema.ts';
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
import { createScheduleValidator } from './schedule-validator.ts';
import { createValidator } from './validator.ts';

/** The schema of the whole resource. */
export const RESOURCE_SCHEMA: Schema = generated as Schema;

/** The schema of CronSequentialJob, its template included. */
export const SCHEDULE_SCHEMA: Schema = scheduleSchema(
  schedulePart as Schema,
  RESOURCE_SCHEMA.properties?.['spec'] ?? {},
);

const INT_OR_STRING = 'x-kubernetes-int-or-string' satisfies keyof Schema;

/** A schema, and its validator, created on the first use, so that a program that only prints its help does not compile it. */
interface Checked {
  readonly schema: Schema;
  readonly validator: () => ValidateFunction;
}

function checked(schema: Schema, create: () => ValidateFunction): Checked {
  let created: ValidateFunction | undefined;
  return { schema, validator: () => (created ??= create()) };
}

const RESOURCE = checked(RESOURCE_SCHEMA, createValidator);
const SCHEDULE = checked(SCHEDULE_SCHEMA, createScheduleValidator);

/**
 * The errors of the schema, in the schema's order; only about the first hundred if there are more. Never throws. The
 * API ignores most properties that are null, so an object with very many of them is validated again without them.
 */
export const schemaErrors = (object: unknown): readonly FieldError[] => fieldErrorsOf(object, RESOURCE);

/** The same for a CronSequentialJob; in the spec of its template nothing is validated. */
export const scheduleSchemaErrors = (object: unknown): readonly FieldError[] => fieldErrorsOf(object, SCHEDULE);

function fieldErrorsOf(object: unknown, { schema, validator }: Checked): readonly FieldError[] {
  const translated = (errors: readonly ErrorObject[]): readonly FieldError[] =>
    errors.flatMap((error) => toFieldError(error, schema) ?? []);
  const { errors, isComplete } = errorsOf(object, validator());
  const fieldErrors = translated(errors);
  if (isComplete || fieldErrors.length > MAX_ERRORS) return fieldErrors;
  return translated(errorsOf(withoutNulls(object), validator()).errors);
}

interface SchemaErrors {
  readonly errors: readonly ErrorObject[];
  readonly isComplete: boolean;
}

function errorsOf(object: unknown, validate: ValidateFunction): SchemaErrors {
  try {
    return { errors: validate(object) ? [] : (validate.errors ?? []), isComplete: true };
  } catch (error) {
    if (!isErrorLimitReached(error)) throw error;
    return { errors: error.collected, isComplete: false };
  }
}

const isErrorLimitReached = (error: unknown): error is ErrorLimitReached =>
  Array.isArray((error as Partial<ErrorLimitReached>).collected);

/**
 * Removes properties that are null; required ones are then reported as missing. The recursion is bounded by the depth
 * of the schema.
 */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(present.map(([key, child]) => [key, withoutNulls(child)]));
}

/**
 * The error for a `null`, as on an API server: it drops a null property that is not nullable before validation
 * (apiextensions-apiserver pkg/apiserver/schema/defaulting/prune.go). In a list, null stays and is invalid.
 */
function nullError({ keyword }: ErrorObject, at: Path, { isItem, isRequired }: Place): FieldError[] | undefined {
  if (isItem) {
    return undefined;
  }
  return keyword === 'type' && isRequired ? [required(at)] : [];
}

type Translate = (error: ErrorObject, at: Path) => FieldError | undefined;

/** All keywords of the generated schema; a test fails if one is missing. */
const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  type: ({ data, params }, at) => typeInvalid(at, data, [params['type']].flat().map(String)),
  required: ({ params }, at) => required(at.child(String(params['missingProperty']))),
  enum: ({ data, params }, at) => notSupported(at, data, list(params['allowedValues']).map(String)),
  minimum: ({ data, params }, at) => invalid(at, data, `must be greater than or equal to ${params['limit']}`),
  maximum: ({ data, params }, at) => invalid(at, data, `must be less than or equal to ${params['limit']}`),
  minItems: (_error, at) => required(at),
  // The only minimum is 1.
  minLength: (_error, at) => required(at),
  maxItems: ({ data, params }, at) => tooMany(at, list(data).length, Number(params['limit'])),
  maxLength: ({ params }, at) => tooLong(at, Number(params['limit'])),
  pattern: ({ data, params }, at) => invalid(at, data, `must match the regular expression '${params['pattern']}'`),
  format: ({ data }, at) => invalid(at, data, 'must be a time such as 2006-01-02T15:04:05Z (RFC 3339)'),
  // The keyword repeats the errors of its macro, which are reported as a wrong type.
  [INT_OR_STRING]: () => undefined,
};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function toFieldError(error: ErrorObject, root: Schema): FieldError | readonly FieldError[] | undefined {
  const place = locate(error.instancePath, root);
  const { at } = place;
  const absent = error.data === null && at !== Path.ROOT ? nullError(error, at, place) : undefined;
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

/**
 * Converts a JSON pointer to a path as in Kubernetes; the schema distinguishes an index and a map key from a
 * property.
 */
function locate(pointer: string, root: Schema): Place {
  let at = Path.ROOT;
  let [isItem, isRequired] = [false, false];
  let schema: Schema | undefined = root;
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
