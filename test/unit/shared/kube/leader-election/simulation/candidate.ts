/** A process that campaigns, leads, and campaigns again. */
import { LeaderElector } from '../../../../../../shared/kube/leader-election/leader-elector.ts';
import { LeaseStore } from '../../../../../../shared/kube/leader-election/leases.ts';
import { type Line, recordingLog } from '../../../../../support/recording-log.ts';
import { Machine, type MachineOptions, type World } from './world.ts';

export interface CandidateOptions extends MachineOptions {
  readonly random?: () => number;
}

export class Candidate {
  readonly name: string;
  readonly machine: Machine;
  readonly elector: LeaderElector;
  readonly lines: readonly Line[];
  /** What it was told by `onChange`. */
  readonly changes: boolean[] = [];
  readonly #stopping = new AbortController();

  /** Begins at once. */
  constructor(world: World, name: string, { random = () => 0.5, ...options }: CandidateOptions = {}) {
    const { log, lines } = recordingLog();
    this.name = name;
    this.lines = lines;
    this.machine = new Machine(world, options);
    this.elector = new LeaderElector({
      store: new LeaseStore(this.machine.client, 'ns', 'l'),
      identity: name,
      log,
      clock: this.machine.clock,
      random,
      onChange: (isLeader) => void this.changes.push(isLeader),
    });
    void this.#live();
  }

  get leads(): boolean {
    return !this.machine.isDead && this.elector.isLeader;
  }

  /** How often it has won. */
  get terms(): number {
    return this.changes.filter(Boolean).length;
  }

  said(message: string): number {
    return this.lines.filter(({ msg }) => msg.includes(message)).length;
  }

  /** Why it lost, each time. */
  get losses(): readonly unknown[] {
    return this.lines.flatMap(({ msg, reason }) => (msg === 'lost leadership' ? [reason] : []));
  }

  /** Ends as on SIGTERM. */
  stop(): void {
    this.#stopping.abort();
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopping;
    while (await this.elector.acquire(signal)) await this.elector.renew(signal);
    await this.elector.release();
  }
}
