/** One controller with a connection of its own, from its start to its end. */
import { Controller } from '../../controller/manager.ts';
import type { Config } from './config.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { withLeaderFence } from '../../shared/kube/leader-fence.ts';
import { withRateLimit, type TokenBucket } from '../../shared/kube/rate-limit.ts';
import type { Log } from '../../shared/log.ts';
import type { ControllerMetrics } from '../../controller/metrics/index.ts';
import { ownNamespace } from './own-namespace.ts';

/**
 * What is in flight when the process is to end may take so long. With 5 s for events, 1.5 s for the Lease and 1 s for the
 * last scrape it is below the 20 s that all of it may take.
 */
const GRACE_MS = 12_000;

export interface ControllerTermOptions {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: ControllerMetrics;
  /** Closed at the end. */
  readonly client: ApiClient;
  /** Limits the rate of requests; undefined: nothing does. */
  readonly bucket?: TokenBucket | undefined;
  /** Asked before each request; default: always. */
  readonly mayAct?: () => boolean;
}

export class ControllerTerm {
  readonly #workers: number;
  readonly #log: Log;
  readonly #client: ApiClient;
  readonly #controller: Controller;
  readonly #over = new AbortController();

  constructor({ config, log, metrics, client, bucket, mayAct = () => true }: ControllerTermOptions) {
    const { namespace, workers, preflight, checkSecrets } = config;
    const own = ownNamespace(config.operatorNamespace);
    this.#workers = workers;
    this.#log = log;
    this.#client = client;
    const { signal } = this.#over;
    const behindFence = withLeaderFence(client, { mayAct, signal });
    // The fence comes last: who may act when its turn comes may send, not who might when it began to wait.
    const throttled = bucket === undefined ? behindFence : withRateLimit(behindFence, bucket, signal);
    this.#controller = new Controller({
      client: throttled,
      log,
      namespace,
      ownNamespace: own,
      workers,
      preflight,
      checkSecrets,
      metrics,
    });
  }

  get ready(): boolean {
    return this.#controller.ready && !this.#over.signal.aborted;
  }

  /** The caches that are still waited for. */
  get unsynced(): readonly string[] {
    return this.#controller.unsynced;
  }

  /** Resolves when it works; never where it is stopped before. */
  async start(): Promise<void> {
    await this.#controller.start();
    if (!this.#over.signal.aborted) this.#log.info({ workers: this.#workers }, 'controller started');
  }

  /** Takes no more work; resolves when what is in flight has ended. */
  async stop(): Promise<void> {
    // A request may take longer than the shutdown: what an API server that went silent still owes is cut off in time.
    const cut = setTimeout(() => this.abort(), GRACE_MS);
    await this.#controller.stop();
    clearTimeout(cut);
    this.#over.abort();
    await this.#client.close();
  }

  /** From now on nothing is sent any more, and what is in flight fails. To be followed by `stop`. */
  abort(): void {
    this.#over.abort();
    this.#controller.abort();
    void this.#client.close();
  }
}
