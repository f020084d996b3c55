/** A namespace of one test suite, and what a user does in it. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { sleep } from '../../shared/sleep.ts';
import { LABELS, MAX_STEPS } from '../../shared/api/group.ts';
import type { ConditionType, Phase, SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { type ApiClient, PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import {
  collectionPath,
  EVENTS,
  JOBS,
  objectPath,
  type Resource,
  CRON_SEQUENTIAL_JOBS,
  SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import {
  type CommandResult,
  condition,
  kubectl,
  PODS,
  type RawEvent,
  type RawJob,
  type RawPod,
  tryKubectl,
} from './cluster.ts';
import { eventually } from './eventually.ts';
import { manifest } from './sequences.ts';

export type Labels = Readonly<Record<string, string>>;
type Status = NonNullable<SequentialJob['status']>;

/** Longer than the operator takes to write events that it has begun to write. */
const EVENTS_SETTLE_MS = 300;
export class Namespace {
  readonly name: string;
  readonly client: ApiClient;
  readonly #sequences: Resource;

  /** Only chooses a name; `create` creates the namespace. `sequences` names the version that its user reads and writes. */
  constructor(client: ApiClient, prefix: string, sequences = SEQUENTIAL_JOBS) {
    this.client = client;
    this.#sequences = sequences;
    this.name = `${prefix}-${randomBytes(4).toString('hex')}`;
  }

  static async create(client: ApiClient, prefix = 'test', labels: Labels = {}): Promise<Namespace> {
    return new Namespace(client, prefix).create(labels);
  }

  async create(labels: Labels = {}): Promise<this> {
    const body = { metadata: { name: this.name, labels } };
    await this.client.request({ method: 'POST', path: '/api/v1/namespaces', body });
    return this;
  }

  /** Needs a running controller: the finalizers of the SequentialJobs hold the namespace. */
  async remove(): Promise<void> {
    await this.#removeSchedules();
    await this.client.request({ method: 'DELETE', path: collectionPath(this.#sequences, this.name) });
    await eventually('no SequentialJobs', async () => (await this.list(this.#sequences)).length === 0);
    await this.client.request({ method: 'DELETE', path: `/api/v1/namespaces/${this.name}` });
  }

  /** They would start more runs. Their definition may not be installed. */
  async #removeSchedules(): Promise<void> {
    try {
      await this.client.request({ method: 'DELETE', path: collectionPath(CRON_SEQUENTIAL_JOBS, this.name) });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /** The same where no controller runs: takes the finalizers off by hand. */
  async removeWithoutController(): Promise<void> {
    await this.client.request({ method: 'DELETE', path: collectionPath(this.#sequences, this.name) });
    for (const { metadata } of await this.list<SequentialJob>(this.#sequences)) {
      await this.patch(metadata.name, { metadata: { finalizers: null } });
    }
    await this.remove();
  }

  async exists(): Promise<boolean> {
    return isFound(this.client.request({ method: 'GET', path: `/api/v1/namespaces/${this.name}` }));
  }

  async apply(name: string, spec: SequentialJobSpec, metadata: object = {}): Promise<SequentialJob> {
    const path = collectionPath(this.#sequences, this.name);
    return this.client.request({ method: 'POST', path, body: manifest(name, spec, metadata) });
  }

  async get(name: string): Promise<SequentialJob> {
    return this.getObject(this.#sequences, name);
  }

  async getObject<T>(resource: Resource, name: string): Promise<T> {
    return this.client.request({ method: 'GET', path: objectPath(resource, this.name, name) });
  }

  async has(name: string): Promise<boolean> {
    return isFound(this.get(name));
  }

  /** Starts the deletion and returns; `cascade` as kubectl's. */
  async delete(name: string, cascade: 'Background' | 'Foreground' | 'Orphan' = 'Background'): Promise<void> {
    await this.deleteObject(this.#sequences, name, cascade);
  }

  async deleteObject(resource: Resource, name: string, propagationPolicy = 'Background'): Promise<void> {
    const path = objectPath(resource, this.name, name);
    await this.client.request({ method: 'DELETE', path, body: { propagationPolicy } });
  }

  /** A merge patch of a SequentialJob. */
  async patch(name: string, body: unknown): Promise<SequentialJob> {
    return this.patchObject(this.#sequences, name, body);
  }

  async setSuspend(name: string, suspend: boolean): Promise<void> {
    await this.patch(name, { spec: { suspend } });
  }

  /** Suspends a Job, or lets it continue, as a queue does: with the field manager `queue`. */
  async setJobSuspend(name: string, suspend: boolean): Promise<void> {
    await this.patchObject(JOBS, name, { spec: { suspend } }, { fieldManager: 'queue' });
  }

  async resume(name: string, resume: number): Promise<void> {
    await this.patch(name, { spec: { resume } });
  }

  /** A merge patch of the status. */
  async setStatus(name: string, status: object): Promise<SequentialJob> {
    const path = objectPath(this.#sequences, this.name, name, 'status');
    return this.client.request({ method: 'PATCH', path, contentType: PATCH_TYPE.merge, body: { status } });
  }

  async patchObject<T>(resource: Resource, name: string, body: unknown, query = {}): Promise<T> {
    const path = objectPath(resource, this.name, name);
    return this.client.request({ method: 'PATCH', path, query, contentType: PATCH_TYPE.merge, body });
  }

  /** Creates an object that is no SequentialJob. */
  async createObject(resource: Resource, body: object): Promise<void> {
    await this.client.request({ method: 'POST', path: collectionPath(resource, this.name), body });
  }

  async list<T>(resource: Resource, query = {}): Promise<readonly T[]> {
    const path = collectionPath(resource, this.name);
    return (await this.client.request<{ readonly items: readonly T[] }>({ method: 'GET', path, query })).items;
  }

  /** The Jobs of the namespace, or of one sequence, oldest step first, those of `finally` last. */
  async jobs(sequence?: string): Promise<readonly RawJob[]> {
    const index = ({ metadata: { labels } }: RawJob): number =>
      Number(labels?.[LABELS.stepIndex] ?? MAX_STEPS + Number(labels?.[LABELS.finallyIndex] ?? 0));
    return [...(await this.list<RawJob>(JOBS, ofSequence(sequence)))].sort((a, b) => index(a) - index(b));
  }

  async jobNames(sequence?: string): Promise<readonly string[]> {
    return (await this.jobs(sequence)).map((job) => job.metadata.name);
  }

  async job(name: string): Promise<RawJob | undefined> {
    return (await this.jobs()).find(({ metadata }) => metadata.name === name);
  }

  /** The Pods of the namespace, or of one sequence. */
  async pods(sequence?: string): Promise<readonly RawPod[]> {
    return this.list(PODS, ofSequence(sequence));
  }

  async podNames(): Promise<readonly string[]> {
    return (await this.pods()).map((pod) => pod.metadata.name);
  }

  /** Runs kubectl in the namespace. */
  async kubectl(args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> {
    return tryKubectl(['-n', this.name, ...args], ...objects);
  }

  /** What `kubectl describe` prints of a sequence, its events included. */
  async describe(name: string): Promise<string> {
    return kubectl('describe', 'sj', name, '-n', this.name);
  }

  /** The cells that `kubectl get` prints of a sequence: name, status, progress, step. */
  async columns(name: string): Promise<readonly string[]> {
    const row = await kubectl('get', 'sj', name, '-n', this.name, '--no-headers');
    return row.trim().split(/\s+/).slice(0, 4);
  }

  /** The events about a sequence, or another object, in the order in which they were created. */
  async events(name: string, kind = 'SequentialJob'): Promise<readonly RawEvent[]> {
    return this.list(EVENTS, { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` });
  }

  /**
   * Reasons, messages and counts of the events that the operator wrote about one sequence, once no more are written: it
   * writes several at a time, so the last one may be there before another.
   */
  async recordedEvents(
    sequence: string,
    ...reasons: readonly string[]
  ): Promise<readonly (readonly [string, string, number])[]> {
    const read = async (): Promise<readonly (readonly [string, string, number])[]> =>
      (await this.events(sequence))
        .filter(({ reason }) => reasons.length === 0 || reasons.includes(reason))
        .map(({ reason, message, count }) => [reason, message, count]);
    return eventually('the same events as a moment ago', async () => {
      const before = await read();
      await sleep(EVENTS_SETTLE_MS);
      const now = await read();
      return isDeepStrictEqual(now, before) && now;
    });
  }

  /** Resolves with the event of this reason: events are written in the background, after the status. */
  async untilEvent(sequence: string, reason: string): Promise<RawEvent> {
    return eventually(`the event ${reason} of ${sequence}`, async () =>
      (await this.events(sequence)).find((event) => event.reason === reason),
    );
  }

  /** The sequence, once it fulfils `wanted`. */
  async until(name: string, wanted: (object: SequentialJob) => boolean, seconds?: number): Promise<SequentialJob> {
    let seen: SequentialJob | undefined;
    const look = async (): Promise<SequentialJob | undefined> => {
      seen = await this.get(name);
      return wanted(seen) ? seen : undefined;
    };
    try {
      return await eventually(`${name} as wanted`, look, seconds);
    } catch (error) {
      throw new Error(`${name} is not as wanted: ${JSON.stringify(seen?.status, undefined, 1)}`, { cause: error });
    }
  }

  async untilFinished(name: string, seconds?: number): Promise<SequentialJob> {
    return this.until(name, ({ status }) => status?.completionTime !== undefined, seconds);
  }

  async untilPhase(name: string, phase: Phase, seconds?: number): Promise<SequentialJob> {
    return this.until(name, ({ status }) => status?.phase === phase, seconds);
  }

  /** The status, once the sequence has finished. Fails where it has not completed. */
  async untilCompleted(name: string, seconds?: number): Promise<Status> {
    const { status } = await this.untilFinished(name, seconds);
    if (status?.phase !== 'Completed') throw new Error(`${name} has not completed: ${JSON.stringify(status)}`);
    return status;
  }

  /** The sequence, once the controller has seen this generation of its spec. */
  async untilObserved(name: string, generation: number): Promise<SequentialJob> {
    return this.until(name, ({ status }) => status?.observedGeneration === generation);
  }

  /** The sequence, once a condition is True for that reason. */
  async untilCondition(name: string, type: ConditionType, reason: string, seconds?: number): Promise<SequentialJob> {
    const isSet = (object: SequentialJob): boolean => {
      const found = condition(object, type);
      return found?.status === 'True' && found.reason === reason;
    };
    return this.until(name, isSet, seconds);
  }

  /** The sequence, once that step runs and has a Pod that does. */
  async untilRunning(name: string, index: number): Promise<SequentialJob> {
    const isRunning = ({ metadata, status }: RawPod): boolean =>
      metadata.labels?.[LABELS.stepIndex] === String(index) && status.phase === 'Running';
    await eventually(`a running Pod of step ${index} of ${name}`, async () => (await this.pods(name)).some(isRunning));
    return this.until(name, ({ status }) => status?.steps?.[index]?.state === 'Running');
  }

  async untilNoPods(sequence?: string): Promise<void> {
    await eventually('no Pods', async () => {
      const [pod, ...others] = await this.pods(sequence);
      if (pod === undefined) return true;
      const { name, deletionTimestamp = 'not deleted' } = pod.metadata;
      throw new Error(`${name} and ${others.length} others: ${JSON.stringify([deletionTimestamp, pod.status])}`);
    });
  }

  async untilNoJobs(sequence?: string): Promise<void> {
    await eventually('no Jobs', async () => (await this.jobs(sequence)).length === 0);
  }

  /** Resolves when the object is gone. */
  async untilGone(name: string, seconds?: number): Promise<void> {
    await eventually(`${name} gone`, async () => !(await this.has(name)), seconds);
  }
}

const ofSequence = (name: string | undefined): object =>
  name === undefined ? {} : { labelSelector: `${LABELS.name}=${name}` };

async function isFound(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}
