/** Command line arguments to flags. Pure. */
import { parseArgs } from 'node:util';

/** Flags by their names, each with what it means when it is given without a value; undefined: it needs one. */
export type KnownFlags = ReadonlyMap<string, string | undefined>;

/** The flags as given, of two equal ones the last; what is no flag of ours is a problem, not an exception. */
export function readFlags(args: readonly string[], known: KnownFlags, problems: string[]): ReadonlyMap<string, string> {
  // A boolean takes no value from the next argument, as Go's flags do.
  const types = [...known].map(([flag, bare]) => [flag, { type: bare === undefined ? 'string' : 'boolean' }] as const);
  const { tokens } = parseArgs({ args: [...args], options: Object.fromEntries(types), strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`unexpected argument "${token.value}"`);
    if (token.kind !== 'option') continue;
    // Without strictness the parser takes the next flag for the value.
    const isNextFlag = token.inlineValue === false && token.value.startsWith('--');
    const value = isNextFlag ? undefined : (token.value ?? known.get(token.name));
    if (!known.has(token.name)) problems.push(`unknown flag ${token.rawName}`);
    else if (value === undefined) problems.push(`${token.rawName} needs a value`);
    else flags.set(token.name, value);
  }
  return flags;
}
