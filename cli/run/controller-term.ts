/** One controller with its own connection, from start to stop: one term of leadership, or the whole run without election. */
import { Controller } from '../../controller/manager.ts';
import type { Config } from './config.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { withLeaderFence } from '../../shared/kube/leader-fence.ts';
import { withRateLimit, type TokenBucket } from '../../shared/kube/rate-limit.ts';
import type { Log } from '../../shared/log.ts';
import type { ControllerMetrics } from '../../controller/metrics/index.ts';
import { ownNamespace } from './own-namespace.ts';

/**
 * Time for in-flight requests at shutdown. Together with 5 s for events, 1.5 s for the Lease and 1 s for the last scrape
 * it stays below the 20 s of the whole shutdown.
 */
const GRACE_MS = 12_000;

export interface ControllerTermOptions {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: ControllerMetrics;
  /** `stop` closes it. */
  readonly client: ApiClient;
  /** Rate limit of requests; undefined: no limit. */
  readonly bucket?: TokenBucket | undefined;
  /** Checked before each request; default: always true. */
  readonly mayAct?: () => boolean;
}

export class ControllerTerm {
  readonly #workers: number;
  readonly #log: Log;
  readonly #client: ApiClient;
  readonly #controller: Controller;
  readonly #aborting = new AbortController();

  constructor({ config, log, metrics, client, bucket, mayAct = () => true }: ControllerTermOptions) {
    const { namespace, workers, preflight, checkSecrets } = config;
    const own = ownNamespace(config.operatorNamespace);
    this.#workers = workers;
    this.#log = log;
    this.#client = client;
    const { signal } = this.#aborting;
    const fencedClient = withLeaderFence(client, { mayAct, signal });
    // The leadership check comes after the rate limit: leadership counts when the request is sent, not when it began to wait.
    const throttled = bucket === undefined ? fencedClient : withRateLimit(fencedClient, bucket, signal);
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
    return this.#controller.ready && !this.#aborting.signal.aborted;
  }

  /** The caches that are not synced yet. */
  get unsynced(): readonly string[] {
    return this.#controller.unsynced;
  }

  /** Resolves when the controller reconciles; never if it is stopped before. */
  async start(): Promise<void> {
    await this.#controller.start();
    if (!this.#aborting.signal.aborted) this.#log.info({ workers: this.#workers }, 'controller started');
  }

  /** Starts no more reconciles; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    // The request timeout may be longer than the shutdown: abort the requests that the API server has not answered by then.
    const abortTimer = setTimeout(() => this.abort(), GRACE_MS);
    await this.#controller.stop();
    clearTimeout(abortTimer);
    this.#aborting.abort();
    await this.#client.close();
  }

  /** Sends no more requests and fails those in flight. The caller must call `stop` as well. */
  abort(): void {
    this.#aborting.abort();
    this.#controller.abort();
    void this.#client.close();
  }
}
