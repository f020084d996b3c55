/** The controller as a role: connect → wait for the API server → reconcile. */
import { Controller } from '../../controller/manager.ts';
import type { Config } from '../../shared/config.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { awaitApiServer } from '../../shared/kube/startup.ts';
import type { Log } from '../../shared/log.ts';
import { USER_AGENT } from '../../shared/version.ts';
import type { Role } from './role.ts';
import { aborted } from './stop-signal.ts';

/** What is in flight when the process is to end may take so long; below the 20 s that all of it may take. */
const GRACE_MS = 14_000;

export class ControllerRole implements Role {
  readonly checks = { caches: (): boolean => this.#controller.ready };
  readonly #config: Config;
  readonly #log: Log;
  readonly #client: ApiClient;
  readonly #controller: Controller;

  /** `env`: what KUBECONFIG says. Throws KubeConfigError where there is no cluster to connect to. */
  constructor(config: Config, log: Log, env: string | undefined) {
    const { kubeconfig: path, context, namespace, workers, requestTimeoutSeconds } = config;
    this.#config = config;
    this.#log = log;
    this.#client = createApiClient(loadKubeConfig({ path, context, env }), {
      userAgent: USER_AGENT,
      timeoutMs: requestTimeoutSeconds * 1000,
    });
    this.#controller = new Controller({ client: this.#client, log, namespace, workers });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { namespace, startupTimeoutSeconds, workers } = this.#config;
    const [client, log] = [this.#client, this.#log];
    log.info({ server: client.server, namespace }, 'controller starting');
    await awaitApiServer({ client, namespace, log, timeoutMs: startupTimeoutSeconds * 1000, signal });
    if (signal.aborted) return;
    await Promise.race([this.#controller.start(), aborted(signal)]);
    if (!signal.aborted) log.info({ workers }, 'controller started');
  }

  async stop(): Promise<void> {
    // A request may take longer than the shutdown: what an API server that went silent still owes is cut off in time.
    const cut = setTimeout(() => void this.#client.close(), GRACE_MS);
    await this.#controller.stop();
    clearTimeout(cut);
    await this.#client.close();
  }
}
