type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that are there: a key whose value is undefined is one that the caches need not keep. */
export function omitUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
