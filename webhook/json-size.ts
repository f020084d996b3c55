/** Counts the values of a JSON text without parsing it: 7 MiB of JSON can take 140 MiB once parsed. Pure. */

/**
 * For two objects and the review around them. etcd stores objects of up to 1.5 MiB; the two densest possible ones,
 * with little more than the managed fields of a spec of 200,000 values, have half as many values.
 */
export const MAX_VALUES = 1_500_000;

/**
 * The limit for property names: each distinct name costs several times as much as a value. The two densest objects
 * that etcd stores, with their managed fields, have about 270,000.
 */
export const MAX_NAMES = 400_000;

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN_LIST, OPEN_OBJECT] = ['"', '\\', ':', ',', '[', '{'].map((character) =>
  character.charCodeAt(0),
) as [number, number, number, number, number, number];

/**
 * Whether UTF-8 JSON has more values or names than allowed. It counts the commas and opening brackets before values,
 * so empty objects and lists count twice. Invalid JSON has some count too; the parser refuses it.
 */
export function hasMoreValues(json: Uint8Array, maxValues = MAX_VALUES, maxNames = MAX_NAMES): boolean {
  // Each takes at least a byte.
  if (json.length <= Math.min(maxValues, maxNames)) return false;
  let values = 0;
  let names = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === COLON) names += 1;
    else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) values += 1;
    if (values > maxValues || names > maxNames) return true;
  }
  return false;
}

/** The position of the closing quote of the string that starts at `start`. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
