/** What a user does with the schedules of a namespace, and all runs that ever were. */
import { CRON } from '../../shared/api/group.ts';
import type {
  CronSequentialJob,
  CronSequentialJobSpec,
  CronSequentialJobStatus,
  SchedulePolicy,
} from '../../shared/api/schedule.ts';
import type { ObjectMeta, SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { Cache, type KubeObject } from '../../shared/kube/cache.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import {
  collectionPath,
  CRON_SEQUENTIAL_JOBS,
  JOBS,
  type Resource,
  SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import { runName } from '../../shared/schedule/run-name.ts';
import { eventually } from './eventually.ts';
import type { Namespace } from './namespace.ts';
import { scheduleManifest, sequence } from './sequences.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** An object's life, in versions of the API server, which count all writes. */
export interface Lifetime {
  readonly name: string;
  readonly uid: string;
  /** The controller of the object. */
  readonly owner: string | undefined;
  readonly created: number;
  readonly deleted: number | undefined;
}

type Owned = KubeObject & { readonly metadata: ObjectMeta };

/** Every run and Job of a namespace, also those that are gone. */
export class RunHistory implements AsyncDisposable {
  readonly #runs = new Map<string, Lifetime>();
  readonly #jobs = new Map<string, Lifetime>();
  readonly #reflectors: readonly Reflector<Owned>[];

  constructor(namespace: Namespace) {
    this.#reflectors = [follow(namespace, SEQUENTIAL_JOBS, this.#runs), follow(namespace, JOBS, this.#jobs)];
  }

  static async open(namespace: Namespace): Promise<RunHistory> {
    const history = new RunHistory(namespace);
    for (const reflector of history.#reflectors) reflector.start();
    await Promise.all(history.#reflectors.map((reflector) => reflector.synced));
    return history;
  }

  /** In the order of their creation. */
  runs(schedule: string): readonly Lifetime[] {
    return [...this.#runs.values()].filter(({ owner }) => owner === schedule).toSorted((a, b) => a.created - b.created);
  }

  jobs(run: string): readonly Lifetime[] {
    return [...this.#jobs.values()].filter(({ owner }) => owner === run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }
}

function follow(namespace: Namespace, resource: Resource, lives: Map<string, Lifetime>): Reflector<Owned> {
  const cache = new Cache<Owned>();
  cache.subscribe(({ type, object: { metadata } }) => {
    const { name, uid, resourceVersion, ownerReferences } = metadata;
    const version = Number(resourceVersion);
    const created = lives.get(uid)?.created ?? version;
    const owner = ownerReferences?.find(({ controller }) => controller)?.name;
    lives.set(uid, { name, uid, owner, created, deleted: type === 'deleted' ? version : undefined });
  });
  const { client, name } = namespace;
  return new Reflector<Owned>({
    client,
    path: collectionPath(resource, name),
    cache,
    transform: (raw) => raw as Owned,
  });
}

/** A schedule of every minute whose runs have one quick step. */
export const everyMinute = (
  more: Partial<SchedulePolicy> = {},
  run: SequentialJobSpec = sequence(1),
): CronSequentialJobSpec => ({ schedule: '* * * * *', ...more, sequentialJobTemplate: { spec: run } });

/** No run is recorded as active. */
export const isIdle = ({ active = [] }: CronSequentialJobStatus): boolean => active.length === 0;

export class Schedules {
  readonly #namespace: Namespace;
  readonly #clock: VirtualClock;

  constructor(namespace: Namespace, clock: VirtualClock) {
    this.#namespace = namespace;
    this.#clock = clock;
  }

  /**
   * Creates a schedule that counts from now on. The API server stamps it with its own time, before or after which the clock
   * stands; so it begins suspended.
   */
  async apply(name: string, spec: CronSequentialJobSpec): Promise<void> {
    await this.#namespace.createObject(CRON_SEQUENTIAL_JOBS, scheduleManifest(name, { ...spec, suspend: true }));
    this.#clock.catchUp();
    await this.untilObserved(name);
    if (spec.suspend === true) return;
    await this.patch(name, { spec: { suspend: false } });
    await this.untilObserved(name);
  }

  /** Resolves when the status is about the newest spec. */
  async untilObserved(name: string): Promise<void> {
    const { metadata } = await this.get(name);
    await this.until(name, ({ observedGeneration }) => observedGeneration === metadata.generation);
  }

  async get(name: string): Promise<CronSequentialJob> {
    return this.#namespace.getObject(CRON_SEQUENTIAL_JOBS, name);
  }

  async patch(name: string, body: object): Promise<CronSequentialJob> {
    return this.#namespace.patchObject(CRON_SEQUENTIAL_JOBS, name, body);
  }

  async delete(name: string): Promise<void> {
    await this.#namespace.deleteObject(CRON_SEQUENTIAL_JOBS, name);
  }

  async until(name: string, wanted: (status: CronSequentialJobStatus) => boolean): Promise<CronSequentialJobStatus> {
    return eventually(`the status of ${name}`, async () => {
      const { status } = await this.get(name);
      if (status !== undefined && wanted(status)) return status;
      throw new Error(JSON.stringify(status));
    });
  }

  /** Lets the next minute come for this schedule, which is woken, as its timer measures real time. Returns that minute. */
  async reachNextMinute(name: string): Promise<string> {
    const minute = this.#clock.reachNextMinute();
    await this.patch(name, { metadata: { annotations: { 'example.com/clock': minute } } });
    return minute;
  }

  /** Lets the next minute come, and resolves with the name of its run when the run is recorded with its UID. */
  async startNext(name: string): Promise<string> {
    const minute = await this.reachNextMinute(name);
    await this.until(name, ({ lastScheduleTime, active = [] }) => {
      const isUnrecorded = active.some(({ uid, scheduledTime }) => scheduledTime === minute && uid === undefined);
      return lastScheduleTime === minute && !isUnrecorded;
    });
    return runName(name, minute);
  }

  /** The same; resolves when the run has ended and the schedule has recorded that. */
  async completeNext(name: string): Promise<string> {
    const run = await this.startNext(name);
    await this.until(name, isIdle);
    return run;
  }

  /** The names of the runs that exist, oldest first. */
  async runs(name: string): Promise<readonly string[]> {
    const objects = await this.#namespace.list<SequentialJob>(SEQUENTIAL_JOBS);
    return objects
      .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name) === true)
      .map(({ metadata }) => metadata.name)
      .toSorted();
  }

  async eventReasons(name: string): Promise<readonly string[]> {
    return (await this.#namespace.events(name, CRON.kind)).map(({ reason }) => reason);
  }

  async untilEvent(name: string, reason: string): Promise<string> {
    return eventually(`the event ${reason} of ${name}`, async () => {
      const events = await this.#namespace.events(name, CRON.kind);
      return events.find((event) => event.reason === reason)?.message;
    });
  }
}
