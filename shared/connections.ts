/** The open connections of a server: their maximum number, and which one is closed to make room for a new one. */
import type { Server, Socket } from 'node:net';
import { NewClientLimit } from './new-client-limit.ts';

/** How the limit cost a connection: an open one was closed for a new one, or a new one was not accepted. */
export type LostConnectionReason = 'evicted' | 'refused';

export interface ConnectionsOptions {
  /** Maximum number of open connections. */
  readonly maxConnections: number;
  /**
   * Limits how often an address without a trusted connection may connect, because each TLS handshake costs CPU time.
   * Default false.
   */
  readonly limitsNewClients?: boolean;
  /** Called for each connection that is evicted or refused. */
  readonly onLost?: (how: LostConnectionReason) => void;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * An untrusted connection without progress for this long counts as idle or slow; an idle trusted one may be evicted
 * after it.
 */
const MIN_IDLE_MS = 1_000;

/** The number of connections of one address. */
interface AddressCounts {
  total: number;
  untrusted: number;
}

/** Eviction order: the lowest value is closed first. */
type EvictionOrder = readonly [rank: number, negatedCount: number, lastActivity: number];

interface ConnectionOptions {
  readonly address: string;
  readonly ordinal: number;
  readonly addressCounts: AddressCounts;
  readonly now: () => number;
  /** Called when the connection becomes trusted. */
  readonly onTrusted: () => void;
}

/** The state of one open connection. */
export class Connection {
  /** The client's IP address without its port. All connections through one proxy have the proxy's address. */
  readonly address: string;
  /** The number of connections that the server accepted before this one. */
  readonly ordinal: number;
  readonly #socket: Socket;
  #addressCounts: AddressCounts;
  readonly #now: () => number;
  readonly #onTrusted: () => void;
  #isTrusted = false;
  #isAuthenticated = false;
  #openRequests = 0;
  #lastActivity: number;

  constructor(socket: Socket, { address, ordinal, addressCounts, now, onTrusted }: ConnectionOptions) {
    this.#socket = socket;
    this.address = address;
    this.ordinal = ordinal;
    this.#addressCounts = addressCounts;
    this.#now = now;
    this.#onTrusted = onTrusted;
    this.#lastActivity = now();
    addressCounts.total += 1;
    addressCounts.untrusted += 1;
  }

  /**
   * Whether this connection should be kept: its client presented an accepted certificate or, where none is requested,
   * its last request was a valid one (an AdmissionReview, for the webhook).
   */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** The client presented an accepted certificate: the connection stays trusted. */
  authenticate(): void {
    this.#setTrusted(true);
    this.#isAuthenticated = true;
  }

  /** Records whether the last request was a valid one. */
  recordRequest(isValid: boolean): void {
    if (!this.#isAuthenticated) this.#setTrusted(isValid);
  }

  /** A request has started. */
  requestStarted(): void {
    this.#openRequests += 1;
    this.#lastActivity = this.#now();
  }

  /** A request has been answered. */
  requestFinished(): void {
    this.#openRequests -= 1;
    this.#lastActivity = this.#now();
  }

  /** Closes the connection without waiting for answers in progress. */
  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Removes the connection from the counts; later changes of trust do not count. True if it was the last one of its
   * address.
   */
  uncount(): boolean {
    const counts = this.#addressCounts;
    counts.total -= 1;
    if (!this.#isTrusted) counts.untrusted -= 1;
    this.#addressCounts = { total: 1, untrusted: this.#isTrusted ? 0 : 1 };
    return counts.total === 0;
  }

  #setTrusted(isTrusted: boolean): void {
    if (isTrusted) this.#onTrusted();
    if (isTrusted !== this.#isTrusted) this.#addressCounts.untrusted += isTrusted ? -1 : 1;
    this.#isTrusted = isTrusted;
  }

  /** The connection's place in the eviction order; undefined if it must not be evicted. */
  evictionOrder(): EvictionOrder | undefined {
    const isFresh = this.#now() - this.#lastActivity < MIN_IDLE_MS;
    if (!this.#isTrusted) return [isFresh ? 1 : 0, -this.#addressCounts.untrusted, this.#lastActivity];
    return isFresh && this.#openRequests > 0 ? undefined : [2, -this.#addressCounts.total, this.#lastActivity];
  }
}

/**
 * Limits the connections of a server. Without client certificates, the server judges clients by their requests. At
 * the limit it makes room for a new connection in this order: an untrusted connection that is idle or slow, any other
 * untrusted one, a trusted one that is idle. Among equals it closes one of the address with the most connections of
 * that kind, the longest idle first. It closes a trusted connection of another address only if that address has more
 * connections than the new one's. So a client that opens all connections loses its own. New clients that only connect
 * are limited as well (shared/new-client-limit.ts).
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #now: () => number;
  readonly #open = new Map<string, Connection>();
  /** Results of `find` by socket: a closed socket has no addresses any more, and reading them takes time. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #addressCounts = new Map<string, AddressCounts>();
  readonly #newClients: NewClientLimit;
  #accepted = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#newClients = new NewClientLimit(this.#now);
  }

  /** The number of open connections. */
  get size(): number {
    return this.#open.size;
  }

  /** The number of addresses with open connections. */
  get addressCount(): number {
    return this.#addressCounts.size;
  }

  /** The number of connections accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /**
   * The connection of a TCP socket or of the TLS socket on top of it; undefined if it was closed before the first
   * call, or never counted.
   */
  find(socket: Socket): Connection | undefined {
    const found = this.#bySocket.get(socket) ?? this.#open.get(keyOf(socket));
    if (found !== undefined) this.#bySocket.set(socket, found);
    return found;
  }

  /** Makes the server refuse connections beyond the limit. Call it before the server listens. */
  limit(server: Server): void {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (!this.#accept(socket)) socket.destroy();
      else for (const listener of listeners) listener.call(server, socket);
    });
  }

  #accept(socket: Socket): boolean {
    const address = socket.remoteAddress;
    // The client has disconnected already.
    if (address === undefined) return false;
    const isFull = this.#open.size >= this.#options.maxConnections;
    if (this.#isOverNewClientLimit(address) || (isFull && !this.#evictFor(address))) {
      this.#options.onLost?.('refused');
      return false;
    }
    const key = keyOf(socket);
    const before = this.#open.get(key);
    // The client reconnected from the same port before Node emitted `close` for the old socket.
    if (before !== undefined) this.#forget(key, before);
    const addressCounts = this.#addressCounts.get(address) ?? { total: 0, untrusted: 0 };
    this.#addressCounts.set(address, addressCounts);
    const connection = new Connection(socket, {
      address,
      ordinal: this.#accepted,
      addressCounts,
      now: this.#now,
      onTrusted: () => this.#newClients.markKnown(address),
    });
    this.#accepted += 1;
    this.#open.set(key, connection);
    socket.once('close', () => this.#forget(key, connection));
    return true;
  }

  #isOverNewClientLimit(address: string): boolean {
    return this.#options.limitsNewClients === true && !this.#newClients.admit(address);
  }

  /** Closes the first connection in the eviction order, unless that is unfair to its address. */
  #evictFor(address: string): boolean {
    const victim = this.#nextToEvict();
    if (victim === undefined) return false;
    const { key, connection, order } = victim;
    const [rank, negatedCount] = order;
    if (
      rank === TRUSTED_RANK &&
      connection.address !== address &&
      (this.#addressCounts.get(address)?.total ?? 0) >= -negatedCount
    )
      return false;
    this.#forget(key, connection);
    connection.destroy();
    this.#options.onLost?.('evicted');
    return true;
  }

  #nextToEvict(): { readonly key: string; readonly connection: Connection; readonly order: EvictionOrder } | undefined {
    let first: { readonly key: string; readonly connection: Connection; readonly order: EvictionOrder } | undefined;
    for (const [key, connection] of this.#open) {
      const order = connection.evictionOrder();
      if (order === undefined || (first !== undefined && !precedes(order, first.order))) continue;
      first = { key, connection, order };
    }
    return first;
  }

  /** Uncounts a connection when it is evicted: its socket emits `close` only later. */
  #forget(key: string, connection: Connection): void {
    if (this.#open.get(key) !== connection) return;
    this.#open.delete(key);
    if (connection.uncount()) this.#addressCounts.delete(connection.address);
  }
}

/** The first element of a trusted connection's eviction order. */
const TRUSTED_RANK = 2;

function precedes(a: EvictionOrder, b: EvictionOrder): boolean {
  if (a[0] !== b[0]) return a[0] < b[0];
  return a[1] === b[1] ? a[2] < b[2] : a[1] < b[1];
}

/** Local and remote address: a server may listen on several addresses. */
const keyOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
