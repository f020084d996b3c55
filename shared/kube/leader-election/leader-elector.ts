/**
 * Leader election by a Lease, with the times and rules of client-go's tools/leaderelection: of several processes one
 * leads. docs/adr/0009-leadership.md says what it guarantees and what it cannot.
 */
import { backoffDelay } from '../../backoff.ts';
import { ApiError, isApiError } from '../errors.ts';
import { holderOf, type Lease, type LeaseSpec, type LeaseStore, type RequestLimits } from './leases.ts';
import type { Log } from '../../log.ts';
import { LeaseObservation } from './lease-observation.ts';
import { claimLease, releaseLease } from './lease-record.ts';

/** The defaults of Kubernetes components, in milliseconds (component-base's config/v1alpha1/defaults.go). */
export const ELECTION = {
  /** A Lease that was not renewed for this long has expired. */
  leaseMs: 15_000,
  /**
   * A leader that could not renew for this long stops leading; the difference to `leaseMs` allows for clocks that run
   * at different speeds.
   */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
} as const;

/** Maximum share added to a delay, so that candidates that start together do not send requests in step. */
const JITTER = 0.2;
/** Half of the renew deadline, so that one request without an answer does not end the leadership. */
const REQUEST_MS = 5_000;
/** Time limit for releasing the Lease at the end of a shutdown. */
const RELEASE_MS = 1_500;
/** Backoff of a candidate whose requests fail. */
const BACKOFF = { baseMs: ELECTION.retryMs, maxMs: 10_000 } as const;

export interface ElectionClock {
  /** Monotonic milliseconds that also advance while the machine sleeps. Only differences are used. */
  readonly now: () => number;
  /** Unix milliseconds for the times in the Lease, which only people read. */
  readonly date: () => number;
  /** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface LeaderElectorOptions {
  readonly store: LeaseStore;
  /** The identity of this process: unique, and new for each process. */
  readonly identity: string;
  readonly log: Log;
  readonly clock: ElectionClock;
  readonly random: () => number;
  /** Called when this process becomes the leader, and when it notices that it no longer is. */
  readonly onChange?: ((isLeader: boolean) => void) | undefined;
}

/** Not reentrant: await each call of `acquire`, `renew` and `release` before the next one. None of them rejects. */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #store: LeaseStore;
  readonly #clock: ElectionClock;
  readonly #log: Log;
  readonly #claim: Change = (before) => {
    const { identity, clock } = this.#options;
    return claimLease(before, { identity, leaseMs: ELECTION.leaseMs, nowMs: clock.date() });
  };
  readonly #observedLease = new LeaseObservation(ELECTION.leaseMs);
  /** When the leadership ends unless renewed, on the monotonic clock; undefined if not the leader. */
  #leadsUntil: number | undefined;
  /** The Lease as this process wrote it last; undefined after a failed write. */
  #lastWritten: Lease | undefined;
  /** The Lease may name this process as its holder. */
  #mayHoldLease = false;
  #loggedForbidden = false;

  constructor(options: LeaderElectorOptions) {
    const { store, clock, log } = options;
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#log = log.child({ lease: `${store.namespace}/${store.name}` });
  }

  /**
   * Never true in two processes at once, as long as no clock runs more than 1.5 times as fast as another. Computed
   * from the clock: a process that was suspended knows at its first check that its leadership has expired.
   */
  get isLeader(): boolean {
    return this.#remainingMs() > 0;
  }

  /** Tries to acquire the Lease until this process leads (true) or the signal is aborted (false). */
  async acquire(signal: AbortSignal): Promise<boolean> {
    this.#log.info({ identity: this.#options.identity }, 'attempting to acquire the Lease');
    for (let failures = 0; !signal.aborted;) {
      let delay: number;
      try {
        delay = await this.#tryAcquire(signal);
        failures = 0;
        this.#loggedForbidden = false;
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        delay = this.#logFailure(
          'cannot acquire the Lease, will retry',
          error,
          backoffDelay(failures, BACKOFF, this.#random),
        );
      }
      if (this.isLeader) {
        this.#log.info({ transitions: this.#lastWritten?.spec?.leaseTransitions }, 'became leader');
        this.#options.onChange?.(true);
        return true;
      }
      await this.#clock.sleep(delay, signal);
    }
    return false;
  }

  /** Renews the Lease; resolves when leadership is lost, which it logs, or when the signal is aborted. */
  async renew(signal: AbortSignal): Promise<void> {
    let delay = this.#retryMs();
    let reason: string | undefined;
    while (reason === undefined) {
      await this.#clock.sleep(Math.min(delay, this.#remainingMs()), signal);
      if (signal.aborted) return;
      delay = this.#retryMs();
      try {
        reason = await this.#renewOnce(signal);
      } catch (error) {
        if (signal.aborted) return;
        delay = this.#logFailure('cannot renew the Lease, will retry', error, delay);
      }
      if (!this.isLeader) reason ??= `the Lease could not be renewed within ${ELECTION.renewDeadlineMs / 1000} s`;
    }
    this.#leadsUntil = undefined;
    this.#log.warn({ reason: reason }, 'lost leadership');
    this.#options.onChange?.(false);
  }

  /**
   * Ends leadership and releases the Lease, so that another process can lead at once. All work that requires
   * leadership must have ended.
   */
  async release(): Promise<void> {
    if (this.#leadsUntil !== undefined) this.#options.onChange?.(false);
    this.#leadsUntil = undefined;
    if (!this.#mayHoldLease) return;
    const deadline = this.#clock.now() + RELEASE_MS;
    const bounds = { signal: new AbortController().signal, remainingMs: () => deadline - this.#clock.now() };
    try {
      const written = await this.#updateOwn((before) => releaseLease(before, this.#clock.date()), bounds);
      this.#mayHoldLease = false;
      if ('sentMs' in written) this.#log.info('released the Lease');
    } catch (error) {
      const message = 'failed to release the Lease: the next leader has to wait until it expires';
      if (isApiError(error)) this.#log.warn({ err: error.message }, message);
      else this.#log.error({ err: error }, `internal error: ${message}`);
    }
  }

  /** Acquires the Lease if it is free. Returns the delay before the next try, in milliseconds. */
  async #tryAcquire(signal: AbortSignal): Promise<number> {
    const bounds = { signal, remainingMs: () => REQUEST_MS };
    const lease = await this.#read(bounds);
    const before = this.#observedLease.holder;
    const waitMs = this.#observedLease.observe(lease, this.#clock.now());
    const { holder } = this.#observedLease;
    // If this process is the holder, it has lost the answer to its write, or its leadership; no other process holds
    // the Lease.
    if (waitMs > 0 && holder !== this.#options.identity) {
      if (holder !== before) this.#log.info({ leader: holder }, 'standing by');
      return Math.min(this.#retryMs(), waitMs);
    }
    try {
      this.#leadsUntil = (await this.#write(lease, this.#claim, bounds)) + ELECTION.renewDeadlineMs;
    } catch (error) {
      if (!isApiError(error, 'Conflict', 'AlreadyExists')) throw error;
      this.#log.debug({ err: error.message }, 'lost the race for the Lease');
    }
    return this.#retryMs();
  }

  /** Returns why leadership is lost, else undefined. Rejects if the renewal failed: the caller may retry. */
  async #renewOnce(signal: AbortSignal): Promise<string | undefined> {
    if (!this.isLeader) return undefined;
    const bounds = { signal, remainingMs: () => Math.min(REQUEST_MS, this.#remainingMs()) };
    const written = await this.#updateOwn(this.#claim, bounds);
    if ('reason' in written) return written.reason;
    // An answer that arrives after the deadline does not restore leadership.
    if (this.isLeader) this.#leadsUntil = written.sentMs + ELECTION.renewDeadlineMs;
    return undefined;
  }

  /**
   * Writes the Lease while this process holds it: first on the last written state, then on the state that a read
   * returns.
   */
  async #updateOwn(
    change: Change,
    bounds: TimeLimit,
  ): Promise<{ readonly sentMs: number } | { readonly reason: string }> {
    if (this.#lastWritten !== undefined) {
      try {
        return { sentMs: await this.#write(this.#lastWritten, change, bounds) };
      } catch (error) {
        if (!isApiError(error, 'Conflict', 'NotFound')) throw error;
      }
    }
    const lease = await this.#read(bounds);
    if (lease === undefined) return { reason: 'the Lease was deleted' };
    const holder = holderOf(lease);
    if (holder === this.#options.identity) return { sentMs: await this.#write(lease, change, bounds) };
    return { reason: holder === '' ? 'the Lease was released by another client' : `the Lease was taken by ${holder}` };
  }

  async #read(bounds: TimeLimit): Promise<Lease | undefined> {
    const lease = await this.#withTimeLimit(bounds, (limits) => this.#store.read(limits));
    this.#mayHoldLease = lease !== undefined && holderOf(lease) === this.#options.identity;
    return lease;
  }

  /** Returns when the request was sent. The Lease lasts from then on, as far as this process knows. */
  async #write(lease: Lease | undefined, change: Change, bounds: TimeLimit): Promise<number> {
    const spec = change(lease?.spec ?? undefined);
    const sentMs = this.#clock.now();
    this.#mayHoldLease = true;
    this.#lastWritten = undefined;
    this.#lastWritten = await this.#withTimeLimit(bounds, (limits) =>
      lease === undefined ? this.#store.create(spec, limits) : this.#store.replace(lease, spec, limits),
    );
    return sentMs;
  }

  /** The result of a request within its time limit, unless the signal is aborted. A later result is dropped. */
  async #withTimeLimit<T>({ signal, remainingMs }: TimeLimit, send: (limits: RequestLimits) => Promise<T>): Promise<T> {
    const requestEnd = new AbortController();
    const abort = (): void => requestEnd.abort();
    signal.addEventListener('abort', abort, { once: true });
    const timeoutMs = Math.max(0, remainingMs());
    const rejectAfterTimeout = async (): Promise<never> => {
      await this.#clock.sleep(timeoutMs, requestEnd.signal);
      throw new ApiError(signal.aborted ? 'Aborted' : 'Timeout', `no answer within ${timeoutMs / 1000} s`);
    };
    try {
      return await Promise.race([send({ timeoutMs, signal: requestEnd.signal }), rejectAfterTimeout()]);
    } finally {
      signal.removeEventListener('abort', abort);
      requestEnd.abort();
    }
  }

  /** Logs a failure and returns the delay before the next try. Logs a missing permission as an error only once. */
  #logFailure(message: string, error: unknown, retryMs: number): number {
    if (!isApiError(error)) {
      this.#log.error({ err: error, retryMs }, `internal error: ${message}`);
      return retryMs;
    }
    const delay = Math.max(retryMs, error.retryAfterMs ?? 0);
    const { namespace } = this.#store;
    const fields = { err: error.message, retryMs: delay };
    if (error.code !== 'Forbidden') this.#log.warn(fields, message);
    else if (this.#loggedForbidden) this.#log.debug(fields, message);
    else
      this.#log.error({ ...fields, namespace }, `${message}: needs get, create, update of leases.coordination.k8s.io`);
    this.#loggedForbidden ||= error.code === 'Forbidden';
    return delay;
  }

  get #random(): () => number {
    return this.#options.random;
  }

  #retryMs(): number {
    return ELECTION.retryMs * (1 + JITTER * this.#random());
  }

  #remainingMs(): number {
    return this.#leadsUntil === undefined ? 0 : Math.max(0, this.#leadsUntil - this.#clock.now());
  }
}

type Change = (before: LeaseSpec | undefined) => LeaseSpec;

interface TimeLimit {
  readonly signal: AbortSignal;
  /** The remaining time for a request sent now, in milliseconds. */
  readonly remainingMs: () => number;
}
