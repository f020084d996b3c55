/**
 * Readers for values that a client sent. The validation rules also run on objects that the schema refused, because
 * all errors are reported at once; so the rules cannot rely on types. These readers accept any value and never throw.
 * They treat `null`, the empty string and a value of the wrong type as absent: for the first two that is what the API
 * does, and the schema reports the last.
 */

/** An object that should be a `T`: the keys are those of `T`, the values can be anything. */
export type Untrusted<T> = Readonly<Partial<Record<keyof T, unknown>>>;

const EMPTY_ARRAY: readonly [] = Object.freeze([] as const);
const EMPTY_OBJECT: object = Object.freeze(Object.create(null));

/** Whether the value is a JSON object: neither null nor an array. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value if it is an object; else undefined. */
export const asObject = <T>(value: unknown): Untrusted<T> | undefined =>
  isObject(value) ? (value as Untrusted<T>) : undefined;

/** The value if it is an array; else an empty one. */
export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : EMPTY_ARRAY);

/** The value as an array of objects; an item that is not an object is replaced by an empty object in its place. */
export function asObjects<T>(value: unknown): readonly Untrusted<T>[] {
  const values = asArray(value);
  const objects = values.every(isObject) ? values : values.map((item) => (isObject(item) ? item : EMPTY_OBJECT));
  return objects as readonly Untrusted<T>[];
}

/** The value if it is a non-empty string; else undefined. */
export const nonEmptyString = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The value if it is an integer; else undefined. */
export const asInteger = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) ? value : undefined;

/** The entries of an object; none for other values. */
export const asEntries = (value: unknown): readonly (readonly [string, unknown])[] =>
  isObject(value) ? Object.entries(value) : EMPTY_ARRAY;

/** Whether the API treats the value as set. */
export const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
