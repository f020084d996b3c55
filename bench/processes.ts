/** The processes that are measured, and what the kernel says of them. Linux only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { whenInterrupted } from './interruption.ts';

/** Of /proc/<pid>/stat, on every Linux that Node runs on (`getconf CLK_TCK`). */
const MS_PER_TICK = 10;

export interface MeasuredOptions {
  /** Of Node: flags, the program, its arguments. */
  readonly args: readonly string[];
  /** In place of the environment's NODE_OPTIONS, which are of whoever runs the benchmark; default none. */
  readonly nodeOptions?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A Node process. */
export class Measured {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** Rejects when the process ends without having been told to. */
  readonly died: Promise<never>;
  #isToEnd = false;
  #output = '';

  /** The same Node that runs this. */
  constructor({ args, nodeOptions = '', env = {} }: MeasuredOptions) {
    this.#process = spawn(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: nodeOptions, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#process, 'close');
    this.died = new Promise((_, reject) => {
      this.#process.once('close', (code, signal) => {
        if (!this.#isToEnd) reject(new Error(`a process that is measured ended: ${signal ?? code}`));
      });
    });
    // Whether it matters, who waits for something of the process says.
    this.died.catch(() => undefined);
    const forget = whenInterrupted(() => this.kill());
    this.#process.once('close', forget);
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the process has not started');
    return this.#process.pid;
  }

  /**
   * What the pattern captures first, as soon as the output has it; what comes after that is read and forgotten. Rejects
   * when the process ends before.
   */
  async untilSays(pattern: RegExp): Promise<string> {
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
      this.#process.once('close', () => reject(new Error(`the process ended:\n${this.#output}`)));
      take('');
    });
  }

  /** Of all its threads since its start, in milliseconds; in steps of 10. */
  async cpuMs(): Promise<number> {
    const stat = await readFile(`/proc/${this.pid}/stat`, 'utf8');
    // After the name in brackets, which may hold anything: state is field 3, utime 14, stime 15 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  }

  /** Resident memory in MB (10^6 bytes), as the issue counts it. */
  async rssMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
  }

  /** Resolves when it has ended. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** Tells it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#isToEnd = true;
    this.#process.kill('SIGTERM');
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#isToEnd = true;
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
