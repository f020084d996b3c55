/** Parses the arguments of the commands that read files: flags and file names. */
import { parseArgs } from 'node:util';
import { ConfigError } from './run/config.ts';
import { STDIN } from './stdio.ts';

export interface Arguments {
  readonly files: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

/** The value of a flag: one of a list; any text; none (`switch`). */
export type FlagKind = readonly string[] | 'text' | 'switch';

/** kubectl's short flags. */
const SHORT: Readonly<Record<string, string>> = { namespace: 'n' };

/**
 * Flags may come before and after the files; after `--` every argument is a file. A given switch has the value `true`.
 * Throws ConfigError with all problems.
 */
export function readArguments(
  command: string,
  args: readonly string[],
  choices: Readonly<Record<string, FlagKind>>,
): Arguments {
  const options = Object.fromEntries(Object.entries(choices).map(([flag, kind]) => [flag, optionOf(flag, kind)]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const problems: string[] = [];
  const files: string[] = [];
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') files.push(token.value);
    if (token.kind !== 'option') continue;
    const kind = Object.hasOwn(choices, token.name) ? choices[token.name] : undefined;
    const problem = kind === undefined ? `unknown flag ${token.rawName}` : problemOf(token, kind);
    if (problem === undefined) flags.set(token.name, token.value ?? 'true');
    else problems.push(problem);
  }
  if (files.length === 0) problems.push(`${command} needs a FILE, or ${STDIN} for standard input`);
  if (problems.length > 0) throw new ConfigError(problems);
  return { files, flags };
}

const optionOf = (flag: string, kind: FlagKind): { type: 'string' | 'boolean'; short?: string } => ({
  type: kind === 'switch' ? 'boolean' : 'string',
  ...(SHORT[flag] === undefined ? {} : { short: SHORT[flag] }),
});

function problemOf(
  { rawName, value }: { readonly rawName: string; readonly value: string | undefined },
  kind: FlagKind,
): string | undefined {
  if (kind === 'switch') return value === undefined ? undefined : `${rawName} takes no value`;
  if (kind === 'text') return value === undefined || value === '' ? `${rawName} needs a value` : undefined;
  return value === undefined || !kind.includes(value) ? `${rawName} must be one of ${kind.join(', ')}` : undefined;
}
