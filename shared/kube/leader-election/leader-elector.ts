/**
 * Leader election by a Lease, with the times and the rules of client-go's tools/leaderelection: of several processes one
 * leads. What that is good for, and what it cannot promise, is in docs/adr/0009-leadership.md.
 */
import { backoffDelay } from '../../backoff.ts';
import { ApiError, isApiError } from '../errors.ts';
import { holderOf, type Lease, type LeaseSpec, type LeaseStore, type Limits } from './leases.ts';
import type { Log } from '../../log.ts';
import { LeaseObservation } from './lease-observation.ts';
import { claimed, givenUp } from './lease-record.ts';

/** Kubernetes' own, in milliseconds (component-base's config/v1alpha1/defaults.go). */
export const ELECTION = {
  /** A Lease that nobody has renewed for so long is free. */
  leaseMs: 15_000,
  /** A leader that could not renew for so long stops: the difference is what two clocks may go apart. */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
} as const;

/** Of a delay, at most this part more: candidates that started together don't ask in step. */
const JITTER = 0.2;
/** Half of the renew deadline, so that one request that gets no answer is not the end. */
const REQUEST_MS = 5_000;
/** All that giving up the Lease may take, at the end of a shutdown. */
const RELEASE_MS = 1_500;
/** A candidate whose requests fail. */
const BACKOFF = { baseMs: ELECTION.retryMs, maxMs: 10_000 } as const;

export interface ElectionClock {
  /** Monotonic milliseconds, also while the machine sleeps. Only differences count. */
  readonly now: () => number;
  /** Unix milliseconds, for the times in the Lease that people read: nothing is decided by them. */
  readonly date: () => number;
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface LeaderElectorOptions {
  readonly store: LeaseStore;
  /** Ours, and nobody else's, ever: a new one for each process. */
  readonly identity: string;
  readonly log: Log;
  readonly clock: ElectionClock;
  readonly random: () => number;
  /** Told when leadership is won, and when its end is noticed. */
  readonly onChange?: ((isLeader: boolean) => void) | undefined;
}

/** One at a time of `acquire`, `renew` and `release`. None of them rejects. */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #store: LeaseStore;
  readonly #clock: ElectionClock;
  readonly #log: Log;
  readonly #claim: Change = (before) => {
    const { identity, clock } = this.#options;
    return claimed(before, { identity, leaseMs: ELECTION.leaseMs, nowMs: clock.date() });
  };
  readonly #observedLease = new LeaseObservation(ELECTION.leaseMs);
  /** The end of what the last renewal gave us, on our clock; undefined where we don't lead. */
  #leadsUntil: number | undefined;
  /** The newest state, written by ourselves; undefined where a write has failed since. */
  #known: Lease | undefined;
  /** The Lease may carry our name. */
  #mayHoldLease = false;
  #saidForbidden = false;

  constructor(options: LeaderElectorOptions) {
    const { store, clock, log } = options;
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#log = log.child({ lease: `${store.namespace}/${store.name}` });
  }

  /**
   * Never true in two processes at once, as long as no clock runs half as fast again as another. Computed from the
   * clock: a process that stood still knows on the first look that its time is over.
   */
  get isLeader(): boolean {
    return this.#msLeft() > 0;
  }

  /** Campaigns until it leads (true) or the signal is aborted (false). */
  async acquire(signal: AbortSignal): Promise<boolean> {
    this.#log.info({ identity: this.#options.identity }, 'campaigning');
    for (let failures = 0; !signal.aborted;) {
      let delay: number;
      try {
        delay = await this.#campaign(signal);
        failures = 0;
        this.#saidForbidden = false;
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        delay = this.#failed('cannot campaign, will retry', error, backoffDelay(failures, BACKOFF, this.#random));
      }
      if (this.isLeader) {
        this.#log.info({ transitions: this.#known?.spec?.leaseTransitions }, 'became leader');
        this.#options.onChange?.(true);
        return true;
      }
      await this.#clock.sleep(delay, signal);
    }
    return false;
  }

  /** Renews the Lease; resolves when leadership is lost, which it says, or when the signal is aborted. */
  async renew(signal: AbortSignal): Promise<void> {
    let delay = this.#retryMs();
    let why: string | undefined;
    while (why === undefined) {
      await this.#clock.sleep(Math.min(delay, this.#msLeft()), signal);
      if (signal.aborted) return;
      delay = this.#retryMs();
      try {
        why = await this.#renewOnce(signal);
      } catch (error) {
        if (signal.aborted) return;
        delay = this.#failed('cannot renew the Lease, will retry', error, delay);
      }
      if (!this.isLeader) why ??= `the Lease could not be renewed within ${ELECTION.renewDeadlineMs / 1000} s`;
    }
    this.#leadsUntil = undefined;
    this.#log.warn({ reason: why }, 'lost leadership');
    this.#options.onChange?.(false);
  }

  /** Stops leading, and lets the next one take over at once. Whatever was to be done as the leader must have ended. */
  async release(): Promise<void> {
    if (this.#leadsUntil !== undefined) this.#options.onChange?.(false);
    this.#leadsUntil = undefined;
    if (!this.#mayHoldLease) return;
    const deadline = this.#clock.now() + RELEASE_MS;
    const bounds = { signal: new AbortController().signal, msLeft: () => deadline - this.#clock.now() };
    try {
      const written = await this.#updateOwn((before) => givenUp(before, this.#clock.date()), bounds);
      this.#mayHoldLease = false;
      if ('sentMs' in written) this.#log.info('released the Lease');
    } catch (error) {
      const message = 'failed to release the Lease: the next leader has to wait until it expires';
      if (isApiError(error)) this.#log.warn({ err: error.message }, message);
      else this.#log.error({ err: error }, `internal error: ${message}`);
    }
  }

  /** Takes the Lease if it is free. Returns when to look again, in milliseconds. */
  async #campaign(signal: AbortSignal): Promise<number> {
    const bounds = { signal, msLeft: () => REQUEST_MS };
    const lease = await this.#read(bounds);
    const before = this.#observedLease.holder;
    const waitMs = this.#observedLease.see(lease, this.#clock.now());
    const { holder } = this.#observedLease;
    // Where it is ours, an answer was lost, or leadership was: either way nobody else has it.
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

  /** Returns why leadership is lost, or undefined. Rejects where it could not be renewed: that may be tried again. */
  async #renewOnce(signal: AbortSignal): Promise<string | undefined> {
    if (!this.isLeader) return undefined;
    const bounds = { signal, msLeft: () => Math.min(REQUEST_MS, this.#msLeft()) };
    const written = await this.#updateOwn(this.#claim, bounds);
    if ('reason' in written) return written.reason;
    // An answer that comes when our time is over does not bring it back.
    if (this.isLeader) this.#leadsUntil = written.sentMs + ELECTION.renewDeadlineMs;
    return undefined;
  }

  /** Writes the Lease while it is ours; on the state that we know, or else on what a read brings. */
  async #updateOwn(change: Change, bounds: Bounds): Promise<{ readonly sentMs: number } | { readonly reason: string }> {
    if (this.#known !== undefined) {
      try {
        return { sentMs: await this.#write(this.#known, change, bounds) };
      } catch (error) {
        if (!isApiError(error, 'Conflict', 'NotFound')) throw error;
      }
    }
    const lease = await this.#read(bounds);
    if (lease === undefined) return { reason: 'the Lease was deleted' };
    const holder = holderOf(lease);
    if (holder === this.#options.identity) return { sentMs: await this.#write(lease, change, bounds) };
    return { reason: holder === '' ? 'the Lease was given to nobody' : `the Lease was taken by ${holder}` };
  }

  async #read(bounds: Bounds): Promise<Lease | undefined> {
    const lease = await this.#within(bounds, (limits) => this.#store.read(limits));
    this.#mayHoldLease = lease !== undefined && holderOf(lease) === this.#options.identity;
    return lease;
  }

  /** Returns when the request was sent, at the latest: from then on the Lease lasts, for all that we know. */
  async #write(lease: Lease | undefined, change: Change, bounds: Bounds): Promise<number> {
    const spec = change(lease?.spec ?? undefined);
    const sentMs = this.#clock.now();
    this.#mayHoldLease = true;
    this.#known = undefined;
    this.#known = await this.#within(bounds, (limits) =>
      lease === undefined ? this.#store.create(spec, limits) : this.#store.replace(lease, spec, limits),
    );
    return sentMs;
  }

  /** The request's result, unless the time is up or the signal is aborted before; what comes later is nobody's. */
  async #within<T>({ signal, msLeft }: Bounds, send: (limits: Limits) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const abort = (): void => over.abort();
    signal.addEventListener('abort', abort, { once: true });
    const timeoutMs = Math.max(0, msLeft());
    const timeUp = async (): Promise<never> => {
      await this.#clock.sleep(timeoutMs, over.signal);
      throw new ApiError(signal.aborted ? 'Aborted' : 'Timeout', `no answer within ${timeoutMs / 1000} s`);
    };
    try {
      return await Promise.race([send({ timeoutMs, signal: over.signal }), timeUp()]);
    } finally {
      signal.removeEventListener('abort', abort);
      over.abort();
    }
  }

  /** Says what went wrong, and returns when to try again. What is missing until somebody gives it is said once. */
  #failed(message: string, error: unknown, retryMs: number): number {
    if (!isApiError(error)) {
      this.#log.error({ err: error, retryMs }, `internal error: ${message}`);
      return retryMs;
    }
    const delay = Math.max(retryMs, error.retryAfterMs ?? 0);
    const { namespace } = this.#store;
    const fields = { err: error.message, retryMs: delay };
    if (error.code !== 'Forbidden') this.#log.warn(fields, message);
    else if (this.#saidForbidden) this.#log.debug(fields, message);
    else
      this.#log.error({ ...fields, namespace }, `${message}: needs get, create, update of leases.coordination.k8s.io`);
    this.#saidForbidden ||= error.code === 'Forbidden';
    return delay;
  }

  get #random(): () => number {
    return this.#options.random;
  }

  #retryMs(): number {
    return ELECTION.retryMs * (1 + JITTER * this.#random());
  }

  #msLeft(): number {
    return this.#leadsUntil === undefined ? 0 : Math.max(0, this.#leadsUntil - this.#clock.now());
  }
}

type Change = (before: LeaseSpec | undefined) => LeaseSpec;

interface Bounds {
  readonly signal: AbortSignal;
  /** The time limit of a request that is sent now, in milliseconds. */
  readonly msLeft: () => number;
}
