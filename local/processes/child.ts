/** Long-running child processes: their output goes to a file, they die with this process, SIGKILL follows SIGTERM. */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and standard error are appended to this file. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has exited, with a description ("exit code 1", "signal SIGKILL"). Never rejects. */
  readonly exited: Promise<string>;
  /** The description of `exited`; undefined while the process runs. */
  ended(): string | undefined;
  /** Sends SIGTERM, then SIGKILL after the grace period. Resolves when the process has exited. May be called again. */
  stop(graceMs: number): Promise<void>;
  /** The last lines of the log file, for error messages. Never rejects. */
  tail(lines: number): Promise<string>;
}

/** The path of a program found on `path`; undefined if there is none. */
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
 * A command line whose process the kernel kills when its parent dies, even if the parent is killed. Without `setpriv` it is
 * the command itself; `takeOwnership` then kills the processes that a killed parent has left.
 */
export function killWithParent(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  const setpriv = findProgram('setpriv');
  return setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

/**
 * Starts a process in its own process group, so that a Ctrl-C in the terminal reaches only this process, which then stops
 * its children in order. Throws if the process cannot be started.
 */
export function startChild(options: ChildOptions): Child {
  const [command, args] = killWithParent(options.command, options.args);
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
    const finish = (how: string): void => {
      ended ??= how;
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
      const timeout = sleep(graceMs, 'late' as const, { signal: timer.signal }).catch(() => 'cancelled' as const);
      if ((await Promise.race([exited, timeout])) === 'late') child.kill('SIGKILL');
      timer.abort();
      await exited;
    },
    tail: async (lines) => {
      const text = await readFile(options.logFile, 'utf8').catch(() => '');
      return text.trimEnd().split('\n').slice(-lines).join('\n');
    },
  };
}
