/** How many values a JSON text has, without making them: one of 7 MiB can be 140 MiB when it is parsed. Pure. */

/**
 * For two objects and what is around them. etcd takes 1.5 MiB for an object; of the densest there are, with nothing but the
 * managed fields of a spec of 200 000 values, two have half as many.
 */
export const MAX_VALUES = 1_500_000;

/**
 * The same for names of properties: each that is not like another one costs several times as much as a value. The densest two
 * objects that etcd takes, with their managed fields, have some 270 000.
 */
export const MAX_NAMES = 400_000;

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN_LIST, OPEN_OBJECT] = ['"', '\\', ':', ',', '[', '{'].map((sign) =>
  sign.charCodeAt(0),
) as [number, number, number, number, number, number];

/**
 * Whether there are more values or names than that, in UTF-8. It counts what stands before a value, a comma or an opening
 * bracket, so of empty objects and lists there may be half as many. What is no JSON has some number, too: parsing it tells.
 */
export function hasMoreValues(json: Uint8Array, most = MAX_VALUES, mostNames = MAX_NAMES): boolean {
  // Each takes a byte at least.
  if (json.length <= Math.min(most, mostNames)) return false;
  let values = 0;
  let names = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === COLON) names += 1;
    else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) values += 1;
    if (values > most || names > mostNames) return true;
  }
  return false;
}

/** Where the closing quote of a string is that begins there. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
