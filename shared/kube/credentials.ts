/**
 * The connection pool and the headers of the current kubeconfig user. client-node opens one connection per request;
 * here one keep-alive pool serves all requests, and is replaced only when the TLS configuration changes.
 */
import type { RequestOptions } from 'node:https';
// Not the whole client, which takes ten times as long to load.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { ApiError } from './errors.ts';

/** How long headers and certificates are used before they are read again: tokens rotate, and files are replaced. */
const REFRESH_MS = 10_000;

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'>;

export interface Access {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

export class Credentials {
  #config: KubeConfig;
  readonly #now: () => number;
  #tls: Tls = {};
  #access: Access | undefined;
  #expires = 0;
  #pending: Promise<Access> | undefined;
  #closed = false;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(config: KubeConfig, now: () => number) {
    this.#config = config;
    this.#now = now;
  }

  /** Pool and headers, if they need no refresh. */
  get current(): Access | undefined {
    return this.#now() < this.#expires ? this.#access : undefined;
  }

  /**
   * Current pool and headers. `fresh`, after a 401, drops cached results of `exec` plugins and token files and reads
   * them again. Otherwise credentials without expiry are used until they are refused, as in client-go. Concurrent
   * calls share one refresh.
   */
  async access(fresh = false): Promise<Access> {
    if (this.#closed) throw new ApiError('Aborted', 'the connection to the API server is closed');
    if (!fresh && this.current !== undefined) return this.current;
    if (fresh && this.#pending === undefined) this.#config = withoutCachedTokens(this.#config);
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** Closes all connections at once, watches included, and opens no new ones. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#access?.dispatcher.destroy();
    this.#access = undefined;
  }

  async #refresh(): Promise<Access> {
    const options: RequestOptions = { headers: {} };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new ApiError(
        'Unauthorized',
        `cannot authenticate: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
    const tls = tlsOf(options);
    const previous = this.#access?.dispatcher;
    const keep = previous !== undefined && sameTls(tls, this.#tls);
    if (!keep) void previous?.close().catch(() => undefined);
    this.#tls = tls;
    this.#access = { dispatcher: keep ? previous : this.#connect(tls), headers: headersOf(options) };
    this.#expires = this.#now() + REFRESH_MS;
    return this.#access;
  }

  #connect(tls: Tls): Dispatcher {
    const cluster = this.#config.getCurrentCluster();
    const secure = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
    // One blackholed HTTP/2 connection stalls every request on it; HTTP/1.1 loses one request at a time.
    const pool = { allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, pipelining: 1 } as const;
    const proxy = cluster?.proxyUrl;
    if (proxy?.startsWith('socks') === true) return new Socks5ProxyAgent(proxy, { ...pool, requestTls: secure });
    if (proxy !== undefined && proxy !== '') return new ProxyAgent({ ...pool, uri: proxy, requestTls: secure });
    return new Agent({
      ...pool,
      connect: { ...secure, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: 30_000 },
    });
  }
}

/**
 * A copy of the configuration. The authenticators of the original cache tokens until they expire or for a minute,
 * even if a server refuses them.
 */
function withoutCachedTokens(config: KubeConfig): KubeConfig {
  const copy = new KubeConfig();
  copy.loadFromOptions({
    clusters: config.getClusters(),
    users: config.getUsers(),
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  });
  return copy;
}

function tlsOf(options: RequestOptions): Tls {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  return { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
}

function sameTls(a: Tls, b: Tls): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}
