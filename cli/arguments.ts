/** The arguments of the commands that read files: flags with a value each, and the names of the files. */
import { parseArgs } from 'node:util';
import { ConfigError } from '../shared/config.ts';
import { STDIN } from './io.ts';

export interface Arguments {
  readonly files: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

/** Flags may stand before and behind the files; after `--` everything is a file. Throws ConfigError with every problem. */
export function readArguments(
  command: string,
  args: readonly string[],
  choices: Readonly<Record<string, readonly string[]>>,
): Arguments {
  const options = Object.fromEntries(Object.keys(choices).map((flag) => [flag, { type: 'string' } as const]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const problems: string[] = [];
  const files: string[] = [];
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') files.push(token.value);
    if (token.kind !== 'option') continue;
    const allowed = Object.hasOwn(choices, token.name) ? choices[token.name] : undefined;
    if (allowed === undefined) {
      problems.push(`unknown flag ${token.rawName}`);
    } else if (token.value === undefined || !allowed.includes(token.value)) {
      problems.push(`${token.rawName} must be one of ${allowed.join(', ')}`);
    } else {
      flags.set(token.name, token.value);
    }
  }
  if (files.length === 0) problems.push(`${command} needs a FILE, or ${STDIN} for standard input`);
  if (problems.length > 0) throw new ConfigError(problems);
  return { files, flags };
}
