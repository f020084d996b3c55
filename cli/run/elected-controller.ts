/** The controller where several may run: it works while it leads, and stands by while another one does. */
import type { LeaderElector } from '../../shared/kube/leader-election/leader-elector.ts';
import type { ControllerTerm } from './controller-term.ts';
import { unlessAborted } from './stop-signal.ts';

export interface ElectedControllerOptions {
  readonly elector: Pick<LeaderElector, 'acquire' | 'renew' | 'release'>;
  /**
   * A new controller, with a new connection: what an old one knew may be long out of date, and a new one lists
   * everything anew.
   */
  readonly newTerm: () => Pick<ControllerTerm, 'ready' | 'unsynced' | 'start' | 'stop' | 'abort'>;
}

export class ElectedController {
  readonly #options: ElectedControllerOptions;
  readonly #stopping = new AbortController();
  #term: ReturnType<ElectedControllerOptions['newTerm']> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ElectedControllerOptions) {
    this.#options = options;
  }

  /** A standby is ready to take over at any time; the leader is when it knows everything that it decides on. */
  get ready(): boolean {
    return this.#running !== undefined && (this.#term?.ready ?? true);
  }

  /** The caches that the leader still waits for; none on a standby. */
  get unsynced(): readonly string[] {
    return this.#term?.unsynced ?? [];
  }

  /** Campaigns, leads, and campaigns again, until it is stopped: resolves only then. Rejects where a controller breaks. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    if (signal.aborted || this.#stopping.signal.aborted) return;
    this.#running = this.#run(this.#stopping.signal);
    await this.#running;
  }

  /** Ends the work, and only then lets the next one lead. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // What it failed with, `start` has said.
    await this.#running?.catch(() => undefined);
    await this.#options.elector.release();
  }

  async #run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && (await this.#options.elector.acquire(stop))) await this.#lead(stop);
  }

  /** One term. The Lease is renewed until its last request has ended; when it is lost, that is at once. */
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

/** Rejects when the promise does, and never resolves. */
async function rejectsOnly(promise: Promise<void>): Promise<never> {
  await promise;
  return Promise.withResolvers<never>().promise;
}
