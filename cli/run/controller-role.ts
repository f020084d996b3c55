/** The controller as a role: connect → wait for the API server → acquire the Lease, with --leader-elect → reconcile. */
import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import { type ElectionClock, LeaderElector } from '../../shared/kube/leader-election/leader-elector.ts';
import type { Config } from './config.ts';
import type { Checks } from '../../shared/health.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { LeaseStore } from '../../shared/kube/leader-election/leases.ts';
import { TokenBucket } from '../../shared/kube/rate-limit.ts';
import { awaitApiServer } from '../../shared/kube/startup.ts';
import type { Log } from '../../shared/log.ts';
import type { ControllerMetrics } from '../../controller/metrics/index.ts';
import { sleep } from '../../shared/sleep.ts';
import { USER_AGENT } from '../../shared/version.ts';
import { ControllerTerm } from './controller-term.ts';
import { ElectedController } from './elected-controller.ts';
import { leaseNamespace } from './lease-namespace.ts';
import { ownNamespace } from './own-namespace.ts';
import type { Role } from './role.ts';
import { unlessAborted } from './stop-signal.ts';

/**
 * Node's performance.now stops while the machine is suspended (CLOCK_MONOTONIC on Linux); the uptime does not
 * (CLOCK_BOOTTIME; libuv's uv_uptime). Its resolution is 10 ms.
 */
const CLOCK: ElectionClock = { now: () => uptime() * 1000, date: Date.now, sleep };

export class ControllerRole implements Role {
  readonly checks: Checks = { caches: () => this.#work.ready || this.#work.unsynced.join(' and ') };
  readonly #config: Config;
  readonly #log: Log;
  readonly #metrics: ControllerMetrics;
  readonly #kube: KubeConfig;
  readonly #client: ApiClient;
  /** Shared by all terms, because the rate limit applies to the process. Undefined: no limit. */
  readonly #bucket: TokenBucket | undefined;
  readonly #work: ControllerTerm | ElectedController;
  readonly #stopping = new AbortController();

  /** `env` is the value of KUBECONFIG. Throws KubeConfigError if no cluster is configured. */
  constructor(config: Config, log: Log, env: string | undefined, metrics: ControllerMetrics) {
    const { kubeconfig: path, context } = config;
    this.#config = config;
    this.#log = log;
    this.#metrics = metrics;
    this.#kube = loadKubeConfig({ path, context, env });
    this.#client = this.#connect();
    this.#bucket = tokenBucket(config);
    this.#work = config.leaderElect
      ? new ElectedController(this.#electionOptions())
      : new ControllerTerm({ config, log, metrics, client: this.#client, bucket: this.#bucket });
  }

  async start(stopSignal: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopSignal, this.#stopping.signal]);
    const { namespace, startupTimeoutSeconds } = this.#config;
    const [client, log] = [this.#client, this.#log];
    log.info({ server: client.server, namespace }, 'controller starting');
    await awaitApiServer({ client, namespace, log, timeoutMs: startupTimeoutSeconds * 1000, signal });
    if (signal.aborted) return;
    await unlessAborted(signal, this.#work.start(signal));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work.stop();
    await this.#client.close();
  }

  #connect(): ApiClient {
    const observe = this.#metrics.client.observer(this.#kube.getCurrentCluster()?.server ?? '');
    const timeoutMs = this.#config.requestTimeoutSeconds * 1000;
    return createApiClient(this.#kube, { userAgent: USER_AGENT, timeoutMs, observe });
  }

  /**
   * The elector has a connection of its own, without the rate limit: renewing the Lease must not wait behind the
   * controller's requests, nor fail when a term closes its connection.
   */
  #electionOptions(): ConstructorParameters<typeof ElectedController>[0] {
    const [config, log, metrics, bucket] = [this.#config, this.#log, this.#metrics, this.#bucket];
    const { leaderElectionNamespace, leaderElectionId } = config;
    const namespace = leaseNamespace(leaderElectionNamespace, ownNamespace(config.operatorNamespace), this.#kube);
    const elector = new LeaderElector({
      store: new LeaseStore(this.#client, namespace, leaderElectionId),
      identity: `${hostname()}_${randomUUID()}`,
      log,
      clock: CLOCK,
      random: Math.random,
      onChange: metrics.leader.follow(leaderElectionId),
    });
    const mayAct = (): boolean => elector.isLeader;
    const newTerm = (): ControllerTerm =>
      new ControllerTerm({ config, log, metrics, client: this.#connect(), bucket, mayAct });
    return { elector, newTerm };
  }
}

function tokenBucket({ kubeApiQps: qps, kubeApiBurst: burst }: Config): TokenBucket | undefined {
  return qps === 0 ? undefined : new TokenBucket({ qps, burst: burst === 0 ? qps : burst });
}
