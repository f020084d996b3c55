/** The controller with leader election: it reconciles while it holds the Lease, otherwise it stands by. */
import type { LeaderElector } from '../../shared/kube/leader-election/leader-elector.ts';
import type { ControllerTerm } from './controller-term.ts';
import { unlessAborted } from './stop-signal.ts';

export interface ElectedControllerOptions {
  readonly elector: Pick<LeaderElector, 'acquire' | 'renew' | 'release'>;
  /**
   * Creates a controller with a new connection and empty caches: the caches of an earlier term may be stale.
   */
  readonly newTerm: () => Pick<ControllerTerm, 'ready' | 'unsynced' | 'start' | 'stop' | 'abort'>;
}

export class ElectedController {
  readonly #options: ElectedControllerOptions;
  readonly #stopping = new AbortController();
  #term: ReturnType<ElectedControllerOptions['newTerm']> | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: ElectedControllerOptions) {
    this.#options = options;
  }

  /** A standby is always ready; the leader is ready when its caches are synced. */
  get ready(): boolean {
    return this.#loop !== undefined && (this.#term?.ready ?? true);
  }

  /** The caches of the leader that are not synced yet; none on a standby. */
  get unsynced(): readonly string[] {
    return this.#term?.unsynced ?? [];
  }

  /** Acquires the Lease, leads, and repeats that until it is stopped; resolves then. Rejects if a controller fails. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    if (signal.aborted || this.#stopping.signal.aborted) return;
    this.#loop = this.#campaignAndLead(this.#stopping.signal);
    await this.#loop;
  }

  /** Stops the controller, then releases the Lease, so that no two controllers work at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // `start` has reported the error.
    await this.#loop?.catch(() => undefined);
    await this.#options.elector.release();
  }

  async #campaignAndLead(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && (await this.#options.elector.acquire(stop))) await this.#lead(stop);
  }

  /** One term. Renews the Lease until the term's last request has ended. If the Lease is lost, aborts the term immediately. */
  async #lead(stop: AbortSignal): Promise<void> {
    const term = this.#options.newTerm();
    this.#term = term;
    const done = new AbortController();
    const renewing = this.#options.elector.renew(done.signal).finally(() => term.abort());
    try {
      await unlessAborted(stop, Promise.race([renewing, rejectsOnly(term.start())]));
    } finally {
      await term.stop();
      done.abort();
      await renewing;
      this.#term = undefined;
    }
  }
}

/** Rejects if the promise rejects, and never resolves. */
async function rejectsOnly(promise: Promise<void>): Promise<never> {
  await promise;
  return Promise.withResolvers<never>().promise;
}
