/** A controller of the model: its caches, and the actions as types.ts says what they mean. */
import assert from 'node:assert/strict';
import {
  decideSchedule,
  type Run,
  type RunFinding,
  type ScheduleAction,
  type ScheduleDecision,
} from '../../../../../controller/schedules/decide/index.ts';
import type { CachedSchedule, CronSequentialJobStatus } from '../../../../../shared/api/schedule.ts';
import type { ScheduleEventDraft } from '../../../../../shared/api/schedule-reasons.ts';
import { deepFreeze } from '../../../../support/freeze.ts';
import type { Server, StoredRun } from './server.ts';

/** What happens to a request. Lost: it is not carried out. Unanswered: it is, but the controller never learns it. */
export type Fate = 'lost' | 'unanswered' | 'lost and crash' | 'unanswered and crash';

export interface Trouble {
  readonly request: number;
  readonly fate?: Fate;
  /** Comes to pass just before that request. */
  readonly meanwhile?: () => void;
}

class RequestError extends Error {}
export class Crash extends Error {}
/** The reconcile begins anew, on fresh caches. */
class Outdated extends Error {}

/** Decisions of one reconcile; a history of some thousand runs would take more. */
const MAX_ROUNDS = 12;

function toRun(stored: StoredRun): Run {
  const { isOwn, ...run } = stored;
  assert.ok(isOwn);
  return run;
}

interface View {
  object: CachedSchedule;
  runs: readonly Run[];
  findings: Record<string, RunFinding>;
}

export class Controller {
  /** When it asked to be woken. */
  wakeAt: number | undefined;
  requests = 0;
  readonly events: ScheduleEventDraft[] = [];
  readonly #server: Server;
  #object: CachedSchedule;
  #runs: readonly Run[];
  #trouble: Trouble | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#object = server.object;
    this.#runs = server.ownRuns().map(toRun);
  }

  syncObject(): void {
    this.#object = this.#server.object;
  }

  syncRuns(): void {
    this.#runs = this.#server.ownRuns().map(toRun);
  }

  /** Throws a Crash. False if it was cut short. */
  reconcile(trouble?: Trouble): boolean {
    this.#trouble = trouble;
    this.requests = 0;
    const view: View = { object: this.#object, runs: this.#runs, findings: {} };
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const snapshot = { object: view.object, runs: view.runs, findings: { ...view.findings } };
        const decision = decideSchedule(deepFreeze(snapshot), this.#server.nowMs);
        if (decision.actions.length === 0) {
          this.#record(view, decision);
          const { requeueAfterMs } = decision;
          this.wakeAt = requeueAfterMs === undefined ? undefined : this.#server.nowMs + requeueAfterMs;
          return true;
        }
        for (const action of decision.actions) this.#execute(view, action, decision);
      }
      throw new assert.AssertionError({ message: `no end after ${MAX_ROUNDS} decisions` });
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof Outdated)) throw error;
      // As after every error: the work queue brings the object back.
      this.wakeAt = this.#server.nowMs + 1000;
      return false;
    }
  }

  #execute(view: View, action: ScheduleAction, decision: ScheduleDecision): void {
    switch (action.type) {
      case 'RecordStatus':
        return this.#record(view, decision);
      case 'CreateRun':
        return this.#create(view, action.name, action.scheduledTime);
      case 'ConfirmRun':
        view.findings[action.name] = this.#look(view, action.name, action.uid);
        return;
      case 'DeleteRuns':
        for (const run of action.runs) this.#delete(view, run);
    }
  }

  #record(view: View, { status, events }: ScheduleDecision): void {
    if (status === undefined || isEqual(status, view.object.status)) {
      assert.deepEqual(events, [], 'events without a status that records them');
      return;
    }
    const { resourceVersion } = view.object.metadata;
    if (!this.#request(() => this.#server.writeStatus(resourceVersion, status))) throw new Outdated();
    this.events.push(...events);
    view.object = this.#server.object;
    this.#object = view.object;
  }

  /** Reads the object for its template, and creates the run at once. */
  #create(view: View, name: string, scheduledTime: string): void {
    const creation = this.#request(() => {
      const { metadata, status } = this.#server.object;
      const isPlanned = status?.active?.some((run) => run.name === name && run.uid === undefined) === true;
      const isSame = metadata.generation === view.object.metadata.generation;
      return isPlanned && isSame ? this.#server.create(name, scheduledTime) : 'outdated';
    });
    switch (creation) {
      case 'outdated':
        throw new Outdated();
      case 'created':
      case 'exists':
        view.findings[name] = this.#look(view, name);
        return;
      case 'quota':
        view.findings[name] = { type: 'postponed', reason: 'QuotaExceeded', message: 'exceeded quota' };
        return;
      case 'rejected':
        view.findings[name] = { type: 'rejected', message: 'denied' };
    }
  }

  #look(view: View, name: string, uid?: string): RunFinding {
    const run = this.#request(() => this.#server.runs.get(name));
    if (run === undefined || (uid !== undefined && run.uid !== uid)) return { type: 'notFound' };
    if (!run.isOwn) return { type: 'nameConflict', owner: 'is somebody’s', isBeingDeleted: run.isBeingDeleted };
    view.runs = [...view.runs.filter((other) => other.uid !== run.uid), toRun(run)];
    return { type: 'exists' };
  }

  #delete(view: View, run: Run): void {
    this.#request(() => this.#server.delete(run.name, run.uid));
    view.runs = view.runs.map((other) =>
      other.uid === run.uid ? Object.assign({}, other, { isBeingDeleted: true }) : other,
    );
  }

  #request<T>(carryOut: () => T): T {
    const trouble = this.#trouble?.request === this.requests ? this.#trouble : undefined;
    this.requests += 1;
    trouble?.meanwhile?.();
    const fate = trouble?.fate;
    if (fate === undefined) return carryOut();
    if (fate.startsWith('unanswered')) carryOut();
    throw fate.endsWith('crash') ? new Crash() : new RequestError();
  }
}

const isEqual = (a: CronSequentialJobStatus, b: CronSequentialJobStatus | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
