/** The open connections of a server: how many there may be, and which one is closed for a new one when there are so many. */
import type { Server, Socket } from 'node:net';
import { NewClientLimit } from './new-client-limit.ts';

/** How a server lost a connection to this limit: closed for another one, or not taken. */
export type LostConnectionReason = 'evicted' | 'refused';

export interface ConnectionsOptions {
  /** How many may be open at once. */
  readonly most: number;
  /** Each costs a handshake: an address of which nothing good is known may connect only so often. Default false. */
  readonly limitsNewcomers?: boolean;
  /** Told of each connection that the limit costs. */
  readonly onLost?: (how: LostConnectionReason) => void;
  /** Milliseconds of a clock that only goes forward; default `performance.now`. */
  readonly now?: () => number;
}

/** After so many milliseconds without progress a connection of a stranger counts as idle, and an exchange as slow. */
const MIN_IDLE_MS = 1_000;

/** How many connections an address has. */
interface Share {
  all: number;
  strangers: number;
}

/** In this order, the lowest first. */
type Worth = readonly [rank: number, fewest: number, changed: number];

interface ConnectionFacts {
  readonly address: string;
  readonly ordinal: number;
  readonly share: Share;
  readonly now: () => number;
  /** Told when it has shown to be of use. */
  readonly onUse: () => void;
}

/** What is known of one open connection. */
export class Connection {
  /** The client's, without its port; all that comes through a proxy has the proxy's. */
  readonly address: string;
  /** How many the server had taken before it. */
  readonly ordinal: number;
  readonly #socket: Socket;
  #share: Share;
  readonly #now: () => number;
  readonly #onUse: () => void;
  #isTrusted = false;
  #isAuthenticated = false;
  #exchanges = 0;
  #changed: number;

  constructor(socket: Socket, { address, ordinal, share, now, onUse }: ConnectionFacts) {
    this.#socket = socket;
    this.address = address;
    this.ordinal = ordinal;
    this.#share = share;
    this.#now = now;
    this.#onUse = onUse;
    this.#changed = now();
    share.all += 1;
    share.strangers += 1;
  }

  /**
   * Whether it is one to keep: its client has shown a certificate that is asked for or, where none is, its last request was
   * what the server is there for.
   */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Its client has shown who it is: trusted from now on. */
  authenticate(): void {
    this.#trust(true);
    this.#isAuthenticated = true;
  }

  /** Its last request was what the server is there for, or was not. */
  proveUseful(isUseful: boolean): void {
    if (!this.#isAuthenticated) this.#trust(isUseful);
  }

  /** A request has begun. */
  begin(): void {
    this.#exchanges += 1;
    this.#changed = this.#now();
  }

  /** A request has been answered. */
  end(): void {
    this.#exchanges -= 1;
    this.#changed = this.#now();
  }

  /** Closes it as it is. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** It counts no more, whatever is still said of it. True where it was the last of its address. */
  leave(): boolean {
    const share = this.#share;
    share.all -= 1;
    if (!this.#isTrusted) share.strangers -= 1;
    this.#share = { all: 1, strangers: this.#isTrusted ? 0 : 1 };
    return share.all === 0;
  }

  #trust(isTrusted: boolean): void {
    if (isTrusted) this.#onUse();
    if (isTrusted !== this.#isTrusted) this.#share.strangers += isTrusted ? -1 : 1;
    this.#isTrusted = isTrusted;
  }

  /** How willingly it is closed for another; undefined: not at all. */
  worth(): Worth | undefined {
    const isFresh = this.#now() - this.#changed < MIN_IDLE_MS;
    if (!this.#isTrusted) return [isFresh ? 1 : 0, -this.#share.strangers, this.#changed];
    return isFresh && this.#exchanges > 0 ? undefined : [2, -this.#share.all, this.#changed];
  }
}

/**
 * Who cannot be told from others by a certificate is told by what it does. When there are as many connections as there may
 * be, room for a new one is made in this order: a stranger that idles or is slow, any stranger, then one that is of use but
 * idles; among equals one of the address that has the most of that kind, and of these the one that has idled longest. A new
 * connection costs another address no useful one while its own address has as many. So whoever opens all of them pays with
 * their own; and whoever does nothing but connect is not taken for long (shared/new-client-limit.ts).
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #now: () => number;
  readonly #open = new Map<string, Connection>();
  /** What has been looked up once: a socket forgets its ends when it closes, and asking for them takes time. */
  readonly #found = new WeakMap<Socket, Connection>();
  readonly #shares = new Map<string, Share>();
  readonly #newcomers: NewClientLimit;
  #taken = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#newcomers = new NewClientLimit(this.#now);
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** How many addresses they come from. */
  get addresses(): number {
    return this.#shares.size;
  }

  /** How many have been taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** That of a socket, or of the TLS socket upon it; undefined where it was closed before this was asked, or never counted. */
  of(socket: Socket): Connection | undefined {
    const found = this.#found.get(socket) ?? this.#open.get(keyOf(socket));
    if (found !== undefined) this.#found.set(socket, found);
    return found;
  }

  /** Has a server take no connection that there is no room for. To be called before it listens. */
  guard(server: Server): void {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (!this.#take(socket)) socket.destroy();
      else for (const listener of listeners) listener.call(server, socket);
    });
  }

  #take(socket: Socket): boolean {
    const address = socket.remoteAddress;
    // It has gone again.
    if (address === undefined) return false;
    const isFull = this.#open.size >= this.#options.most;
    if (this.#isOverNewClientLimit(address) || (isFull && !this.#evictFor(address))) {
      this.#options.onLost?.('refused');
      return false;
    }
    const key = keyOf(socket);
    const before = this.#open.get(key);
    // The client has closed it and connected again from the same port, sooner than its end was told.
    if (before !== undefined) this.#forget(key, before);
    const share = this.#shares.get(address) ?? { all: 0, strangers: 0 };
    this.#shares.set(address, share);
    const connection = new Connection(socket, {
      address,
      ordinal: this.#taken,
      share,
      now: this.#now,
      onUse: () => this.#newcomers.know(address),
    });
    this.#taken += 1;
    this.#open.set(key, connection);
    socket.once('close', () => this.#forget(key, connection));
    return true;
  }

  #isOverNewClientLimit(address: string): boolean {
    return this.#options.limitsNewcomers === true && !this.#newcomers.admit(address);
  }

  /** Closes the connection that is worth least, where that is fair to its address. */
  #evictFor(address: string): boolean {
    const victim = this.#leastWorth();
    if (victim === undefined) return false;
    const { key, connection, worth } = victim;
    const [rank, fewest] = worth;
    if (rank === USEFUL && connection.address !== address && (this.#shares.get(address)?.all ?? 0) >= -fewest)
      return false;
    this.#forget(key, connection);
    connection.destroy();
    this.#options.onLost?.('evicted');
    return true;
  }

  #leastWorth(): { readonly key: string; readonly connection: Connection; readonly worth: Worth } | undefined {
    let least: { readonly key: string; readonly connection: Connection; readonly worth: Worth } | undefined;
    for (const [key, connection] of this.#open) {
      const worth = connection.worth();
      if (worth === undefined || (least !== undefined && !isLess(worth, least.worth))) continue;
      least = { key, connection, worth };
    }
    return least;
  }

  /** At once where it is closed here: the socket says so later. */
  #forget(key: string, connection: Connection): void {
    if (this.#open.get(key) !== connection) return;
    this.#open.delete(key);
    if (connection.leave()) this.#shares.delete(connection.address);
  }
}

/** The rank of connections that are of use. */
const USEFUL = 2;

function isLess(a: Worth, b: Worth): boolean {
  if (a[0] !== b[0]) return a[0] < b[0];
  return a[1] === b[1] ? a[2] < b[2] : a[1] < b[1];
}

/** Both ends: a server may listen on several addresses. */
const keyOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
