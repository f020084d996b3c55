/** The values of CEL: what an expression takes, and refuses with the words of a server. */
import { isDeepStrictEqual } from 'node:util';

/** What names stand for: plain JSON, and objects whose methods an expression may call. */
export type Bindings = Readonly<Record<string, unknown>>;

export function fieldOf(object: Bindings, name: string): unknown {
  if (!Object.hasOwn(object, name)) throw new TypeError(`no such key: ${name}`);
  return object[name];
}

export function objectOf(value: unknown): Bindings {
  if (typeof value !== 'object' || value === null)
    throw new TypeError('no such overload: a member of what is no object');
  return value as Bindings;
}

export function bool(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError('no such overload: logic of what is no bool');
  return value;
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no such overload: + of what is no string');
  return value;
}

export function number(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('no such overload: a comparison of what is no number');
  return value;
}

export function itemsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('no such overload: items of what is no list');
  return value;
}

export function itemAt(items: readonly unknown[], index: number): unknown {
  if (index >= items.length) throw new TypeError(`index out of bounds: ${index}`);
  return items[index];
}

export const typeOf = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value);

export function equal(a: unknown, b: unknown): boolean {
  const isNull = a === null || b === null;
  if (!isNull && typeOf(a) !== typeOf(b)) throw new TypeError('no such overload: == of values of two types');
  return isDeepStrictEqual(a, b);
}
