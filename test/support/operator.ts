/** The operator as a process of its own, the way it runs in a cluster. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Operator {
  static readonly #living = new Set<Operator>();
  readonly #process: ChildProcess;
  readonly #exit: Promise<Exit>;
  output = '';

  private constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#process = spawn(process.execPath, [program, ...args], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    Operator.#living.add(this);
    this.#exit = once(this.#process, 'close').then(([code, signal]) => {
      Operator.#living.delete(this);
      return { code, signal };
    });
  }

  /** Any command line, without waiting for anything; of the sources, where it is no other program. */
  static spawn(args: readonly string[], env: NodeJS.ProcessEnv = {}, program = 'main.ts'): Operator {
    // jest's own options are not the operator's.
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    return new Operator(program, args, { ...inherited, ...env });
  }

  /** The controller for one namespace, without waiting for anything. The webhook is a process of its own, for all tests. */
  static controller(kubeconfig: string, namespace: string): Operator {
    return Operator.spawn(['run', '--role=controller', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`]);
  }

  /** The controller for one namespace; resolves when it works. */
  static async start(kubeconfig: string, namespace: string): Promise<Operator> {
    const operator = Operator.controller(kubeconfig, namespace);
    await operator.untilSays('controller started');
    return operator;
  }

  /** Ends what a failed test left running. */
  static async endAll(): Promise<void> {
    await Promise.all([...Operator.#living].map((operator) => operator.end('SIGKILL')));
  }

  async untilSays(text: string, seconds = 30): Promise<void> {
    await eventually(`operator says "${text}", it says:\n${this.output}`, () => this.says(text), seconds);
  }

  says(text: string): boolean {
    return this.output.includes(text);
  }

  /** How often it has said that. */
  count(text: string): number {
    return this.output.split(text).length - 1;
  }

  /** To look at it in /proc. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isRunning(): boolean {
    return Operator.#living.has(this);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.#process.kill(signal);
    return this.#exit;
  }

  /** Waits for an end by itself. */
  async exited(): Promise<Exit> {
    return this.#exit;
  }
}
