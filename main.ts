#!/usr/bin/env node
/** The program: runs the command and sets the exit code. */
import { isMainThread } from 'node:worker_threads';
import { processIo, writeError } from './cli/stdio.ts';
import { type Config, ConfigError, parseConfig } from './cli/run/config.ts';
import { StartupError } from './shared/kube/startup.ts';
import { VERSION } from './shared/version.ts';

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

async function runOperator(config: Config): Promise<void> {
  const { run } = await import('./cli/run/index.ts');
  await run(config, process.env, new URL(import.meta.url));
}

const HELP: ReadonlySet<string> = new Set(['--help', '-h']);

/** The commands for people load the library for command lines; the operator does without. */
async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === 'run' && !rest.some((word) => HELP.has(word))) {
    await runOperator(parseConfig(rest, process.env));
    return EXIT.ok;
  }
  // Not a command for users: the worker thread in which `run` evaluates large reviews.
  if (command === 'evaluate-reviews' && !isMainThread) {
    (await import('./webhook/evaluation-worker.ts')).evaluateReviews();
    return EXIT.ok;
  }
  if ((command === 'version' || command === '--version') && rest.length === 0) {
    processIo().out(`${VERSION}\n`);
    return EXIT.ok;
  }
  return (await import('./cli/program.ts')).runProgram(args);
}

/** Prints one line for an error that the user can fix, and the stack trace for a bug in this program. */
function fail(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) writeError(`sequentialjob: ${problem}\n`);
    writeError('Try "sequentialjob run --help".\n');
    return EXIT.usage;
  }
  const isUserError = error instanceof StartupError;
  const text = error instanceof Error ? (isUserError ? error.message : error.stack) : String(error);
  writeError(`sequentialjob: ${text}\n`);
  return EXIT.failed;
}

process.exitCode = await main(process.argv.slice(2)).catch(fail);
