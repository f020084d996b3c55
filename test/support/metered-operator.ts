/** The operator as a process that is watched from outside: what its /metrics say, and how its memory goes. */
import { type Family, parseMetrics } from './metrics.ts';
import { Operator } from './operator.ts';

type Families = ReadonlyMap<string, Family>;

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
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #isSampling = false;

  private constructor(operator: Operator, url: string) {
    this.#operator = operator;
    this.#url = url;
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_MS).unref();
  }

  /** Resolves when that role works, of `all` the controller. `program`: of the sources, where it is no other. */
  static async start(
    role: 'controller' | 'webhook' | 'all',
    flags: readonly string[],
    program?: string,
  ): Promise<MeteredOperator> {
    const operator = Operator.spawn(['run', `--role=${role}`, '--metrics-port=0', ...flags], DEPLOYED, program);
    await operator.untilSays(`${role === 'all' ? 'controller' : role} started`, 120);
    return new MeteredOperator(operator, `http://127.0.0.1:${portOf(operator, 'metrics')}/metrics`);
  }

  /** The port that the webhook serves on. */
  get webhookPort(): number {
    return portOf(this.#operator, 'webhook');
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
    return parseMetrics(await (await fetch(this.#url)).text());
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

/** The sum of all samples of that name with these labels; 0 where there are none. */
export function total(families: Families, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels);
  return (families.get(name)?.samples ?? [])
    .filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

function portOf(operator: Operator, what: 'metrics' | 'webhook'): number {
  const port = new RegExp(`"port":(\\d+),"msg":"${what} started"`).exec(operator.output)?.[1];
  if (port === undefined) throw new Error(`the port of ${what} is not in the log:\n${operator.output}`);
  return Number(port);
}
