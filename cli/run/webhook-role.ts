/** The webhook as a role: wait for the certificate → serve → reload the certificate. Needs no API server. */
import type { Registry } from 'prom-client';
import { certificateDetails } from '../../certs/key-pair.ts';
import { watchCertificate } from '../../certs/watch.ts';
import type { Config } from './config.ts';
import { Connections } from '../../shared/connections.ts';
import type { Log } from '../../shared/log.ts';
import { type ConnectionLoss, WebhookMetrics } from '../../webhook/metrics.ts';
import { SampledLog } from '../../shared/sampled-log.ts';
import { sleep } from '../../shared/sleep.ts';
import { CONVERT_PATH, createApp, MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';
import { EvaluationThread } from '../../webhook/evaluation-thread.ts';
import type { KeyPair } from '../../shared/key-pair.ts';
import { MAX_CONNECTIONS, WebhookServer } from '../../webhook/server.ts';
import { warmUp } from '../../webhook/validate.ts';
import { listenError } from './listen-error.ts';
import { ownNamespace } from './own-namespace.ts';
import type { Role } from './role.ts';

/** Limit of the server's shutdown, --shutdown-delay and the last reviews together; below the 20 s of the whole shutdown. */
const SHUTDOWN_MS = 18_000;

const CONNECTION_LOSS_MESSAGES: Readonly<Record<ConnectionLoss, string>> = {
  evicted: 'too many connections: closed an idle one to accept a new one',
  refused: 'too many connections, or too many from one address: a new one was refused',
  certificate: 'client refused',
};

export interface WebhookRoleOptions {
  /** The registry of the webhook's metrics. */
  readonly registry: Registry;
  /** The program, which the worker thread for large reviews loads. */
  readonly program: URL;
}

export class WebhookRole implements Role {
  /**
   * The only check of `/readyz` for the webhook. Reviews need neither caches nor leadership: while a controller in the same
   * process takes over and syncs its caches, the webhook's Pod must stay in the endpoints of its Service.
   */
  readonly checks = { webhook: (): boolean => this.#server.serving };
  readonly #config: Config;
  readonly #log: Log;
  readonly #metrics: WebhookMetrics;
  readonly #server: WebhookServer;
  readonly #connectionLossLog: SampledLog;
  readonly #thread: EvaluationThread;
  readonly #stopping = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #reloading: Promise<void> = Promise.resolve();

  constructor(config: Config, log: Log, { registry, program }: WebhookRoleOptions) {
    this.#config = config;
    this.#log = log;
    this.#metrics = new WebhookMetrics(registry, [MUTATE_PATH, VALIDATE_PATH], [CONVERT_PATH]);
    this.#connectionLossLog = new SampledLog({ log });
    const onLost = (how: ConnectionLoss): void => this.#recordConnectionLoss(how, how);
    const connections = new Connections({ maxConnections: MAX_CONNECTIONS, limitsNewClients: true, onLost });
    const { clientCaFile, clientSubjects } = config;
    const operatorNamespace = ownNamespace(config.operatorNamespace);
    this.#thread = new EvaluationThread({ program, ownNamespace: operatorNamespace });
    const { checks } = this;
    const app = {
      log,
      checks,
      metrics: this.#metrics,
      connections,
      ownNamespace: operatorNamespace,
      thread: this.#thread,
    };
    this.#server = new WebhookServer(
      createApp(app),
      {},
      {
        connections,
        clientSubjects: clientCaFile === undefined ? undefined : clientSubjects,
        // The API server presents no certificate to conversion webhooks: an AdmissionConfiguration is not for them
        // (kubernetes/staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go).
        openPaths: [CONVERT_PATH],
        onRefused: (why) => this.#recordConnectionLoss('certificate', why),
      },
    );
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    if (signal.aborted) return;
    this.#starting = this.#start();
    await this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    // Wait until the server listens, because only then it can be closed. If that failed, `start` has reported why.
    await this.#starting.catch(() => undefined);
    await this.#reloading;
    const delayMs = this.#config.shutdownDelaySeconds * 1000;
    await this.#server.close(SHUTDOWN_MS - delayMs, delayMs === 0 ? undefined : async () => sleep(delayMs));
    await this.#thread.close();
  }

  async #start(): Promise<void> {
    warmUp();
    const { certDir: folder, clientCaFile } = this.#config;
    const pairs = watchCertificate({ folder, clientCaFile, log: this.#log, signal: this.#stopping.signal });
    const first = await pairs.next();
    if (first.done === true) return;
    await this.#listen(first.value);
    this.#reloading = this.#reloadCertificates(pairs);
  }

  /** The log is sampled because any client can cause connection losses. */
  #recordConnectionLoss(reason: ConnectionLoss, why: string): void {
    this.#metrics.connectionLost(reason);
    this.#connectionLossLog.write({
      level: 'warn',
      msg: CONNECTION_LOSS_MESSAGES[reason],
      kind: why,
      fields: { reason: why },
    });
  }

  async #listen(pair: KeyPair): Promise<void> {
    const { webhookHost: host, webhookPort } = this.#config;
    try {
      const { address, port } = await this.#server.listen(pair, host, webhookPort);
      this.#metrics.certificateServed(Date.parse(certificateDetails(pair).notAfter));
      this.#log.info({ address, port }, 'webhook started');
    } catch (error) {
      throw listenError('the webhook', webhookPort, error);
    }
  }

  async #reloadCertificates(pairs: AsyncIterable<KeyPair>): Promise<void> {
    for await (const pair of pairs) {
      try {
        this.#server.useCertificate(pair);
        this.#metrics.certificateServed(Date.parse(certificateDetails(pair).notAfter));
      } catch (error) {
        this.#log.error(
          { err: error },
          'the new serving certificate is not usable; the webhook keeps serving the old one',
        );
      }
    }
  }
}
