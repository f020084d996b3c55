/** Long-running child processes: output to a file, ended together with this process, stopped in two stages. */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Appended to; holds both output streams. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended, with words for it ("exit code 1", "signal SIGKILL"). Never rejects. */
  readonly exited: Promise<string>;
  /** The words of `exited` once it has ended, undefined while it runs. */
  ended(): string | undefined;
  /** SIGTERM, then SIGKILL after the grace period. Resolves when the process is gone; calling it again is harmless. */
  stop(graceMs: number): Promise<void>;
  /** The last lines of its output, for error messages. Never rejects. */
  tail(lines: number): Promise<string>;
}

/** The path of a program on this PATH, or undefined. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * The command line that ends the command when its parent dies, however the parent dies (the kernel sends the signal).
 * Where `setpriv` is missing it is the command itself; `takeOver` then catches what a killed parent leaves.
 */
export function endWithParent(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  const setpriv = findProgram('setpriv');
  return setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

/**
 * Starts a process in a group of its own, so that a Ctrl-C in the terminal reaches only this process, which then stops
 * its children in order. Throws when it cannot be started at all.
 */
export function startChild(options: ChildOptions): Child {
  const [command, args] = endWithParent(options.command, options.args);
  const log = openSync(options.logFile, 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', log, log],
    detached: true,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  let ended: string | undefined;
  const exited = new Promise<string>((resolve) => {
    const finish = (words: string): void => {
      ended ??= words;
      resolve(ended);
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, signal) => finish(signal === null ? `exit code ${code ?? 0}` : `signal ${signal}`));
  });
  if (child.pid === undefined) throw new Error(`${options.name} could not be started: ${options.command}`);
  return {
    name: options.name,
    pid: child.pid,
    exited,
    ended: () => ended,
    stop: async (graceMs) => {
      if (ended !== undefined) return;
      child.kill('SIGTERM');
      const timer = new AbortController();
      const late = sleep(graceMs, 'late' as const, { signal: timer.signal }).catch(() => 'cancelled' as const);
      if ((await Promise.race([exited, late])) === 'late') child.kill('SIGKILL');
      timer.abort();
      await exited;
    },
    tail: async (lines) => {
      const text = await readFile(options.logFile, 'utf8').catch(() => '');
      return text.trimEnd().split('\n').slice(-lines).join('\n');
    },
  };
}
