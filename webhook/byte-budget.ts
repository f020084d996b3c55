/**
 * Limits the memory for the bodies of reviews over all connections, and chooses the body to evict if it is exhausted.
 */

/**
 * Four bodies of the maximum size, or ten with the largest objects that etcd stores (1.5 MiB, old and new). Any
 * client can send many bodies at once, and the kernel kills a process without memory, including a controller in it.
 */
export const BUDGET_BYTES = 32 * 1024 * 1024;

/** A usual body has a few KiB. A body up to this size does not wait for memory that larger ones hold. */
export const SMALL_BYTES = 256 * 1024;

/** Additional memory that only small bodies use. */
export const SMALL_BODY_BYTES = 4 * 1024 * 1024;

/** A body that takes longer to arrive is slow. API servers send the largest ones in some tens of milliseconds. */
const SLOW_MS = 1_000;

/** The sender of a body. */
export interface Sender {
  /** The IP address; the bodies of one address are counted together. */
  readonly address: string;
  /** Whether its connection is trusted (shared/connections.ts). */
  readonly isTrusted: boolean;
}

export interface ByteBudgetOptions {
  /** For all bodies; default 32 MiB. */
  readonly bytes?: number | undefined;
  /** Additional bytes for small bodies; default 4 MiB. */
  readonly smallBytes?: number | undefined;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/** The memory of one body, from its first byte to the decision. */
export interface BodyReservation {
  readonly sender: Sender;
  /** Reserves more bytes; false if there is no memory and none can be freed. */
  acquire(bytes: number): boolean;
  /**
   * The body is complete and queued for evaluation; from now on it does not count as slow. `evict` replaces the
   * callback of `reserve`.
   */
  queued(end: () => void): void;
  /** The body is being evaluated and cannot be evicted any more. Not needed if it is evaluated at once. */
  evaluating(): void;
  /** Releases the whole reservation; repeated calls have no effect. */
  release(): void;
}

interface Body {
  readonly sender: Sender;
  readonly startedMs: number;
  evict: () => void;
  bytes: number;
  state: 'receiving' | 'queued' | 'evaluating';
}

/**
 * If there is not enough memory, evicts bodies that are being received or queued, in this order: those of untrusted
 * connections first, then slow ones, then those of the address that holds most, then the oldest. A slow body is
 * evicted for any other. A body that is not slow is evicted only for a trusted connection, if its own is untrusted,
 * or else for an address that holds less. So a client that fills the memory loses its own bodies.
 */
export class ByteBudget {
  readonly #bytes: number;
  readonly #smallBytes: number;
  readonly #now: () => number;
  readonly #bodies = new Set<Body>();
  readonly #byAddress = new Map<string, number>();
  #reserved = 0;
  #large = 0;

  constructor({
    bytes = BUDGET_BYTES,
    smallBytes = SMALL_BODY_BYTES,
    now = () => performance.now(),
  }: ByteBudgetOptions = {}) {
    this.#bytes = bytes;
    this.#smallBytes = smallBytes;
    this.#now = now;
  }

  /**
   * Starts the reservation of a body, without bytes yet. `evict` is called if the body is evicted; the request must
   * then be refused.
   */
  reserve(sender: Sender, evict: () => void): BodyReservation {
    const body: Body = { sender, startedMs: this.#now(), evict, bytes: 0, state: 'receiving' };
    this.#bodies.add(body);
    return {
      sender,
      acquire: (bytes) => this.#acquire(body, bytes),
      queued: (endWaiting) => {
        body.state = 'queued';
        body.evict = endWaiting;
      },
      evaluating: () => {
        body.state = 'evaluating';
      },
      release: () => this.#release(body),
    };
  }

  #acquire(body: Body, bytes: number): boolean {
    if (!this.#bodies.has(body)) return false;
    for (let shortage = this.#shortage(body, bytes); shortage !== undefined; shortage = this.#shortage(body, bytes)) {
      const victim = this.#victim(body, bytes, shortage);
      if (victim === undefined) return false;
      this.#release(victim);
      victim.evict();
    }
    this.#count(body, bytes);
    return true;
  }

  /** Which memory is short. */
  #shortage(body: Body, bytes: number): 'bytes' | 'bytes for large bodies' | undefined {
    if (this.#reserved + bytes > this.#bytes + this.#smallBytes) return 'bytes';
    const after = body.bytes + bytes;
    const more = isSmall(body.bytes) ? after : bytes;
    return !isSmall(after) && this.#large + more > this.#bytes ? 'bytes for large bodies' : undefined;
  }

  #victim(body: Body, bytes: number, shortage: 'bytes' | 'bytes for large bodies'): Body | undefined {
    const own = this.#bytesOfAddress(body) + bytes;
    const now = this.#now();
    let victim: Body | undefined;
    for (const other of this.#bodies) {
      if (other === body || other.state === 'evaluating' || other.bytes === 0) continue;
      if (shortage === 'bytes for large bodies' && isSmall(other.bytes)) continue;
      if (!isSlow(other, now) && !this.#mayEvict(other, body, own)) continue;
      if (victim === undefined || this.#isEvictedBefore(other, victim, now)) victim = other;
    }
    return victim;
  }

  /** Whether a body that is not slow is evicted for another one, whose address will hold `own` bytes. */
  #mayEvict(other: Body, body: Body, own: number): boolean {
    if (other.sender.isTrusted !== body.sender.isTrusted) return body.sender.isTrusted;
    return this.#bytesOfAddress(other) > own;
  }

  #isEvictedBefore(a: Body, b: Body, now: number): boolean {
    if (a.sender.isTrusted !== b.sender.isTrusted) return b.sender.isTrusted;
    const [aIsSlow, bIsSlow] = [isSlow(a, now), isSlow(b, now)];
    if (aIsSlow !== bIsSlow) return aIsSlow;
    // Of equal bodies the first one is the older.
    return this.#bytesOfAddress(a) > this.#bytesOfAddress(b);
  }

  #bytesOfAddress({ sender }: Body): number {
    return this.#byAddress.get(sender.address) ?? 0;
  }

  #release(body: Body): void {
    if (!this.#bodies.delete(body)) return;
    this.#count(body, -body.bytes);
  }

  #count(body: Body, bytes: number): void {
    const { address } = body.sender;
    const before = isSmall(body.bytes) ? 0 : body.bytes;
    body.bytes += bytes;
    this.#large += (isSmall(body.bytes) ? 0 : body.bytes) - before;
    this.#reserved += bytes;
    const ofAddress = this.#bytesOfAddress(body) + bytes;
    if (ofAddress === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, ofAddress);
  }
}

const isSlow = ({ state, startedMs }: Body, now: number): boolean =>
  state === 'receiving' && now - startedMs >= SLOW_MS;

const isSmall = (bytes: number): boolean => bytes <= SMALL_BYTES;
