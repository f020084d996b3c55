/**
 * Field errors as in Kubernetes: types, paths and wording follow apimachinery's pkg/util/validation/field (errors.go,
 * path.go), so that a refusal reads like one of the API server and fits `status.details.causes`.
 */
import { headOf } from '../truncate.ts';
import { escaped, escapedLine } from '../printable-text.ts';

/** The text of each reason of a cause (metav1.CauseType). */
const TYPE_TEXT = {
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueNotFound: 'Not found',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
} as const;

export type FieldErrorType = keyof typeof TYPE_TEXT;

/** One error of an object. If `badValue` is absent, no value is shown. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** The path: `spec.steps[1].name`. Empty for the object itself. */
  readonly field: string;
  readonly badValue?: unknown;
  readonly detail: string;
}

/** Collects the errors that the rules find; rules only append. */
export interface FieldErrors {
  push(...errors: readonly FieldError[]): void;
}

/**
 * A path in an object. It is only converted to text on demand, so passing it to rules is cheap. A segment can be an
 * unknown property of any length; the text contains its beginning.
 */
export class Path {
  readonly #parent: Path | undefined;
  /** A property name, an index, or a map key in brackets. */
  readonly #segment: string | number;
  readonly #isProperty: boolean;

  private constructor(parent: Path | undefined, segment: string | number, isProperty: boolean) {
    this.#parent = parent;
    this.#segment = segment;
    this.#isProperty = isProperty;
  }

  /** The object itself, whose text is empty. */
  static readonly ROOT: Path = new Path(undefined, '', true);

  static of(name: string): Path {
    return new Path(undefined, name, true);
  }

  /** A property: `spec.steps`. */
  child(name: string): Path {
    return new Path(this, name, true);
  }

  /** An item of a list: `containers[0]`. */
  index(index: number): Path {
    return new Path(this, index, false);
  }

  /** An entry of a map: `labels[app]`. */
  key(key: string): Path {
    return new Path(this, `[${displayKey(key)}]`, false);
  }

  toString(): string {
    const own = typeof this.#segment === 'number' ? `[${this.#segment}]` : this.#segment;
    const parent = this.#parent === Path.ROOT ? undefined : this.#parent;
    return `${parent?.toString() ?? ''}${this.#isProperty && parent ? '.' : ''}${this.#isProperty ? displayKey(own) : own}`;
  }
}

const errorWithoutValue = (type: FieldErrorType, at: Path, detail: string): FieldError => ({
  type,
  field: at.toString(),
  detail,
});

const errorWithValue = (type: FieldErrorType, at: Path, badValue: unknown, detail = ''): FieldError => ({
  type,
  field: at.toString(),
  badValue,
  detail,
});

export const required = (at: Path, detail = ''): FieldError => errorWithoutValue('FieldValueRequired', at, detail);
export const forbidden = (at: Path, detail: string): FieldError => errorWithoutValue('FieldValueForbidden', at, detail);
export const duplicate = (at: Path, value: unknown): FieldError => errorWithValue('FieldValueDuplicate', at, value);
export const notFound = (at: Path, value: unknown): FieldError => errorWithValue('FieldValueNotFound', at, value);
export const invalid = (at: Path, value: unknown, detail: string): FieldError =>
  errorWithValue('FieldValueInvalid', at, value, detail);

/** An error without a value, as for a whole structure (`field.OmitValueType`). */
export const invalidWithoutValue = (at: Path, detail: string): FieldError =>
  errorWithoutValue('FieldValueInvalid', at, detail);

export const tooLong = (at: Path, maxBytes: number): FieldError =>
  errorWithoutValue('FieldValueTooLong', at, `may not be more than ${maxBytes} bytes`);

export const tooMany = (at: Path, actual: number, max: number): FieldError =>
  errorWithValue('FieldValueTooMany', at, actual, `must have at most ${max} items`);

/** Lists the supported values sorted, without the empty one, which stands for an absent value. */
export function notSupported(at: Path, value: unknown, supported: readonly string[]): FieldError {
  const values = supported.filter((v) => v !== '').sort();
  return errorWithValue(
    'FieldValueNotSupported',
    at,
    value,
    `supported values: ${values.map((v) => `"${v}"`).join(', ')}`,
  );
}

/** The wording of the API server for a value of the wrong type (kube-openapi pkg/validation/errors/schema.go). */
export function typeInvalid(at: Path, value: unknown, wanted: readonly string[]): FieldError {
  const type = jsonType(value);
  const body = at === Path.ROOT ? 'body' : `${at.toString()} in body`;
  const detail = `${body} must be of type ${wanted.join(',')}: "${type}"`;
  return errorWithValue('FieldValueTypeInvalid', at, type, detail);
}

/** The JSON type of a value, named as in OpenAPI. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'array';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? 'integer' : 'number';
  }
  return typeof value;
}

/** In bytes of UTF-8. */
const MAX_DISPLAYED = 256;

/** Truncates a value for messages, which people read and which statuses and logs store. */
export const shorten = (text: string): string => {
  const head = headOf(text, MAX_DISPLAYED);
  return head.length < text.length ? `${head}...` : text;
};

/** A map key or an unknown property in a path, made printable: its text comes from the client. */
export const displayKey = (key: string): string => escapedLine(shorten(key));

/** A text in quotes, like Go's `%q`. */
export const quoted = (text: string): string => escaped(JSON.stringify(shorten(text)));

function displayValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'undefined':
    case 'object':
    case 'function':
    case 'symbol':
      return value === null || value === undefined ? 'null' : `"${jsonType(value)}"`;
    default:
      return 'null';
  }
}

/** The text after the path: `Duplicate value: "load"`. It is the message of a cause. */
export function formatErrorBody({ type, badValue, detail }: FieldError): string {
  const value = badValue === undefined ? '' : `: ${displayValue(badValue)}`;
  return `${TYPE_TEXT[type]}${value}${detail === '' ? '' : `: ${escapedLine(detail)}`}`;
}

/** The whole text: `spec.steps[1].name: Duplicate value: "load"`. Its length is bounded for any value. */
export const formatFieldError = (error: FieldError): string =>
  error.field === '' ? formatErrorBody(error) : `${error.field}: ${formatErrorBody(error)}`;

/**
 * Several errors on one line, as apimachinery aggregates them: a single one as it is, several as `[a, b]`, without
 * duplicates.
 */
export function formatFieldErrors(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(formatFieldError))];
  return texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
}
