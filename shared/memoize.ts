/** Not reading the same text again. */

/** In entries: the images and quantities of some hundred objects. With what the readers take, at most a megabyte. */
const MAX_ENTRIES = 1000;

/** Longer texts are not kept. */
const MAX_KEY_LENGTH = 256;

/**
 * The same function, which knows what it gave for the last texts. `read` must be pure and its results never changed. Every
 * object is judged by two webhooks, for faults and for warnings, and the steps of an object have most texts in common.
 */
export function memoize<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const result = read(text);
    if (text.length > MAX_KEY_LENGTH) return result;
    if (known.size >= MAX_ENTRIES) known.clear();
    known.set(text, result);
    return result;
  };
}
