/** The commands for people: their arguments, flags and help. Each loads only the modules that it needs. */
import { type Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ChangeFlags, ChangeName } from './change-spec.ts';
import { CommandError } from './cluster/command-error.ts';
import { type CommandContext, processContext } from './command-context.ts';
import type { CommandSpec, OptionSpec, ProgramSpec, ValueKind } from './complete/candidates.ts';
import { SHELLS, type Shell } from './complete/scripts.ts';
import { parseDuration } from './duration.ts';
import { EXIT, RESULT } from './exit-codes.ts';
import type { LogFlags } from './logs.ts';
import { FORMATS, OBJECT_FORMATS } from './output-format.ts';
import type { StatusFlags } from './status.ts';
import type { WaitFlags } from './wait.ts';

/** Commands whose exit code is the result of a sequence. */
const RESULT_COMMANDS: ReadonlySet<string | undefined> = new Set(['wait', 'watch']);

/** Runs a command. Resolves with the exit code; rejects only with the error of a bug. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const context = processContext();
  let code: number = EXIT.ok;
  const program = createProgram(context, (result) => (code = result));
  // The words of an unfinished command line are no flags of ours.
  if (args[0] === '__complete') {
    const { complete } = await import('./completion.ts');
    return complete(args.slice(1), specOf(program), context);
  }
  const givesResult = RESULT_COMMANDS.has(args.find((word) => !word.startsWith('-')));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      context.terminal.error(`${context.program}: ${error.message.replace(/^error: /, '')}`);
      return givesResult ? RESULT.unknown : EXIT.usage;
    }
    if (!(error instanceof CommandError)) throw error;
    context.terminal.error(`${context.program}: ${error.message}`);
    if (givesResult) return RESULT.unknown;
    return error.kind === 'unreachable' ? EXIT.unreachable : EXIT.failed;
  }
}

type Done = (code: number) => void;

/** `done` is called with the exit code of the command that ran. */
export function createProgram(context: CommandContext, done: Done): Command {
  const program = new Command(context.program)
    .description('Shows and controls SequentialJobs')
    .addOption(valued('-n, --namespace <name>', "the namespace; default that of the kubeconfig's context", 'namespace'))
    .addOption(valued('--context <name>', "the kubeconfig's context to use instead of its current one", 'context'))
    .addOption(valued('--kubeconfig <file>', 'path to a kubeconfig; default KUBECONFIG, then ~/.kube/config', 'file'))
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true });
  addReading(program, context, done);
  addEnding(program, context, done);
  addChanges(program, context, done);
  addCompletion(program, context, done);
  return program;
}

function addReading(program: Command, context: CommandContext, done: Done): void {
  command(program, 'status', 'show a sequence with its steps; without NAME, the sequences of the namespace')
    .argument('[NAME]', 'the SequentialJob')
    .addOption(new Option('-A, --all-namespaces', 'the sequences of all namespaces'))
    .addOption(new Option('-o, --output <format>', 'the format').choices(FORMATS))
    .action(async (name: string | undefined, _, self: Command) => {
      const { status } = await import('./status.ts');
      done(await status(name, self.optsWithGlobals<StatusFlags>(), context));
    });
  command(program, 'logs', 'print the logs of the steps in order')
    .argument('<NAME>', 'the SequentialJob')
    .addOption(valued('--step <step>', 'only of this step', 'step'))
    .addOption(valued('-c, --container <name>', "another container than the step's own", 'text'))
    .addOption(new Option('-f, --follow', 'follow from step to step, through retries, until the sequence has ended'))
    .addOption(valued('--tail <lines>', 'only so many last lines of each Pod', 'text').argParser(countOf))
    .addOption(new Option('--timestamps', 'print the time of each line'))
    .addOption(new Option('--prefix', 'print the step before each line; default unless --step is given'))
    .addOption(new Option('--no-prefix', 'print the lines alone'))
    .action(async (name: string, _, self: Command) => {
      const { logs } = await import('./logs.ts');
      done(await logs(name, self.optsWithGlobals<LogFlags>(), context));
    });
}

const RESULT_CODES = `Exit codes: ${RESULT.completed} completed; ${RESULT.failed} failed; ${RESULT.timedOut} timed out; ${RESULT.unknown} unknown, deleted, or not to be read.`;

function addEnding(program: Command, context: CommandContext, done: Done): void {
  const timeout = (): Option =>
    valued('--timeout <duration>', 'give up after this time, as 90s or 1h30m; default never', 'text').argParser(
      durationOf,
    );
  command(program, 'watch', 'show a sequence live until it has ended; without a terminal, a line for each change')
    .argument('<NAME>', 'the SequentialJob')
    .addOption(timeout())
    .addHelpText('after', `\n${RESULT_CODES}`)
    .action(async (name: string, _, self: Command) => {
      const { watch } = await import('./watch.ts');
      done(await watch(name, self.optsWithGlobals<WaitFlags>(), context));
    });
  command(program, 'wait', 'wait until a sequence has ended')
    .argument('<NAME>', 'the SequentialJob')
    .addOption(timeout())
    .addHelpText('after', `\n${RESULT_CODES}`)
    .action(async (name: string, _, self: Command) => {
      const { wait } = await import('./wait.ts');
      done(await wait(name, self.optsWithGlobals<WaitFlags>(), context));
    });
}

const CHANGE_TEXTS: Readonly<Record<ChangeName, string>> = {
  suspend: 'start nothing new, and suspend the running step',
  unsuspend: 'let a suspended sequence go on',
  resume: 'let a failed sequence go on at its failed step',
};

function addChanges(program: Command, context: CommandContext, done: Done): void {
  for (const [change, text] of Object.entries(CHANGE_TEXTS)) {
    command(program, change, text)
      .argument('<NAME...>', 'the SequentialJobs')
      .addOption(new Option('-o, --output <format>', 'print the changed object').choices(OBJECT_FORMATS))
      .action(async (names: readonly string[], _, self: Command) => {
        const { changeSpec } = await import('./change-spec.ts');
        done(await changeSpec(change as ChangeName, names, self.optsWithGlobals<ChangeFlags>(), context));
      });
  }
}

function addCompletion(program: Command, context: CommandContext, done: Done): void {
  const shell = program.createArgument('<shell>', 'the shell').choices(SHELLS);
  command(program, 'completion', 'print the completion script of a shell')
    .addArgument(shell)
    .action(async (name: Shell) => {
      const { completion } = await import('./completion.ts');
      done(await completion(name, context));
    });
}

const command = (program: Command, name: string, text: string): Command =>
  program.command(name).description(text).allowExcessArguments(false);

/** What the values of options are, for completion. */
const KINDS = new WeakMap<Option, ValueKind>();

function valued(flags: string, description: string, kind: ValueKind): Option {
  const option = new Option(flags, description);
  KINDS.set(option, kind);
  return option;
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a number of lines.');
  return Number(text);
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration, as 90s or 1h30m.');
  return ms;
}

/** The program as completion sees it. */
export function specOf(program: Command): ProgramSpec {
  return { commands: program.commands.map(commandSpec), options: program.options.map(optionSpec) };
}

function commandSpec(one: Command): CommandSpec {
  const args = one.registeredArguments;
  return {
    name: one.name(),
    description: one.description(),
    options: one.options.map(optionSpec),
    arguments: args.map(argumentKind),
    isVariadic: args.at(-1)?.variadic === true,
  };
}

const argumentKind = (one: Argument): ValueKind | readonly string[] => one.argChoices ?? 'sequence';

function optionSpec(option: Option): OptionSpec {
  const { short, long, description, argChoices } = option;
  const flags = [long, short].filter((flag) => flag !== undefined && flag !== null);
  const value = option.required ? (argChoices ?? KINDS.get(option) ?? 'text') : undefined;
  return { flags, description, value };
}
