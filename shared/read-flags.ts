/** Parses command line arguments into flags. Pure. */
import { parseArgs } from 'node:util';

/** Known flags by name, each with its value when given without one; undefined if the flag needs a value. */
export type KnownFlags = ReadonlyMap<string, string | undefined>;

/** The flags as given; the last one wins. Unknown flags and arguments are added to `problems`; it never throws. */
export function readFlags(args: readonly string[], known: KnownFlags, problems: string[]): ReadonlyMap<string, string> {
  // A boolean flag takes no value from the next argument, as with Go's flags.
  const types = [...known].map(
    ([flag, valueIfBare]) => [flag, { type: valueIfBare === undefined ? 'string' : 'boolean' }] as const,
  );
  const { tokens } = parseArgs({ args: [...args], options: Object.fromEntries(types), strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`unexpected argument "${token.value}"`);
    if (token.kind !== 'option') continue;
    // In non-strict mode, `parseArgs` takes the next flag as the value.
    const isNextFlag = token.inlineValue === false && token.value.startsWith('--');
    const value = isNextFlag ? undefined : (token.value ?? known.get(token.name));
    if (!known.has(token.name)) problems.push(`unknown flag ${token.rawName}`);
    else if (value === undefined) problems.push(`${token.rawName} needs a value`);
    else flags.set(token.name, value);
  }
  return flags;
}
