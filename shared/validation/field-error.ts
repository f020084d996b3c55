/**
 * Field errors in Kubernetes' manner: types, paths and wording follow apimachinery's pkg/util/validation/field
 * (errors.go, path.go), so that a refusal reads like the API server's own and fits `status.details.causes`.
 */
import { headOf } from '../truncate.ts';
import { escaped, escapedLine } from '../printable-text.ts';

/** The reasons of a cause (metav1.CauseType), by how they read. */
const TYPE_WORDS = {
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

export type FieldErrorType = keyof typeof TYPE_WORDS;

/** One fault of an object. Where `badValue` is absent, no value is shown. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** Where: `spec.containers[1].name`. Empty for the object itself. */
  readonly field: string;
  readonly badValue?: unknown;
  readonly detail: string;
}

/** Where the rules put what they find. A rule only ever appends. */
export interface FieldErrors {
  push(...faults: readonly FieldError[]): void;
}

/**
 * A place in an object. It costs one small object until someone asks for its text, so rules can pass it freely. A segment
 * may be a property that nobody knows, and as long as a body: the text has its beginning.
 */
export class Path {
  readonly #parent: Path | undefined;
  /** A property's name, an index, or a map's key in brackets. */
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

  /** A property: `spec.containers`. */
  child(name: string): Path {
    return new Path(this, name, true);
  }

  /** An element of a list: `containers[0]`. */
  index(index: number): Path {
    return new Path(this, index, false);
  }

  /** An entry of a map: `labels[app]`. */
  key(key: string): Path {
    return new Path(this, `[${shownKey(key)}]`, false);
  }

  toString(): string {
    const own = typeof this.#segment === 'number' ? `[${this.#segment}]` : this.#segment;
    const parent = this.#parent === Path.ROOT ? undefined : this.#parent;
    return `${parent?.toString() ?? ''}${this.#isProperty && parent ? '.' : ''}${this.#isProperty ? shownKey(own) : own}`;
  }
}

const fault = (type: FieldErrorType, at: Path, detail: string): FieldError => ({ type, field: at.toString(), detail });

const valued = (type: FieldErrorType, at: Path, badValue: unknown, detail = ''): FieldError => ({
  type,
  field: at.toString(),
  badValue,
  detail,
});

export const required = (at: Path, detail = ''): FieldError => fault('FieldValueRequired', at, detail);
export const forbidden = (at: Path, detail: string): FieldError => fault('FieldValueForbidden', at, detail);
export const duplicate = (at: Path, value: unknown): FieldError => valued('FieldValueDuplicate', at, value);
export const notFound = (at: Path, value: unknown): FieldError => valued('FieldValueNotFound', at, value);
export const invalid = (at: Path, value: unknown, detail: string): FieldError =>
  valued('FieldValueInvalid', at, value, detail);

/** An error that shows no value, as for a whole structure (`field.OmitValueType`). */
export const invalidWhole = (at: Path, detail: string): FieldError => fault('FieldValueInvalid', at, detail);

export const tooLong = (at: Path, maxBytes: number): FieldError =>
  fault('FieldValueTooLong', at, `may not be more than ${maxBytes} bytes`);

export const tooMany = (at: Path, actual: number, max: number): FieldError =>
  valued('FieldValueTooMany', at, actual, `must have at most ${max} items`);

/** Lists the supported values sorted, without the empty one that stands for absence. */
export function notSupported(at: Path, value: unknown, supported: readonly string[]): FieldError {
  const values = supported.filter((v) => v !== '').sort();
  return valued('FieldValueNotSupported', at, value, `supported values: ${values.map((v) => `"${v}"`).join(', ')}`);
}

/** The wording of the API server for a value of the wrong type (kube-openapi pkg/validation/errors/schema.go). */
export function typeInvalid(at: Path, value: unknown, wanted: readonly string[]): FieldError {
  const type = jsonType(value);
  const body = at === Path.ROOT ? 'body' : `${at.toString()} in body`;
  const detail = `${body} must be of type ${wanted.join(',')}: "${type}"`;
  return valued('FieldValueTypeInvalid', at, type, detail);
}

/** Names the JSON type of a value as OpenAPI does. */
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
const MAX_SHOWN = 256;

/** A message is read by people and kept in a status and in logs, so a value of a megabyte is not repeated in it. */
export const shorten = (text: string): string => {
  const head = headOf(text, MAX_SHOWN);
  return head.length < text.length ? `${head}...` : text;
};

/** A key of a map, or a property that nobody knows, as it stands in a path: whoever writes the object writes it. */
export const shownKey = (key: string): string => escapedLine(shorten(key));

/** A text in quotes, as Go's `%q` shows it. */
export const quoted = (text: string): string => escaped(JSON.stringify(shorten(text)));

function show(value: unknown): string {
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

/** The text after the path: `Duplicate value: "load"`. This is the message of a cause. */
export function formatErrorBody({ type, badValue, detail }: FieldError): string {
  const value = badValue === undefined ? '' : `: ${show(badValue)}`;
  return `${TYPE_WORDS[type]}${value}${detail === '' ? '' : `: ${escapedLine(detail)}`}`;
}

/** The whole text: `spec.containers[1].name: Duplicate value: "load"`. Its length is bounded whatever the value. */
export const formatFieldError = (error: FieldError): string =>
  error.field === '' ? formatErrorBody(error) : `${error.field}: ${formatErrorBody(error)}`;

/** Several errors in one line, as apimachinery aggregates them: one as it is, more as `[a, b]`, equal ones once. */
export function formatFieldErrors(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(formatFieldError))];
  return texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
}
