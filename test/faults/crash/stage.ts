/** A namespace with a controller of its own, whose requests go through a proxy that does what the trials ask for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Release } from '../../../bench/release.ts';
import type { ApiClient } from '../../../shared/kube/client.ts';
import { kubeconfig } from '../../support/cluster.ts';
import { Namespace } from '../../support/namespace.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type ApiServerProxy,
  type ProxyRequest,
  startApiServerProxy,
  type Treatment,
} from '../../support/api-server-proxy.ts';
import { Operator } from '../../support/operator.ts';
import type { Injection } from './injections.ts';
import { type NamedRequest, nameRequest } from './requests.ts';

/** What a request may take, in seconds: short, because some get no answer; long enough for a machine that others use. */
const REQUEST_TIMEOUT_S = 3;

/** Each controller opens a watch of SequentialJobs, CronSequentialJobs, Jobs and Pods. */
const WATCHES = 4;

/** Which request of a trial gets which treatment. */
export interface Point {
  /** As `requests.ts` names it. */
  readonly kind: string;
  /** The how-manieth of its kind, from 1. */
  readonly number: number;
  readonly injection: Injection;
}

/** The requests for one sequence, counted, and one of them treated. */
export class Trial {
  readonly counts = new Map<string, number>();
  readonly #point: Point | undefined;
  isMet = false;

  constructor(point: Point | undefined) {
    this.#point = point;
  }

  /** Counts the request; gives what is to be done to it, where it is the one. */
  meet(kind: string): Injection | undefined {
    const number = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, number);
    if (this.isMet || this.#point?.kind !== kind || this.#point.number !== number) return undefined;
    this.isMet = true;
    return this.#point.injection;
  }
}

export interface StageOptions {
  readonly client: ApiClient;
  readonly release: Release;
  /** Of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  /** The watch of Pods shows nothing, so that the controller has to ask. */
  readonly isBlind: boolean;
}

export class Stage {
  readonly namespace: Namespace;
  /** A folder of this machine, for `gated` sequences. */
  readonly folder: string;
  readonly #options: StageOptions;
  readonly #proxy: ApiServerProxy;
  readonly #trials = new Map<string, Trial>();
  readonly #uids = new Map<string, string>();
  readonly #controllers: Operator[] = [];
  #watches = 0;

  private constructor(options: StageOptions, namespace: Namespace, folder: string, proxy: ApiServerProxy) {
    this.#options = options;
    this.namespace = namespace;
    this.folder = folder;
    this.#proxy = proxy;
    proxy.treat = (asked) => this.#treat(asked);
  }

  /** With a controller that works, and that has all of its watches. */
  static async open(options: StageOptions): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-crash-'));
    const namespace = await Namespace.create(options.client, 'crash', options.labels);
    const proxy = await startApiServerProxy(kubeconfig());
    const stage = new Stage(options, namespace, folder, proxy);
    stage.restart();
    try {
      await stage.#untilWatching();
      return stage;
    } catch (error) {
      await stage.close();
      throw new Error(`the controller does not start:\n${stage.output}`, { cause: error });
    }
  }

  /** The log of all its controllers. */
  get output(): string {
    return this.#controllers.map(({ output }) => output).join('\n--- and after a restart\n');
  }

  /** Their log lines about one sequence, and their other output. */
  logOf(sequence: string): string {
    const isAbout = (line: string): boolean => !line.startsWith('{') || line.includes(`/${sequence}"`);
    return this.output.split('\n').filter(isAbout).join('\n');
  }

  get isRunning(): boolean {
    return this.#controllers.at(-1)?.isRunning === true;
  }

  /** Counts and treats the requests for a sequence from now on; without a name all that come. */
  begin(trial: Trial, sequence = ''): void {
    this.#trials.set(sequence, trial);
  }

  /** Lists that ask by UID are this sequence's. */
  name(uid: string, sequence: string): void {
    this.#uids.set(uid, sequence);
  }

  /** Ends the controller as a crash does. */
  async crash(): Promise<void> {
    await this.#controllers.at(-1)?.end('SIGKILL');
  }

  /** Starts another one, without waiting for anything. */
  restart(): void {
    this.#watches = 0;
    const { program, env } = this.#options.release;
    const args = [`--kubeconfig=${this.#proxy.kubeconfig}`, `--namespace=${this.namespace.name}`];
    const limit = `--request-timeout=${REQUEST_TIMEOUT_S}`;
    this.#controllers.push(Operator.spawn(['run', '--role=controller', limit, ...args], env, program));
  }

  async #untilWatching(): Promise<void> {
    await eventually('the watches of the controller', () => this.#watches >= WATCHES);
  }

  async close(): Promise<void> {
    await this.crash();
    await this.#proxy.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #treat(asked: ProxyRequest): Treatment | undefined {
    const named = nameRequest(asked, this.#uids);
    const injection = this.#trialOf(named)?.meet(named.kind);
    if (named.kind.startsWith('WATCH')) this.#watches++;
    if (injection !== undefined) return injection.treatment(() => this.#crashAndRestart());
    return this.#options.isBlind && named.kind === 'WATCH pods' ? { type: 'mute' } : undefined;
  }

  #trialOf({ sequence }: NamedRequest): Trial | undefined {
    return this.#trials.get(sequence ?? '') ?? this.#trials.get('');
  }

  async #crashAndRestart(): Promise<void> {
    await this.crash();
    this.restart();
  }
}
