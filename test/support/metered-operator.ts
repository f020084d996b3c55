/** The operator as a process that is watched from outside: what its /metrics say, and how its memory goes. */
import { type Families, total } from './metrics.ts';
import { Operator } from './operator.ts';

/** At one moment. */
export interface Sample {
  /** Of this process's monotonic clock. */
  readonly ms: number;
  readonly rssMb: number;
  /** What is in use, buffers outside of the heap included. */
  readonly heapMb: number;
  /** To the API server, since the start. */
  readonly requests: number;
  /** For how long the event loop has stood still at most, since the sample before. */
  readonly eventLoopLagMs: number;
}

/** As config/manager/deployment.yaml has it. */
const DEPLOYED = { NODE_OPTIONS: '--max-old-space-size=320 --max-semi-space-size=8' } as const;

const SAMPLE_MS = 250;
const MB = 1e6;

export class MeteredOperator {
  readonly samples: Sample[] = [];
  readonly #operator: Operator;
  readonly #timer: NodeJS.Timeout;
  #isSampling = false;

  private constructor(operator: Operator) {
    this.#operator = operator;
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_MS).unref();
  }

  /** Resolves when that role works, of `all` the controller, and has listed all it watches. `program`: of the sources, where it is no other. */
  static async start(
    role: 'controller' | 'webhook' | 'all',
    flags: readonly string[],
    program?: string,
  ): Promise<MeteredOperator> {
    const operator = Operator.spawn(['run', `--role=${role}`, '--metrics-port=0', ...flags], DEPLOYED, program);
    const listed = role === 'webhook' ? [] : ['schedules synced']; // sequences do not wait for them
    for (const message of [`${role === 'all' ? 'controller' : role} started`, ...listed])
      await operator.untilSays(message, 120);
    return new MeteredOperator(operator);
  }

  /** The port that the webhook serves on. */
  get webhookPort(): number {
    return this.#operator.port('webhook');
  }

  get output(): string {
    return this.#operator.output;
  }

  get isRunning(): boolean {
    return this.#operator.isRunning;
  }

  /** Ends it as a node's failure does. */
  async kill(): Promise<void> {
    clearInterval(this.#timer);
    await this.#operator.end('SIGKILL');
  }

  /** Of what has been sampled, in MB (10^6 bytes). */
  get peakRssMb(): number {
    return Math.max(...this.samples.map(({ rssMb }) => rssMb));
  }

  /** For how long the event loop has stood still at most, in milliseconds, from that moment of this process's monotonic clock on. */
  longestEventLoopLag(since = 0): number {
    return Math.max(...this.samples.filter(({ ms }) => ms >= since).map(({ eventLoopLagMs }) => eventLoopLagMs));
  }

  async metrics(): Promise<Families> {
    return this.#operator.metrics();
  }

  /** Ends it as a rollout does; resolves with its exit code. */
  async stop(): Promise<number | null> {
    clearInterval(this.#timer);
    return this.#operator.isRunning ? (await this.#operator.end('SIGTERM')).code : null;
  }

  async #sample(): Promise<void> {
    if (this.#isSampling) return;
    this.#isSampling = true;
    try {
      const families = await this.metrics();
      this.samples.push({
        ms: performance.now(),
        rssMb: total(families, 'process_resident_memory_bytes') / MB,
        heapMb: (total(families, 'nodejs_heap_size_used_bytes') + total(families, 'nodejs_external_memory_bytes')) / MB,
        requests: total(families, 'rest_client_requests_total'),
        eventLoopLagMs: total(families, 'nodejs_eventloop_lag_max_seconds') * 1000,
      });
    } catch {
      // It is being ended; that the samples are enough, the tests see to.
    } finally {
      this.#isSampling = false;
    }
  }
}
