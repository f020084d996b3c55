/** The API server of the model: one schedule and its runs. It does what it is told, or refuses as the real one does. */
import type { CachedSchedule, CronSequentialJobStatus, SchedulePolicy } from '../../../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../../../shared/api/time.ts';
import type { Run } from '../../../../../controller/schedules/decide/index.ts';
import { deepFreeze } from '../../../../support/freeze.ts';
import { CREATED_MS, NAME, scheduleOf } from './scenario.ts';

export interface StoredRun extends Run {
  /** The schedule controls it. */
  readonly isOwn: boolean;
}

/** How it answers to the creation of a run. */
export type Mood = 'willing' | 'quota' | 'rejecting';

export type Creation = 'created' | 'exists' | 'quota' | 'rejected';

/** Is told of every request that was carried out. */
export interface Witness {
  readonly onStatus: (before: CachedSchedule, after: CachedSchedule) => void;
  readonly onCreate: (run: StoredRun) => void;
  readonly onDelete: (run: StoredRun) => void;
}

export class Server {
  nowMs = CREATED_MS;
  mood: Mood = 'willing';
  object: CachedSchedule;
  readonly runs = new Map<string, StoredRun>();
  #version = 1;
  #uid = 0;
  readonly #witness: Witness;

  constructor(policy: SchedulePolicy, witness: Witness) {
    this.object = deepFreeze(scheduleOf(policy));
    this.#witness = witness;
  }

  ownRuns(): readonly StoredRun[] {
    return [...this.runs.values()].filter(({ isOwn }) => isOwn);
  }

  changeSpec(change: Partial<SchedulePolicy>): void {
    const { metadata, spec } = this.object;
    const generation = (metadata.generation ?? 0) + 1;
    this.#put({ ...this.object, metadata: { ...metadata, generation }, spec: { ...spec, ...change } });
  }

  /** As a restored backup has none. */
  loseStatus(): void {
    const { apiVersion, kind, metadata, spec } = this.object;
    this.#put({ apiVersion, kind, metadata, spec });
  }

  /** False if the object is not the one that the writer has seen. */
  writeStatus(resourceVersion: string, status: CronSequentialJobStatus): boolean {
    if (resourceVersion !== this.object.metadata.resourceVersion) return false;
    const before = this.object;
    this.#put({ ...before, status: JSON.parse(JSON.stringify(status)) as CronSequentialJobStatus });
    this.#witness.onStatus(before, this.object);
    return true;
  }

  create(name: string, scheduledTime: string): Creation {
    if (this.mood !== 'willing') return this.mood === 'quota' ? 'quota' : 'rejected';
    if (this.runs.has(name)) return 'exists';
    this.#witness.onCreate(this.putRun(name, { isOwn: true, scheduledTime }));
    return 'created';
  }

  /** By a user, or by the controller. */
  putRun(
    name: string,
    { isOwn, scheduledTime }: { readonly isOwn: boolean; readonly scheduledTime?: string },
  ): StoredRun {
    const run: StoredRun = deepFreeze({
      name,
      uid: `uid-${++this.#uid}`,
      creationTimestamp: toTimestamp(this.nowMs),
      ...(scheduledTime === undefined ? {} : { scheduledTime }),
      state: 'Active',
      isBeingDeleted: false,
      isOwn,
    });
    this.runs.set(name, run);
    return run;
  }

  changeRun(run: StoredRun, change: Partial<StoredRun>): void {
    this.runs.set(run.name, deepFreeze({ ...run, ...change }));
  }

  /** With a precondition on the UID. The finalizer keeps the run until its Jobs are gone. */
  delete(name: string, uid: string): void {
    const run = this.runs.get(name);
    if (run?.uid !== uid || run.isBeingDeleted) return;
    this.#witness.onDelete(run);
    this.changeRun(run, { isBeingDeleted: true });
  }

  #put(object: CachedSchedule): void {
    const metadata = { ...object.metadata, name: NAME, resourceVersion: String(++this.#version) };
    this.object = deepFreeze({ ...object, metadata });
  }
}
