/** Caches the results of a pure function of a string. */

/** In entries: enough for the images and quantities of some hundred objects; with the results at most a megabyte. */
const MAX_ENTRIES = 1000;

/** Results for longer keys are not cached. */
const MAX_KEY_LENGTH = 256;

/**
 * Returns a caching version of `read`. `read` must be pure, and callers must not change its results. Both webhooks
 * evaluate each object for errors and warnings, and most steps of an object share their images and quantities.
 */
export function memoize<T>(read: (text: string) => T): (text: string) => T {
  const cache = new Map<string, T>();
  return (text) => {
    const cached = cache.get(text);
    if (cached !== undefined) return cached;
    const result = read(text);
    if (text.length > MAX_KEY_LENGTH) return result;
    if (cache.size >= MAX_ENTRIES) cache.clear();
    cache.set(text, result);
    return result;
  };
}
