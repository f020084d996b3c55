/** What the API server itself shows of Jobs, Pods and statuses, in its own order: also of those that are gone by now. */
import { LABELS } from '../../../shared/api/group.ts';
import { outcomeOf } from '../../../shared/api/job.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { Cache, type Change, type KubeObject } from '../../../shared/kube/cache.ts';
import type { ApiClient } from '../../../shared/kube/client.ts';
import { Reflector } from '../../../shared/kube/reflector.ts';
import {
  collectionPath,
  JOBS,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Resource,
  SEQUENTIAL_JOBS,
} from '../../../shared/kube/resources.ts';
import { toObservedJob } from '../../../controller/transform.ts';
import type { RawJob, RawPod } from '../../support/cluster.ts';

/** An object's life, in versions of the API server, which count all of its writes. */
export interface Life<T> {
  readonly created: number;
  /** From when on nothing of it runs. */
  readonly ended: number | undefined;
  readonly isGone: boolean;
  /** As it was when it had just ended. */
  readonly atEnd: T | undefined;
  /** As it was seen last. */
  readonly last: T;
}

type Kept<T> = T & KubeObject;

type SequentialJobChild = Pick<SequentialJob, 'metadata'>;

export type JobLife = Life<Kept<RawJob>>;
export type PodLife = Life<Kept<RawPod>>;

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion);

export class History {
  /** By UID, in the order of their creation. */
  readonly jobs = new Map<string, JobLife>();
  readonly pods = new Map<string, PodLife>();
  /** Every version of each SequentialJob that was ever stored, by UID. */
  readonly sequences = new Map<string, SequentialJob[]>();
  readonly claims = new Map<string, Life<SequentialJobChild>>();
  readonly #reflectors: readonly Follower[];

  constructor(client: ApiClient) {
    this.#reflectors = [
      follow<Kept<RawJob>>(client, JOBS, (change) => note(this.jobs, change, isOver)),
      follow<Kept<RawPod>>(client, PODS, (change) => note(this.pods, change, hasEnded)),
      follow<SequentialJobChild>(client, PERSISTENT_VOLUME_CLAIMS, (change) => note(this.claims, change, () => false)),
      follow<SequentialJob>(client, SEQUENTIAL_JOBS, ({ object }) => {
        const { uid } = object.metadata;
        this.sequences.set(uid, [...(this.sequences.get(uid) ?? []), object]);
      }),
    ];
  }

  /** Resolves when it sees everything. */
  async start(): Promise<void> {
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map((reflector) => reflector.synced));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** The Jobs ever made in the name of a sequence, whatever their labels say. */
  jobsOf(namespace: string, sequence: string): readonly JobLife[] {
    return [...this.jobs.values()].filter(
      ({ last }) => last.metadata.namespace === namespace && last.metadata.name.startsWith(`${sequence}-`),
    );
  }

  /** The claims ever made for a sequence. */
  claimsOf(namespace: string, sequence: string): readonly Life<SequentialJobChild>[] {
    return [...this.claims.values()].filter(
      ({ last: { metadata } }) => metadata.namespace === namespace && metadata.labels?.[LABELS.name] === sequence,
    );
  }

  podsOf(namespace: string, sequence: string): readonly PodLife[] {
    return [...this.pods.values()].filter(
      ({ last: { metadata } }) => metadata.namespace === namespace && metadata.labels?.[LABELS.name] === sequence,
    );
  }
}

const isOver = (job: RawJob): boolean => outcomeOf(toObservedJob(job)).type !== 'running';
const hasEnded = ({ status }: RawPod): boolean => status.phase === 'Succeeded' || status.phase === 'Failed';

function note<T extends KubeObject>(
  lives: Map<string, Life<T>>,
  { type, object }: Change<T>,
  isOver: (object: T) => boolean,
): void {
  const { uid } = object.metadata;
  const known = lives.get(uid);
  const isGone = type === 'deleted';
  const isNow = isGone || isOver(object);
  lives.set(uid, {
    created: known?.created ?? versionOf(object),
    ended: known?.ended ?? (isNow ? versionOf(object) : undefined),
    atEnd: known?.atEnd ?? (isNow ? object : undefined),
    isGone,
    last: object,
  });
}

type Follower = Pick<Reflector<KubeObject>, 'start' | 'stop' | 'synced'>;

function follow<T extends KubeObject>(
  client: ApiClient,
  resource: Resource,
  listener: (change: Change<T>) => void,
): Follower {
  const cache = new Cache<T>();
  cache.subscribe(listener);
  const path = collectionPath(resource, undefined);
  return new Reflector<T>({ client, path, cache, transform: (raw) => raw as T });
}
