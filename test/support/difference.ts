/**
 * Values of JSON as what differs from a base: a merge patch that also reaches into lists, short enough to be read.
 *
 * - A map changes the fields that it names; `<none>` takes one away. Everything else replaces what is there.
 * - `status.progress.summary: 2/3` is short for the maps around it. Keys with other characters are never paths.
 * - In a list whose items have a name each (the type of a condition, the name of a step, that of a Job's metadata), a map
 *   changes the items that it names; an item that the base has not comes behind the others.
 */
import { isDeepStrictEqual } from 'node:util';

export const NONE = '<none>';

type Entries = ReadonlyMap<string, unknown>;
type Fields = Readonly<Record<string, unknown>>;

const PATH = /^[\w-]+(?:\.[\w-]+)*$/;

export const isMap = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `base` with the difference `change`. */
export function changed(base: unknown, change: unknown): unknown {
  if (!isMap(change)) return change;
  if (!Array.isArray(base)) return Object.fromEntries(changedEntries(fieldsOf(base), change));
  const items = itemsOf(base);
  if (items === undefined) throw new Error(`items without a name each are changed: ${JSON.stringify(change)}`);
  return [...changedEntries(items, change).values()];
}

function changedEntries(base: Entries, change: Fields): Entries {
  const entries = new Map(base);
  for (const [path, value] of Object.entries(change)) {
    const dot = PATH.test(path) ? path.indexOf('.') : -1;
    const key = dot === -1 ? path : path.slice(0, dot);
    const inner = dot === -1 ? value : { [path.slice(dot + 1)]: value };
    if (inner === NONE) entries.delete(key);
    else entries.set(key, changed(entries.get(key), inner));
  }
  return entries;
}

/** What makes `value` out of `base`, so that `changed` gives it back; undefined: nothing. */
export function difference(base: unknown, value: unknown): unknown {
  if (isDeepStrictEqual(base, value)) return undefined;
  const change = shortest(base, value);
  if (!isDeepStrictEqual(changed(base, change), value)) throw new Error(`cannot be told: ${JSON.stringify(value)}`);
  return change;
}

function shortest(base: unknown, value: unknown): unknown {
  if (isMap(value)) return differingEntries(fieldsOf(base), fieldsOf(value));
  if (!Array.isArray(value) || !Array.isArray(base) || base.length === 0) return value;
  const [before, after] = [itemsOf(base), itemsOf(value as readonly unknown[])];
  if (before === undefined || after === undefined) return value;
  const change = differingEntries(before, after);
  return isDeepStrictEqual(changed(base, change), value) ? change : value;
}

function differingEntries(base: Entries, value: Entries): Fields {
  const gone = [...base.keys()].filter((key) => !value.has(key)).map((key) => [key, NONE] as const);
  const differing = [...value].filter(([key, one]) => !base.has(key) || !isDeepStrictEqual(base.get(key), one));
  return Object.fromEntries([...gone, ...differing.map(([key, one]) => folded(key, shortest(base.get(key), one)))]);
}

/** A map of one field is written as a path. */
function folded(key: string, change: unknown): readonly [path: string, change: unknown] {
  const [only, ...others] = isMap(change) ? Object.entries(change) : [];
  if (only === undefined || others.length > 0) return [key, change];
  const path = `${key}.${only[0]}`;
  return PATH.test(path) ? [path, only[1]] : [key, change];
}

const fieldsOf = (value: unknown): Entries => new Map(isMap(value) ? Object.entries(value) : []);

/** The items of a list by what each is known by; undefined where one is not, or as another is. */
export function itemsOf(list: readonly unknown[]): Entries | undefined {
  const items = new Map(list.map((item) => [nameOf(item), item]));
  return items.size === list.length && !items.has('') ? items : undefined;
}

/** Empty: the item has no name. */
function nameOf(item: unknown): string {
  if (!isMap(item)) return '';
  const name = item['type'] ?? item['name'] ?? (isMap(item['metadata']) ? item['metadata']['name'] : undefined);
  return typeof name === 'string' ? name : '';
}
