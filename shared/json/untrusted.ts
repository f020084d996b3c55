/**
 * Reading what a client sent. The rules run on objects that the schema may have refused, because all faults are to be
 * reported at once; so they never assume a type. These readers take anything, throw never, and treat `null`, the empty
 * string and a value of the wrong type as absent: the first two as the API does, the last as the schema reports it.
 */

/** An object that should be a `T`: its properties are known by name, their values by nothing. */
export type Untrusted<T> = Readonly<Partial<Record<keyof T, unknown>>>;

const NOTHING: readonly [] = Object.freeze([] as const);
const EMPTY: object = Object.freeze(Object.create(null));

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value as an object, if it is one. */
export const asObject = <T>(value: unknown): Untrusted<T> | undefined =>
  isObject(value) ? (value as Untrusted<T>) : undefined;

/** The value as a list; empty if it isn't one. */
export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : NOTHING);

/** The value as a list of objects, in their places: what isn't an object reads as an empty one. */
export function asObjects<T>(value: unknown): readonly Untrusted<T>[] {
  const values = asArray(value);
  const sound = values.every(isObject) ? values : values.map((item) => (isObject(item) ? item : EMPTY));
  return sound as readonly Untrusted<T>[];
}

/** The value as a string, if it is one and not empty. */
export const nonEmptyString = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The value as an integer, if it is one. */
export const asInteger = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) ? value : undefined;

/** The entries of a map; none if the value isn't one. */
export const asEntries = (value: unknown): readonly (readonly [string, unknown])[] =>
  isObject(value) ? Object.entries(value) : NOTHING;

/** Whether the API would see something there. */
export const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
