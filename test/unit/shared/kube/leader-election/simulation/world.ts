/**
 * Machines, a network and an API server in a time of their own: events happen one after another, and between two of them
 * everything that waits has run. No machine sees that time; each has a clock that goes as it likes.
 */
import type { ElectionClock } from '../../../../../../shared/kube/leader-election/leader-elector.ts';
import type { ApiRequest } from '../../../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../../../shared/kube/errors.ts';
import { FakeClient } from '../../../../../support/fake-client.ts';
import { LeaseServer } from './lease-server.ts';

/** What happens to one request. */
export interface Fate {
  /** Until it is carried out, and from then until its answer is there. */
  readonly thereMs: number;
  readonly backMs: number;
  readonly lost?: 'request' | 'answer';
  /** It is not carried out. */
  readonly error?: ApiErrorCode;
}

export const QUICK: Fate = { thereMs: 5, backMs: 5 };

interface Event {
  readonly atMs: number;
  readonly run: () => void;
}

export class World {
  readonly server = new LeaseServer();
  nowMs = 0;
  fate: (request: ApiRequest, machine: Machine) => Fate = () => QUICK;
  /** Called after each event. */
  check: () => void = () => undefined;
  #events: Event[] = [];

  /** In the order of the times; of the same time, in the order of the calls. */
  at(atMs: number, run: () => void): void {
    const index = this.#events.findIndex((event) => event.atMs > atMs);
    this.#events.splice(index === -1 ? this.#events.length : index, 0, { atMs, run });
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const until = this.nowMs + ms;
    await settled();
    for (let next = this.#events[0]; next !== undefined && next.atMs <= until; next = this.#events[0]) {
      this.#events.shift();
      this.nowMs = next.atMs;
      next.run();
      await settled();
      this.check();
    }
    this.nowMs = until;
    this.check();
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export interface MachineOptions {
  /** What its clocks show at the beginning. */
  readonly offsetMs?: number;
  /** How fast its clocks go; 1 is right. */
  readonly rate?: number;
}

export class Machine {
  readonly clock: ElectionClock;
  readonly client: FakeClient;
  readonly #world: World;
  readonly #rate: number;
  #frozenUntil = 0;

  constructor(world: World, { offsetMs = 0, rate = 1 }: MachineOptions = {}) {
    this.#world = world;
    this.#rate = rate;
    const read = (): number => offsetMs + world.nowMs * rate;
    this.clock = { now: read, date: () => 1e12 + read(), sleep: (ms, signal) => this.#sleep(ms, signal) };
    this.client = new FakeClient({ request: (request) => this.#send(request) });
  }

  /** Its clock goes on, and nothing else: what happens meanwhile, it finds when it wakes up. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.nowMs + ms);
  }

  /** Ends as a crash does. */
  kill(): void {
    this.#frozenUntil = Infinity;
  }

  get isDead(): boolean {
    return this.#frozenUntil === Infinity;
  }

  /** Runs something on the machine, as soon as it can. */
  at(atMs: number, run: () => void): void {
    this.#world.at(atMs, () => {
      if (this.isDead) return;
      if (this.#world.nowMs < this.#frozenUntil) this.at(this.#frozenUntil, run);
      else run();
    });
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.at(this.#world.nowMs + ms / this.#rate, resolve);
    });
  }

  /** A request that is given up is not taken back: it may well have been sent. */
  async #send(request: ApiRequest): Promise<unknown> {
    const { thereMs, backMs, lost, error } = this.#world.fate(request, this);
    return new Promise((resolve, reject) => {
      const answer = (run: () => void): void => {
        if (lost !== 'answer') this.at(this.#world.nowMs + backMs, run);
      };
      if (lost === 'request') return;
      this.#world.at(this.#world.nowMs + thereMs, () => {
        try {
          if (error !== undefined) throw new ApiError(error, `it was ${error}`);
          const value = structuredClone(this.#world.server.serve(request));
          answer(() => resolve(value));
        } catch (failure) {
          answer(() => reject(failure));
        }
      });
    });
  }
}
