/** How the values of flags and environment variables are read. Pure. */

export type Outcome<T> = { readonly value: T } | { readonly problem: string };

/** Anything but nothing. */
export const text = (value: string): Outcome<string> => (value === '' ? { problem: 'must not be empty' } : { value });

/** Names with commas between them; at least one. */
export function list(given: string): Outcome<readonly string[]> {
  const value = given.split(',').map((name) => name.trim());
  return value.includes('')
    ? { problem: `must be names with commas between them, none of them empty, not "${given}"` }
    : { value };
}

/** One of these words. */
export const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (given: string): Outcome<T> => {
    const value = choices.find((choice) => choice === given);
    return value === undefined ? { problem: `must be one of ${choices.join(', ')}, not "${given}"` } : { value };
  };

/** A whole number in these bounds. */
export const integer =
  (min: number, max: number) =>
  (given: string): Outcome<number> => {
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max
      ? { value }
      : { problem: `must be a whole number from ${min} to ${max}, not "${given}"` };
  };

/** `true` or `false`. */
export const bool = (given: string): Outcome<boolean> =>
  given === 'true' || given === 'false'
    ? { value: given === 'true' }
    : { problem: `must be true or false, not "${given}"` };
