/** How much of the bodies of reviews is held at once, by all connections together, and whose body ends when there is no room. */

/**
 * Four bodies of the greatest size, ten of the greatest that etcd takes (1.5 MiB, old and new). A client that may connect can
 * send any number at once, and a process that is out of memory is ended, with the controller that may run in it.
 */
export const BUDGET_BYTES = 32 * 1024 * 1024;

/** The usual body has a few KiB. One of this size does not wait for the room that larger ones hold. */
export const SMALL_BYTES = 256 * 1024;

/** Room that only small bodies take, beyond the other. */
export const SMALL_BODY_BYTES = 4 * 1024 * 1024;

/** A body that takes longer is slow. API servers send the largest in some tens of milliseconds. */
const SLOW_MS = 1_000;

/** Who sends a body. */
export interface Sender {
  /** All bodies of one address are counted together. */
  readonly address: string;
  /** Its connection is one to keep (shared/connections.ts). */
  readonly isTrusted: boolean;
}

export interface ByteBudgetOptions {
  /** For all bodies; default 32 MiB. */
  readonly bytes?: number | undefined;
  /** For small ones, beyond that; default 4 MiB. */
  readonly smallBytes?: number | undefined;
  /** Milliseconds of a clock that only goes forward; default `performance.now`. */
  readonly now?: () => number;
}

/** The room of one body, from its first byte to the verdict. */
export interface BodyReservation {
  readonly sender: Sender;
  /** Takes so many more bytes where there is room, or can be made. */
  acquire(bytes: number): boolean;
  /** All bytes have come, and it waits to be judged: that it takes its time is not the sender's fault. `end`: as before. */
  wait(end: () => void): void;
  /** It is judged from now on, and not ended any more. Of one that is judged at once nobody need say so. */
  evaluate(): void;
  /** Gives all of it back. Once is enough. */
  release(): void;
}

interface Body {
  readonly sender: Sender;
  readonly since: number;
  end: () => void;
  bytes: number;
  state: 'coming' | 'waiting' | 'judged';
}

/**
 * Where there is no room for a body it is made, by ending others that come in or wait to be judged: strangers' before those of
 * connections to keep, slow ones before others, those of the address that holds most, the oldest. A body that is slow ends for any
 * other. One that is not ends for a connection to keep, where it is a stranger's, and else for an address that holds less.
 * So whoever fills the room pays with what they have put there.
 */
export class ByteBudget {
  readonly #bytes: number;
  readonly #smallBytes: number;
  readonly #now: () => number;
  readonly #bodies = new Set<Body>();
  readonly #byAddress = new Map<string, number>();
  #held = 0;
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

  /** Begins a body, which takes nothing yet. `end`: it has lost its room, and is to be refused. */
  reserve(sender: Sender, end: () => void): BodyReservation {
    const body: Body = { sender, since: this.#now(), end, bytes: 0, state: 'coming' };
    this.#bodies.add(body);
    return {
      sender,
      acquire: (bytes) => this.#acquire(body, bytes),
      wait: (endWaiting) => {
        body.state = 'waiting';
        body.end = endWaiting;
      },
      evaluate: () => {
        body.state = 'judged';
      },
      release: () => this.#release(body),
    };
  }

  #acquire(body: Body, bytes: number): boolean {
    if (!this.#bodies.has(body)) return false;
    for (let lack = this.#shortage(body, bytes); lack !== undefined; lack = this.#shortage(body, bytes)) {
      const victim = this.#victim(body, bytes, lack);
      if (victim === undefined) return false;
      this.#release(victim);
      victim.end();
    }
    this.#count(body, bytes);
    return true;
  }

  /** What there is not enough of. */
  #shortage(body: Body, bytes: number): 'room' | 'room for large bodies' | undefined {
    if (this.#held + bytes > this.#bytes + this.#smallBytes) return 'room';
    const after = body.bytes + bytes;
    const more = isSmall(body.bytes) ? after : bytes;
    return !isSmall(after) && this.#large + more > this.#bytes ? 'room for large bodies' : undefined;
  }

  #victim(body: Body, bytes: number, lack: 'room' | 'room for large bodies'): Body | undefined {
    const own = this.#ofAddress(body) + bytes;
    const now = this.#now();
    let victim: Body | undefined;
    for (const other of this.#bodies) {
      if (other === body || other.state === 'judged' || other.bytes === 0) continue;
      if (lack === 'room for large bodies' && isSmall(other.bytes)) continue;
      if (!isSlow(other, now) && !this.#yields(other, body, own)) continue;
      if (victim === undefined || this.#goesBefore(other, victim, now)) victim = other;
    }
    return victim;
  }

  /** Whether a body that is not slow ends for another one, whose address will hold so much. */
  #yields(other: Body, body: Body, own: number): boolean {
    if (other.sender.isTrusted !== body.sender.isTrusted) return body.sender.isTrusted;
    return this.#ofAddress(other) > own;
  }

  #goesBefore(a: Body, b: Body, now: number): boolean {
    if (a.sender.isTrusted !== b.sender.isTrusted) return b.sender.isTrusted;
    const [aIsSlow, bIsSlow] = [isSlow(a, now), isSlow(b, now)];
    if (aIsSlow !== bIsSlow) return aIsSlow;
    // Of two that are equal the first is the older one.
    return this.#ofAddress(a) > this.#ofAddress(b);
  }

  #ofAddress({ sender }: Body): number {
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
    this.#held += bytes;
    const ofAddress = this.#ofAddress(body) + bytes;
    if (ofAddress === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, ofAddress);
  }
}

const isSlow = ({ state, since }: Body, now: number): boolean => state === 'coming' && now - since >= SLOW_MS;

const isSmall = (bytes: number): boolean => bytes <= SMALL_BYTES;
