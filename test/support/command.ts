/** A command of the program as a process that a test can watch, interrupt and pipe. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { ROOT } from './manifests.ts';

const PROGRAM = join(ROOT, 'main.ts');

export interface Ended {
  /** Null if a signal has ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Command {
  static readonly #living = new Set<Command>();
  readonly #process: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  private constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const { NODE_OPTIONS: _, ...inherited } = process.env; // jest's own are not the program's
    this.#process = spawn(program, args, { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    Command.#living.add(this);
    this.#closed = once(this.#process, 'close').finally(() => Command.#living.delete(this));
  }

  static start(args: readonly string[], env: NodeJS.ProcessEnv): Command {
    return new Command(process.execPath, [PROGRAM, ...args], env);
  }

  /** In a pipeline of bash; prints the exit code of the program last, as `code 0`. */
  static piped(args: readonly string[], into: string, env: NodeJS.ProcessEnv): Command {
    const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
    return new Command('bash', ['-c', `${words} | ${into}; echo "code \${PIPESTATUS[0]}"`], env);
  }

  static async run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
    return Command.start(args, env).ended;
  }

  /** Ends all that a test has left running. */
  static async endAll(): Promise<void> {
    await Promise.all(
      [...Command.#living].map(async (one) => {
        one.signal('SIGKILL');
        await one.ended;
      }),
    );
  }

  get ended(): Promise<Ended> {
    return this.#closed.then(([code]) => ({ code: code as number | null, stdout: this.stdout, stderr: this.stderr }));
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Resolves when the output has this. */
  async untilSays(text: string | RegExp): Promise<void> {
    const says = (output: string): boolean => (typeof text === 'string' ? output.includes(text) : text.test(output));
    await eventually(`the output to have ${String(text)}`, () => says(this.stdout) || says(this.stderr)).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; it says: ${this.stdout}${this.stderr}`, { cause: error });
      },
    );
  }
}
