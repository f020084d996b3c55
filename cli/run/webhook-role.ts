/** The webhook as a role: wait for the certificate → serve → follow the certificate. Needs no API server. */
import type { Registry } from 'prom-client';
import { certificateDetails } from '../../certs/key-pair.ts';
import { watchCertificate } from '../../certs/watch.ts';
import type { Config } from './config.ts';
import { Connections } from '../../shared/connections.ts';
import type { Log } from '../../shared/log.ts';
import { type ConnectionLoss, WebhookMetrics } from '../../webhook/metrics.ts';
import { SampledLog } from '../../shared/sampled-log.ts';
import { sleep } from '../../shared/sleep.ts';
import { createApp, MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';
import { EvaluationThread } from '../../webhook/evaluation-thread.ts';
import { type KeyPair, MAX_CONNECTIONS, WebhookServer } from '../../webhook/server.ts';
import { warmUp } from '../../webhook/validate.ts';
import { listenError } from './listen-error.ts';
import { ownNamespace } from './own-namespace.ts';
import type { Role } from './role.ts';

/** How long the server may take to end, its delay and the last reviews together; below the 20 s that all of it may take. */
const END_MS = 18_000;

const LOSSES: Readonly<Record<ConnectionLoss, string>> = {
  evicted: 'too many connections: one that idled was closed for a new one',
  refused: 'too many connections, or too many of one address: a new one was not taken',
  certificate: 'client refused',
};

export interface WebhookRoleOptions {
  /** Where its metrics go. */
  readonly registry: Registry;
  /** The program, for the thread that judges large reviews. */
  readonly program: URL;
}

export class WebhookRole implements Role {
  /**
   * All that `/readyz` of the webhook asks. A verdict needs neither caches nor leadership: a controller in the same process
   * that takes over, and lists everything first, must not take the webhook out of its Service.
   */
  readonly checks = { webhook: (): boolean => this.#server.serving };
  readonly #config: Config;
  readonly #log: Log;
  readonly #metrics: WebhookMetrics;
  readonly #server: WebhookServer;
  readonly #losses: SampledLog;
  readonly #thread: EvaluationThread;
  readonly #stopping = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();

  constructor(config: Config, log: Log, { registry, program }: WebhookRoleOptions) {
    this.#config = config;
    this.#log = log;
    this.#metrics = new WebhookMetrics(registry, [MUTATE_PATH, VALIDATE_PATH]);
    this.#losses = new SampledLog({ log });
    const onLost = (how: ConnectionLoss): void => this.#lost(how, how);
    const connections = new Connections({ maxConnections: MAX_CONNECTIONS, limitsNewClients: true, onLost });
    const { clientCaFile, clientSubjects } = config;
    const own = ownNamespace(config.operatorNamespace);
    this.#thread = new EvaluationThread({ program, ownNamespace: own });
    const { checks } = this;
    const app = { log, checks, metrics: this.#metrics, connections, ownNamespace: own, thread: this.#thread };
    this.#server = new WebhookServer(
      createApp(app),
      {},
      {
        connections,
        clientSubjects: clientCaFile === undefined ? undefined : clientSubjects,
        onRefused: (why) => this.#lost('certificate', why),
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
    // A server that is about to listen has to before it can be closed; why it could not, `start` has said.
    await this.#starting.catch(() => undefined);
    await this.#following;
    const delayMs = this.#config.shutdownDelaySeconds * 1000;
    await this.#server.close(END_MS - delayMs, delayMs === 0 ? undefined : async () => sleep(delayMs));
    await this.#thread.close();
  }

  async #start(): Promise<void> {
    warmUp();
    const { certDir: folder, clientCaFile } = this.#config;
    const pairs = watchCertificate({ folder, clientCaFile, log: this.#log, signal: this.#stopping.signal });
    const first = await pairs.next();
    if (first.done === true) return;
    await this.#listen(first.value);
    this.#following = this.#follow(pairs);
  }

  /** Strangers can cause as many of these as they like. */
  #lost(reason: ConnectionLoss, why: string): void {
    this.#metrics.connectionLost(reason);
    this.#losses.write({ level: 'warn', msg: LOSSES[reason], kind: why, fields: { reason: why } });
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

  async #follow(pairs: AsyncIterable<KeyPair>): Promise<void> {
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
