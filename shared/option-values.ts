/** Parsers for the values of flags and environment variables. Pure. */

export type ParseResult<T> = { readonly value: T } | { readonly problem: string };

/** A string that is not empty. */
export const text = (value: string): ParseResult<string> =>
  value === '' ? { problem: 'must not be empty' } : { value };

/** A list of names separated by commas; at least one. */
export function list(given: string): ParseResult<readonly string[]> {
  const value = given.split(',').map((name) => name.trim());
  return value.includes('')
    ? { problem: `must be names with commas between them, none of them empty, not "${given}"` }
    : { value };
}

/** One of the given words. */
export const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (given: string): ParseResult<T> => {
    const value = choices.find((choice) => choice === given);
    return value === undefined ? { problem: `must be one of ${choices.join(', ')}, not "${given}"` } : { value };
  };

/** An integer within the bounds. */
export const integer =
  (min: number, max: number) =>
  (given: string): ParseResult<number> => {
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max
      ? { value }
      : { problem: `must be a whole number from ${min} to ${max}, not "${given}"` };
  };

/** `true` or `false`. */
export const bool = (given: string): ParseResult<boolean> =>
  given === 'true' || given === 'false'
    ? { value: given === 'true' }
    : { problem: `must be true or false, not "${given}"` };
