/** Equality of plain JSON values that no schema describes. */

type Json = Readonly<Record<string, unknown>>;

const isObjectOrArray = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * Whether two JSON values are equal. The order of keys is ignored; a property that is `null` counts as absent. Never
 * throws: it uses an explicit stack, so no nesting is too deep.
 */
export function jsonEqual(before: unknown, after: unknown): boolean {
  const pending: (readonly [unknown, unknown])[] = [[before, after]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair;
    if (Object.is(a, b)) continue;
    if (!isObjectOrArray(a) || !isObjectOrArray(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) pending.push([valueOf(a, key), valueOf(b, key)]);
  }
  return true;
}

const valueOf = (object: object, key: string): unknown =>
  Object.hasOwn(object, key) ? ((object as Json)[key] ?? undefined) : undefined;
