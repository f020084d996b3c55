/** The webhook over TLS: who may ask, what a connection may cost, and how it all ends. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Connections } from '../shared/connections.ts';
import { sleep } from '../shared/sleep.ts';
import { refusalOf } from './client-certificate.ts';

/** PEM; the certificate may be followed by its chain. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** The authorities behind the certificates of clients. Needed where clients are asked for one. */
  readonly clientCa?: string;
}

/** Limits of a connection, in milliseconds. */
export interface Limits {
  readonly handshakeTimeout: number;
  readonly headersTimeout: number;
  /** For a whole request, body included. */
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  /** Without any traffic, in the midst of an exchange or before the first. */
  readonly idleTimeout: number;
  /** How often the limits of headers and requests are looked after. */
  readonly checkInterval: number;
}

/**
 * The API server waits 30 s at most for a webhook (admissionregistration/v1 `timeoutSeconds`), and keeps a connection
 * for 90 s after its last use (apimachinery pkg/util/net `SetTransportDefaults`): were we the first to close it, a
 * review could be on its way already, and fail.
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
 * Connections at once; for one more another is closed. One that idles takes about 60 KiB, and the API servers of a cluster
 * have some tens. Without a bound whoever can connect could have the process ended for its memory.
 */
export const MAX_CONNECTIONS = 2_000;

/** Who may ask. */
export interface Access {
  /** Common names; a client must show a certificate of `clientCa` with one of them. Absent: whoever can connect may ask. */
  readonly clientSubjects?: readonly string[] | undefined;
  /** Told why a client was refused, before anything that it sends is read. */
  readonly onRefused?: (why: string) => void;
  /** What the connections are counted in; default a table of the server's own. */
  readonly connections?: Connections;
}

/** After the last answer: a request that was sent before its client could know is still taken. */
const LINGER_MS = 100;

export class WebhookServer {
  readonly #server: Server;
  readonly #access: Access;
  readonly #connections: Connections;
  #clientCa: string | undefined;
  /** The first connection whose client was asked for a certificate of these authorities. */
  #clientCaSince = 0;
  /**
   * No Set: one that loses entries as fast as it gets them is copied every few reviews, and the tables that it leaves behind
   * keep the responses that were in them, with all they hold, until the next collection of the whole heap.
   */
  readonly #pending: ServerResponse[] = [];
  #stopping = false;
  #quiet: () => void = () => undefined;

  constructor(handler: RequestListener, limits: Partial<Limits> = {}, access: Access = {}) {
    const { handshakeTimeout, headersTimeout, requestTimeout, keepAliveTimeout, idleTimeout, checkInterval } = {
      ...LIMITS,
      ...limits,
    };
    this.#server = createServer(
      {
        minVersion: 'TLSv1.2',
        requestCert: access.clientSubjects !== undefined,
        // Whoever is refused is told of in `#admit`: Node's own refusal says nothing to anybody.
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

  /** False once it is to stop. */
  get serving(): boolean {
    return this.#server.listening && !this.#stopping;
  }

  /**
   * Serves on a host (undefined: every address, IPv6 and IPv4) and port (0: a free one), and says where. Rejects with
   * Node's own error where that is not possible.
   */
  async listen(pair: KeyPair, host: string | undefined, port: number): Promise<AddressInfo> {
    this.use(pair);
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /**
   * From now on shows this certificate to those who connect, and lets in clients of these authorities. Open connections go on
   * with the certificate they know; those that other authorities let in end with their next answer.
   */
  use({ cert, key, clientCa }: KeyPair): void {
    const asks = this.#access.clientSubjects !== undefined;
    // OpenSSL would ask all authorities of the world.
    if (asks && clientCa === undefined) throw new Error('there is no authority for the certificates of clients');
    const ca = asks && clientCa !== undefined ? { ca: clientCa } : {};
    this.#server.setSecureContext({ cert, key, ...ca, minVersion: 'TLSv1.2' });
    if (this.#clientCa !== clientCa) this.#clientCaSince = this.#connections.accepted;
    this.#clientCa = clientCa;
  }

  /**
   * Where it serves it does so until `delay` resolves, every answer the last on its connection; then accepts no more,
   * answers what has begun, and closes them all: those without a request at once, the others with their answer, and what
   * lasts longer than `graceMs` as it is. Never rejects, unless `delay` does.
   *
   * Whoever uses a connection meanwhile has left it before it is closed. One that is closed between two requests may lose
   * the second: it can be on its way already, and no client sends a POST twice by itself (RFC 9110 §9.2.2).
   */
  async close(graceMs: number, delay?: () => Promise<void>): Promise<void> {
    this.#stopping = true;
    if (!this.#server.listening) return;
    for (const response of this.#pending) announceEnd(response);
    if (delay !== undefined) await delay();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const answered = new AbortController();
    const drained = (async () => {
      await this.#answered();
      await sleep(LINGER_MS);
      await this.#answered();
      answered.abort();
    })();
    await Promise.race([drained, sleep(graceMs, answered.signal)]);
    this.#server.closeAllConnections();
    await closed;
  }

  /** Resolves when nothing is being answered. */
  async #answered(): Promise<void> {
    while (this.#pending.length > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
    }
  }

  /** Has HTTP begin on connections of clients that may ask, and on no others. */
  #admit(subjects: readonly string[] | undefined): void {
    if (subjects === undefined) return;
    const listeners = this.#server.listeners('secureConnection');
    this.#server.removeAllListeners('secureConnection');
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      const why = refusalOf(socket, subjects);
      if (why !== undefined) {
        socket.destroy();
        this.#access.onRefused?.(why);
        return;
      }
      this.#connections.find(socket)?.authenticate();
      for (const listener of listeners) listener.call(this.#server, socket);
    });
  }

  #serve(handler: RequestListener, request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.find(request.socket);
    connection?.requestStarted();
    this.#pending.push(response);
    response.once('close', () => {
      connection?.requestFinished();
      this.#answeredOne(response);
    });
    const isOutdated = connection !== undefined && connection.ordinal < this.#clientCaSince;
    if (this.#stopping || isOutdated) announceEnd(response);
    handler(request, response);
  }

  #answeredOne(response: ServerResponse): void {
    const last = this.#pending.pop();
    if (last !== undefined && last !== response) this.#pending[this.#pending.indexOf(response)] = last;
    if (this.#pending.length === 0) this.#quiet();
  }
}

/** Tells the client to open a new connection for the next request, and Node to close this one after the answer. */
function announceEnd(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
