/** The HTTPS server of the webhook: authentication of clients, limits of connections, graceful shutdown. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Connections } from '../shared/connections.ts';
import type { KeyPair } from '../shared/key-pair.ts';
import { sleep } from '../shared/sleep.ts';
import { clientRefusal, NO_CERTIFICATE } from './client-certificate.ts';
import { pathOf } from './request-path.ts';

/** Limits of a connection, in milliseconds. */
export interface Limits {
  readonly handshakeTimeout: number;
  readonly headersTimeout: number;
  /** For a whole request, body included. */
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  /** Time without any traffic, within a request or before the first one. */
  readonly idleTimeout: number;
  /** How often Node checks the timeouts of headers and requests. */
  readonly checkInterval: number;
}

/**
 * The API server waits at most 30 s for a webhook (admissionregistration/v1 `timeoutSeconds`), and closes an idle
 * connection after 90 s (apimachinery pkg/util/net `SetTransportDefaults`). If the webhook closed it first, a review
 * that is already on its way would fail.
 */
export const LIMITS: Limits = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 120_000,
  idleTimeout: 60_000,
  checkInterval: 1_000,
};

/**
 * Maximum number of connections; beyond it another one is closed. An idle one takes about 60 KiB, and the API servers
 * of a cluster have some tens. Without a limit any client could exhaust the memory of the process.
 */
export const MAX_CONNECTIONS = 2_000;

/** Which clients are accepted. */
export interface ClientAccess {
  /**
   * Common names. A client must present a certificate signed by `clientCa` with one of them. Absent: all clients are
   * accepted.
   */
  readonly clientSubjects?: readonly string[] | undefined;
  /** Paths that a client may use without a certificate; a wrong certificate is refused everywhere. Default: none. */
  readonly openPaths?: readonly string[];
  /** Called with the reason when a client is refused; no body that it sends has been read. */
  readonly onRefused?: (why: string) => void;
  /** Counts the connections; default: a new instance. */
  readonly connections?: Connections;
}

/** Time after the last answer, to accept requests that clients sent before they knew of the shutdown. */
const LINGER_MS = 100;

export class WebhookServer {
  readonly #server: Server;
  readonly #access: ClientAccess;
  readonly #connections: Connections;
  #clientCa: string | undefined;
  /** The number of connections accepted before `clientCa` changed last. */
  #clientCaSince = 0;
  /**
   * Not a Set: V8 copies a Set every few reviews if entries are deleted as fast as they are added, and the old tables
   * retain the responses, with all that they reference, until the next full garbage collection.
   */
  readonly #pending: ServerResponse[] = [];
  /** The connections of clients without the certificate that is required. */
  readonly #anonymous = new WeakSet<Socket>();
  #stopping = false;
  #onIdle: () => void = () => undefined;

  constructor(handler: RequestListener, limits: Partial<Limits> = {}, access: ClientAccess = {}) {
    const { handshakeTimeout, headersTimeout, requestTimeout, keepAliveTimeout, idleTimeout, checkInterval } = {
      ...LIMITS,
      ...limits,
    };
    this.#server = createServer(
      {
        minVersion: 'TLSv1.2',
        requestCert: access.clientSubjects !== undefined,
        // `#admit` refuses clients and reports it; Node's own refusal reports nothing.
        rejectUnauthorized: false,
        handshakeTimeout,
        headersTimeout,
        requestTimeout,
        keepAliveTimeout,
        connectionsCheckingInterval: checkInterval,
      },
      (request, response) => this.#serve(handler, request, response),
    );
    this.#server.setTimeout(idleTimeout);
    this.#access = access;
    this.#connections = access.connections ?? new Connections({ maxConnections: MAX_CONNECTIONS });
    this.#connections.limit(this.#server);
    this.#admit(access.clientSubjects);
  }

  /** Whether the server is listening and not shutting down. */
  get serving(): boolean {
    return this.#server.listening && !this.#stopping;
  }

  /**
   * Listens on a host (undefined: all IPv4 and IPv6 addresses) and a port (0: any free one). Returns the address in
   * use. Rejects with Node's error if it cannot listen.
   */
  async listen(pair: KeyPair, host: string | undefined, port: number): Promise<AddressInfo> {
    this.useCertificate(pair);
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /**
   * Presents this certificate to new connections and accepts clients of these CAs. Open connections keep their
   * certificate; those accepted under other client CAs are closed after their next answer.
   */
  useCertificate({ cert, key, clientCa }: KeyPair): void {
    const asks = this.#access.clientSubjects !== undefined;
    // Without a CA, OpenSSL would accept all public authorities.
    if (asks && clientCa === undefined) throw new Error('there is no CA certificate for client certificates');
    const ca = asks && clientCa !== undefined ? { ca: clientCa } : {};
    this.#server.setSecureContext({ cert, key, ...ca, minVersion: 'TLSv1.2' });
    if (this.#clientCa !== clientCa) this.#clientCaSince = this.#connections.accepted;
    this.#clientCa = clientCa;
  }

  /**
   * Shuts down. Until `delay` resolves, it serves on and closes each connection after its next answer. Then it
   * accepts no more connections, answers the requests in progress, and closes all connections: idle ones at once,
   * others after their answer, and all after at most `graceMs`. Never rejects unless `delay` does.
   *
   * The delay lets clients leave each connection before it is closed. If a connection is closed between two requests,
   * the second may already be on its way and is lost: clients do not repeat a POST by themselves (RFC 9110 §9.2.2).
   */
  async close(graceMs: number, delay?: () => Promise<void>): Promise<void> {
    this.#stopping = true;
    if (!this.#server.listening) return;
    for (const response of this.#pending) closeAfterAnswer(response);
    if (delay !== undefined) await delay();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const answered = new AbortController();
    const drained = (async () => {
      await this.#whenIdle();
      await sleep(LINGER_MS);
      await this.#whenIdle();
      answered.abort();
    })();
    await Promise.race([drained, sleep(graceMs, answered.signal)]);
    this.#server.closeAllConnections();
    await closed;
  }

  /** Resolves when no request is in progress. */
  async #whenIdle(): Promise<void> {
    while (this.#pending.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** Starts HTTP only on connections of accepted clients and, for `openPaths`, of those without a certificate. */
  #admit(subjects: readonly string[] | undefined): void {
    if (subjects === undefined) return;
    const listeners = this.#server.listeners('secureConnection');
    this.#server.removeAllListeners('secureConnection');
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      const why = clientRefusal(socket, subjects);
      const isAnonymous = why === NO_CERTIFICATE && this.#access.openPaths !== undefined;
      if (why !== undefined && !isAnonymous) {
        this.#refuse(socket, why);
        return;
      }
      if (isAnonymous) this.#anonymous.add(socket);
      else this.#connections.find(socket)?.authenticate();
      for (const listener of listeners) listener.call(this.#server, socket);
    });
  }

  #refuse(socket: Socket, why: string): void {
    socket.destroy();
    this.#access.onRefused?.(why);
  }

  #serve(handler: RequestListener, request: IncomingMessage, response: ServerResponse): void {
    if (this.#anonymous.has(request.socket) && this.#access.openPaths?.includes(pathOf(request)) !== true) {
      this.#refuse(request.socket, NO_CERTIFICATE);
      return;
    }
    const connection = this.#connections.find(request.socket);
    connection?.requestStarted();
    this.#pending.push(response);
    response.once('close', () => {
      connection?.requestFinished();
      this.#remove(response);
    });
    const isOutdated = connection !== undefined && connection.ordinal < this.#clientCaSince;
    if (this.#stopping || isOutdated) closeAfterAnswer(response);
    handler(request, response);
  }

  #remove(response: ServerResponse): void {
    const last = this.#pending.pop();
    if (last !== undefined && last !== response) this.#pending[this.#pending.indexOf(response)] = last;
    if (this.#pending.length === 0) this.#onIdle();
  }
}

/** Tells the client to use a new connection for its next request, and Node to close this one after the answer. */
function closeAfterAnswer(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
