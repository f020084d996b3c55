/** The operator as a process, the way it runs in a cluster. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { type Families, parseMetrics } from './metrics.ts';

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

  /** Starts a command of the program, by default from the sources, and waits for nothing. */
  static spawn(args: readonly string[], env: NodeJS.ProcessEnv = {}, program = 'main.ts'): Operator {
    // The options are jest's own.
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    return new Operator(program, args, { ...inherited, ...env });
  }

  /** The controller for one namespace, without waiting for anything. The webhook of all tests is another process. */
  static controller(
    kubeconfig: string,
    namespace: string,
    flags: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Operator {
    const scope = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`];
    return Operator.spawn(['run', '--role=controller', ...scope, ...flags], env);
  }

  /** The same; resolves when it works. */
  static async start(...options: Parameters<typeof Operator.controller>): Promise<Operator> {
    const operator = Operator.controller(...options);
    await operator.untilSays('controller started', 60);
    return operator;
  }

  /** A controller that takes part in the leader election of that namespace, without waiting for anything. */
  static candidate(kubeconfig: string, namespace: string, flags: readonly string[] = []): Operator {
    const election = ['--leader-elect', `--leader-election-namespace=${namespace}`];
    return Operator.controller(kubeconfig, namespace, [...election, ...flags]);
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

  /** The port of a server that it has started. */
  port(server: 'metrics' | 'webhook' | 'health'): number {
    const port = new RegExp(`"port":(\\d+),"msg":"${server} started"`).exec(this.output)?.[1];
    if (port === undefined) throw new Error(`the port of ${server} is not in the log:\n${this.output}`);
    return Number(port);
  }

  /** What it serves at /metrics. */
  async metrics(): Promise<Families> {
    return parseMetrics(await (await fetch(`http://127.0.0.1:${this.port('metrics')}/metrics`)).text());
  }

  /** How often it has logged that. */
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

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
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
