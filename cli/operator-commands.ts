/**
 * The operator's command for help and completion. main.ts runs it without this module: the operator needs no library for
 * command lines in its start and its memory.
 */
import { type Command, Option } from 'commander';
import { VERSION } from '../shared/version.ts';
import { environmentName, OPTIONS, type RunOption } from './run/config.ts';
import { ofKind, withoutGlobalOptions } from './program-spec.ts';

/** `add` adds a command with this name and description, `print` writes to standard output. */
export function addOperatorCommands(
  add: (name: string, description: string) => Command,
  print: (text: string) => Promise<void>,
): void {
  const run = withoutGlobalOptions(add('run', 'run the operator; each flag is also an environment variable'));
  for (const option of Object.values(OPTIONS)) run.addOption(optionOf(option));
  run.action(() => run.error('error: run must be the first word'));
  withoutGlobalOptions(add('version', 'print the version')).action(async () => print(`${VERSION}\n`));
}

function optionOf({ flag, placeholder, description, fallback, bare }: RunOption): Option {
  const text = typeof placeholder === 'string' ? placeholder : placeholder.join('|');
  const kind = typeof placeholder !== 'string' ? placeholder : placeholder === 'FILE' ? 'file' : 'text';
  const value = bare === undefined ? `<${text}>` : `[${text}]`;
  const option = ofKind(new Option(`--${flag} ${value}`, description), kind).env(environmentName(flag));
  return fallback === undefined ? option : option.default(fallback, String(fallback));
}
