/** The webhook as a role: wait for the certificate → serve → follow the certificate. Needs no API server. */
import { watchCertificate } from '../../certs/watch.ts';
import type { Config } from '../../shared/config.ts';
import { systemCode } from '../../shared/kube/errors.ts';
import { StartupError } from '../../shared/kube/startup.ts';
import type { Log } from '../../shared/log.ts';
import { createApp } from '../../webhook/app.ts';
import { type KeyPair, WebhookServer } from '../../webhook/server.ts';
import { warmUp } from '../../webhook/validate.ts';
import type { Role } from './role.ts';

/** What a review may still take when the process is to end; below the 20 s that all of it may take. */
const GRACE_MS = 15_000;

/** What keeps a server from listening, and is for the user to mend. */
const NOT_OURS: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND', 'EAFNOSUPPORT']);

export class WebhookRole implements Role {
  readonly checks = { webhook: (): boolean => this.#server.serving };
  readonly #config: Config;
  readonly #log: Log;
  readonly #server: WebhookServer;
  readonly #stopping = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();

  /** `others`: what else has to be true for `/readyz`. */
  constructor(config: Config, log: Log, others: Role['checks']) {
    this.#config = config;
    this.#log = log;
    this.#server = new WebhookServer(createApp({ log, checks: { ...this.checks, ...others } }));
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
    await this.#server.close(GRACE_MS);
  }

  async #start(): Promise<void> {
    warmUp();
    const pairs = watchCertificate({ folder: this.#config.certDir, log: this.#log, signal: this.#stopping.signal });
    const first = await pairs.next();
    if (first.done === true) return;
    await this.#listen(first.value);
    this.#following = this.#follow(pairs);
  }

  async #listen(pair: KeyPair): Promise<void> {
    const { webhookHost: host, webhookPort } = this.#config;
    try {
      const { address, port } = await this.#server.listen(pair, host, webhookPort);
      this.#log.info({ address, port }, 'webhook started');
    } catch (error) {
      if (!NOT_OURS.has(systemCode(error))) throw error;
      const { message } = error as { readonly message: string };
      throw new StartupError(`cannot serve the webhook on port ${webhookPort}: ${message}`);
    }
  }

  async #follow(pairs: AsyncIterable<KeyPair>): Promise<void> {
    for await (const pair of pairs) {
      try {
        this.#server.use(pair);
      } catch (error) {
        this.#log.error({ err: error }, 'the certificate cannot be served, keeping the old one');
      }
    }
  }
}
