#!/usr/bin/env node
/** The program: runs the command and sets the exit code. */
import { isMainThread } from 'node:worker_threads';
import { processIo, writeError } from './cli/stdio.ts';
import { usage } from './cli/usage.ts';
import { type Config, ConfigError, parseConfig } from './cli/run/config.ts';
import { StartupError } from './shared/kube/startup.ts';
import { VERSION } from './shared/version.ts';

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Each command loads only the modules that it needs: loading modules is most of the start time. */
const COMMANDS = {
  lint: async (args: readonly string[]): Promise<number> => (await import('./cli/lint.ts')).lint(args, processIo()),
  render: async (args: readonly string[]): Promise<number> =>
    (await import('./cli/render.ts')).render(args, processIo()),
  convert: async (args: readonly string[]): Promise<number> =>
    (await import('./cli/convert.ts')).convertFile(args, processIo()),
} as const;

/** The commands for people, cli/program.ts; kubectl passes flags before them, too. */
const FOR_PEOPLE: ReadonlySet<string> = new Set([
  'status',
  'watch',
  'logs',
  'wait',
  'suspend',
  'unsuspend',
  'resume',
  'completion',
  '__complete',
]);

const isForPeople = ([first = '', ...rest]: readonly string[]): boolean =>
  FOR_PEOPLE.has(first) || (first.startsWith('-') && rest.some((word) => FOR_PEOPLE.has(word)));

async function runOperator(config: Config): Promise<void> {
  const { run } = await import('./cli/run/index.ts');
  await run(config, process.env, new URL(import.meta.url));
}

async function main(args: readonly string[]): Promise<number> {
  if (isForPeople(args)) return (await import('./cli/program.ts')).runProgram(args);
  const [command, ...rest] = args;
  switch (command) {
    case 'run':
      if (rest.includes('--help') || rest.includes('-h')) return main(['help']);
      await runOperator(parseConfig(rest, process.env));
      return EXIT.ok;
    case 'evaluate-reviews':
      // Not a command for users: the worker thread in which `run` evaluates large reviews.
      if (isMainThread) break;
      (await import('./webhook/evaluation-worker.ts')).evaluateReviews();
      return EXIT.ok;
    case 'lint':
    case 'render':
    case 'convert':
      if (rest.includes('--help') || rest.includes('-h')) return main(['help']);
      return COMMANDS[command](rest);
    case 'version':
    case '--version':
      process.stdout.write(`${VERSION}\n`);
      return EXIT.ok;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage());
      return EXIT.ok;
    case undefined:
      throw new ConfigError(['no command given']);
    default:
  }
  throw new ConfigError([`unknown command "${command}"`]);
}

/** Prints one line for an error that the user can fix, and the stack trace for a bug in this program. */
function fail(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) writeError(`sequentialjob: ${problem}\n`);
    writeError('Try "sequentialjob help".\n');
    return EXIT.usage;
  }
  const isUserError = error instanceof StartupError;
  const text = error instanceof Error ? (isUserError ? error.message : error.stack) : String(error);
  writeError(`sequentialjob: ${text}\n`);
  return EXIT.failed;
}

process.exitCode = await main(process.argv.slice(2)).catch(fail);
