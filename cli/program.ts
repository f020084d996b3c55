/** The command line: its commands, their arguments, flags and help. Each loads only the modules that it needs. */
import { type Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ChangeFlags, ChangeName } from './change-spec.ts';
import type { CreateFlags } from './create.ts';
import { CommandError } from './cluster/command-error.ts';
import { type CommandContext, processContext } from './command-context.ts';
import { SHELLS, type Shell } from './complete/scripts.ts';
import { parseDuration } from './duration.ts';
import { EXIT, RESULT } from './exit-codes.ts';
import type { LogFlags } from './logs.ts';
import { addManifestCommands } from './manifest-commands.ts';
import { addOperatorCommands } from './operator-commands.ts';
import { FORMATS, OBJECT_FORMATS } from './output-format.ts';
import { ofKind, specOf, takesGlobalOptions, valued, withoutGlobalOptions } from './program-spec.ts';
import type { StatusFlags } from './status.ts';
import { type Io, processIo } from './stdio.ts';
import type { WaitFlags } from './wait.ts';

/** Commands whose exit code is the result of a sequence. */
const RESULT_COMMANDS: ReadonlySet<string | undefined> = new Set(['wait', 'watch']);

/** Runs a command. Resolves with the exit code; rejects only with the error of a bug. */
export async function runProgram(
  args: readonly string[],
  context: CommandContext = processContext(),
  io: () => Io = processIo,
): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(context, (result) => (code = result), io);
  // The words of an unfinished command line are no flags of ours.
  if (args[0] === '__complete') {
    const { complete } = await import('./completion.ts');
    return complete(args.slice(1), specOf(program), context);
  }
  let name: string | undefined;
  program.hook('preSubcommand', (_, command) => {
    name = command.name();
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    const ended = endingOf(error, args);
    if (ended.text !== undefined) context.terminal.error(`${context.program}: ${ended.text}`);
    return ended.code !== EXIT.ok && RESULT_COMMANDS.has(name) ? RESULT.unknown : ended.code;
  }
}

/** What an error means to people, and the exit code. Throws the error of a bug. */
function endingOf(error: unknown, args: readonly string[]): { readonly code: number; readonly text?: string } {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { code: EXIT.ok };
    // Where commander finds no command, it has no words, but prints the whole help.
    if (error.code !== 'commander.help') return { code: EXIT.usage, text: error.message.replace(/^error: /, '') };
    const topic = args[0] === 'help' ? args[1] : undefined;
    const what = topic === undefined ? 'no command given' : `unknown command '${topic}'`;
    return { code: EXIT.usage, text: `${what}; the command "help" lists them` };
  }
  if (!(error instanceof CommandError)) throw error;
  const codes = { failed: EXIT.failed, unreachable: EXIT.unreachable, usage: EXIT.usage } as const;
  return { code: codes[error.kind], text: error.message };
}

type Done = (code: number) => void;

const EXIT_CODES = `Exit codes: ${EXIT.ok} success; ${EXIT.failed} failure, or errors in a manifest; ${EXIT.usage} wrong usage, an unreadable file, or the cluster could not
check a manifest or could not be reached. Of wait and watch: ${RESULT.completed} completed; ${RESULT.failed} failed; ${RESULT.timedOut} timed out; ${RESULT.unknown} unknown or deleted.
130 after Ctrl-C.`;

/** `done` is called with the exit code of the command that ran. */
export function createProgram(context: CommandContext, done: Done, io: () => Io = processIo): Command {
  const program = new Command(context.program)
    .description('Shows, controls and checks SequentialJobs, and runs the operator, which runs their steps as Jobs.')
    .addOption(valued('-n, --namespace <name>', "the namespace; default that of the kubeconfig's context", 'namespace'))
    .addOption(valued('--context <name>', "the kubeconfig's context to use instead of its current one", 'context'))
    .addOption(valued('--kubeconfig <file>', 'path to a kubeconfig; default KUBECONFIG, then ~/.kube/config', 'file'))
    .addHelpText('after', `\n${EXIT_CODES}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.terminal.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .configureHelp({ showGlobalOptions: true });
  program.hook('preAction', (_, command) => refuseGlobalOptions(program, command));
  program.commandsGroup('For people:');
  addReading(program, context, done);
  addEnding(program, context, done);
  addChanges(program, context, done);
  addCreate(program, context, done);
  program.commandsGroup('For manifests:');
  addManifestCommands({ add: (name, text) => command(program, name, text), done, io });
  program.commandsGroup('For the operator:');
  addOperatorCommands(
    (name, text) => command(program, name, text),
    (text) => context.terminal.write(text),
  );
  program.commandsGroup('For this program:');
  addCompletion(program, context, done);
  addHelp(program);
  return program;
}

function refuseGlobalOptions(program: Command, command: Command): void {
  const [given] = Object.keys(program.opts());
  if (given !== undefined && !takesGlobalOptions(command)) command.error(`error: unknown option '--${given}'`);
}

function addHelp(program: Command): void {
  const help = withoutGlobalOptions(program.createCommand('help'));
  const names = program.commands.map((one) => one.name());
  const argument = help.createArgument('[COMMAND]', 'one of them').choices(names);
  program.addHelpCommand(help.description('print the help of all commands, or of one').addArgument(argument));
}

function addReading(program: Command, context: CommandContext, done: Done): void {
  command(
    program,
    'status',
    'show a sequence with its steps, or a schedule (cron/NAME) with its runs; without NAME, the sequences of the namespace',
  )
    .addArgument(sequence(program, '[NAME]'))
    .addOption(new Option('-A, --all-namespaces', 'the sequences of all namespaces'))
    .addOption(new Option('-o, --output <format>', 'the format').choices(FORMATS))
    .action(async (name: string | undefined, _, self: Command) => {
      const { status } = await import('./status.ts');
      done(await status(name, self.optsWithGlobals<StatusFlags>(), context));
    });
  command(program, 'logs', 'print the logs of the steps in order')
    .addArgument(sequence(program, '<NAME>'))
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
    .addArgument(sequence(program, '<NAME>'))
    .addOption(timeout())
    .addHelpText('after', `\n${RESULT_CODES}`)
    .action(async (name: string, _, self: Command) => {
      const { watch } = await import('./watch.ts');
      done(await watch(name, self.optsWithGlobals<WaitFlags>(), context));
    });
  command(program, 'wait', 'wait until a sequence has ended')
    .addArgument(sequence(program, '<NAME>'))
    .addOption(timeout())
    .addHelpText('after', `\n${RESULT_CODES}`)
    .action(async (name: string, _, self: Command) => {
      const { wait } = await import('./wait.ts');
      done(await wait(name, self.optsWithGlobals<WaitFlags>(), context));
    });
}

const CHANGE_TEXTS: Readonly<Record<ChangeName, string>> = {
  suspend: 'start nothing new, and suspend the running step; of a schedule (cron/NAME): start no more runs',
  unsuspend: 'let a suspended sequence, or a schedule (cron/NAME), go on',
  resume: 'let a failed sequence go on at its failed step',
};

function addChanges(program: Command, context: CommandContext, done: Done): void {
  for (const [change, text] of Object.entries(CHANGE_TEXTS)) {
    command(program, change, text)
      .addArgument(sequence(program, '<NAME...>'))
      .addOption(new Option('-o, --output <format>', 'print the changed object').choices(OBJECT_FORMATS))
      .action(async (names: readonly string[], _, self: Command) => {
        const { changeSpec } = await import('./change-spec.ts');
        done(await changeSpec(change as ChangeName, names, self.optsWithGlobals<ChangeFlags>(), context));
      });
  }
}

function addCreate(program: Command, context: CommandContext, done: Done): void {
  command(program, 'create', 'start a run of a schedule now')
    .addArgument(program.createArgument('<NAME>', 'the SequentialJob that is created'))
    .addOption(valued('--from <schedule>', 'the CronSequentialJob, as cron/NAME', 'schedule').makeOptionMandatory())
    .addOption(new Option('-o, --output <format>', 'print the created object').choices(OBJECT_FORMATS))
    .action(async (name: string, _, self: Command) => {
      const { create } = await import('./create.ts');
      done(await create(name, self.optsWithGlobals<CreateFlags>(), context));
    });
}

function addCompletion(program: Command, context: CommandContext, done: Done): void {
  const shell = program.createArgument('<shell>', 'the shell').choices(SHELLS);
  withoutGlobalOptions(command(program, 'completion', 'print the completion script of a shell'))
    .addArgument(shell)
    .action(async (name: Shell) => {
      const { completion } = await import('./completion.ts');
      done(await completion(name, context));
    });
}

const sequence = (program: Command, name: string): Argument =>
  ofKind(program.createArgument(name, name.includes('...') ? 'the SequentialJobs' : 'the SequentialJob'), 'sequence');

const command = (program: Command, name: string, text: string): Command =>
  program.command(name).description(text).allowExcessArguments(false);

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a number of lines.');
  return Number(text);
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration, as 90s or 1h30m.');
  return ms;
}
