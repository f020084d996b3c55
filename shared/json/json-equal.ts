/** Equality of plain JSON, for what no schema describes. */

type Json = Readonly<Record<string, unknown>>;

const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * Whether two values are the same JSON: the order of keys means nothing, and a property that is `null` is absent. Never
 * throws: it keeps its own stack, so no nesting that a parser lets through is too deep.
 */
export function jsonEqual(before: unknown, after: unknown): boolean {
  const open: (readonly [unknown, unknown])[] = [[before, after]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [a, b] = pair;
    if (Object.is(a, b)) continue;
    if (!isBranch(a) || !isBranch(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) open.push([own(a, key), own(b, key)]);
  }
  return true;
}

const own = (object: object, key: string): unknown =>
  Object.hasOwn(object, key) ? ((object as Json)[key] ?? undefined) : undefined;
