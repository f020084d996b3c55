/** What completion and help know of a command line beyond what commander keeps. */
import { type Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandSpec, OptionSpec, ProgramSpec, ValueKind } from './complete/candidates.ts';

/** What the values of options and arguments are. */
const KINDS = new WeakMap<Option | Argument, ValueKind | readonly string[]>();

/** An option with a value that is not empty. */
export function valued(flags: string, description: string, kind: ValueKind): Option {
  return ofKind(new Option(flags, description).argParser(notEmpty), kind);
}

/** The option or the argument, which has values of this kind, or one of these words. */
export function ofKind<T extends Option | Argument>(one: T, kind: ValueKind | readonly string[]): T {
  KINDS.set(one, kind);
  return one;
}

function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** For a command without a cluster: it has no use for the options of all commands, and refuses them. */
export const withoutGlobalOptions = (command: Command): Command => command.configureHelp({ showGlobalOptions: false });

export const takesGlobalOptions = (command: Command): boolean => command.configureHelp().showGlobalOptions === true;

/** The program as completion sees it. */
export function specOf(program: Command): ProgramSpec {
  const commands = program.createHelp().visibleCommands(program);
  return { commands: commands.map(commandSpec), options: program.options.map(optionSpec) };
}

function commandSpec(one: Command): CommandSpec {
  const args = one.registeredArguments;
  return {
    name: one.name(),
    description: one.description(),
    options: one.options.map(optionSpec),
    takesGlobalOptions: takesGlobalOptions(one),
    arguments: args.map(argumentKind),
    isVariadic: args.at(-1)?.variadic === true,
  };
}

const argumentKind = (one: Argument): ValueKind | readonly string[] => one.argChoices ?? KINDS.get(one) ?? 'text';

function optionSpec(option: Option): OptionSpec {
  const { short, long, description, argChoices, required, optional } = option;
  const flags = [long, short].filter((flag) => flag !== undefined && flag !== null);
  const value = required || optional ? (argChoices ?? KINDS.get(option) ?? 'text') : undefined;
  return { flags, description, value, isValueOptional: optional };
}
