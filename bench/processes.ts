/** Starts measured processes and reads their CPU time and memory from /proc. Linux only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { cleanUpOnSignal } from './signal-handlers.ts';

/** The unit of CPU times in /proc/<pid>/stat: 100 ticks per second on all Linux platforms of Node (`getconf CLK_TCK`). */
export const MS_PER_TICK = 10;

/** CPU time of all threads of a process since its start, in milliseconds, with a resolution of 10. */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Split after the command name in parentheses, which may contain any character: state is field 3, utime 14, stime 15
  // (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

export interface MeasuredOptions {
  /** Node's arguments: flags, the program, the program's arguments. */
  readonly args: readonly string[];
  /** Replaces NODE_OPTIONS of the benchmark's own environment; default empty. */
  readonly nodeOptions?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A Node process. */
export class MeasuredProcess {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  /** Rejects if the process exits before `stop` or `kill`. */
  readonly exitedUnexpectedly: Promise<never>;
  #stopping = false;
  #output = '';

  /** Uses the Node that runs the benchmark. */
  constructor({ args, nodeOptions = '', env = {} }: MeasuredOptions) {
    this.#process = spawn(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: nodeOptions, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#process, 'close');
    this.exitedUnexpectedly = new Promise((_, reject) => {
      this.#process.once('close', (code, signal) => {
        if (!this.#stopping) reject(new Error(`a measured process exited: ${signal ?? code}`));
      });
    });
    // Not an unhandled rejection if nobody waits for it.
    this.exitedUnexpectedly.catch(() => undefined);
    const removeCleanup = cleanUpOnSignal(() => this.kill());
    this.#process.once('close', removeCleanup);
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the process has not started');
    return this.#process.pid;
  }

  /**
   * Resolves with the pattern's first capture group as soon as the output matches; discards later output. Rejects if the
   * process exits before.
   */
  async untilOutput(pattern: RegExp): Promise<string> {
    const streams = [this.#process.stdout, this.#process.stderr];
    return new Promise((resolve, reject) => {
      const take = (chunk: Buffer | string): void => {
        this.#output += chunk.toString();
        const found = pattern.exec(this.#output);
        if (found === null) return;
        for (const stream of streams) stream?.off('data', take).resume();
        resolve(found[1] ?? '');
      };
      for (const stream of streams) stream?.on('data', take);
      this.#process.once('close', () => reject(new Error(`the process exited:\n${this.#output}`)));
      take('');
    });
  }

  /** CPU time of all threads since the start, in milliseconds, with a resolution of 10. */
  async cpuMs(): Promise<number> {
    return cpuMsOf(this.pid);
  }

  /** Resident memory in MB (10^6 bytes). */
  async rssMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
  }

  /** Resolves when the process has exited. */
  async exited(): Promise<void> {
    await this.#exited;
  }

  /** Sends SIGTERM and waits until the process has exited. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#process.kill('SIGTERM');
    await this.#exited;
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}
