/**
 * What the simulated API server holds. Finished sequences and their Jobs take no memory: they are made from templates
 * when they are listed. The others are stored as JSON. In place of the Job controller it starts, suspends and completes
 * Jobs; it measures the time from the completion of a Job to the request that creates the next one.
 */
import jsonpatch, { type Operation } from 'fast-json-patch';
import { LABELS } from '../../shared/api/group.ts';
import type { JobManifest } from '../../shared/jobs/job.ts';
import { STEPS } from '../controller/sequences.ts';
import { mergePatch } from './merge-patch.ts';
import * as objects from './objects.ts';
import type { Identity, Stored } from './objects.ts';

export type Collection = 'sequentialjobs' | 'jobs';

export interface Layout {
  readonly finished: number;
  readonly suspended: number;
  readonly running: number;
  /** The number of namespaces among which the sequences are divided. */
  readonly namespaces: number;
  /** The number of finished sequences in one namespace beside them, which also has every fifth of the running ones. */
  readonly inLargeNamespace: number;
}

/** A hand-off: when the Job was completed, and when the request to create the next one arrived (Unix milliseconds). */
export interface HandOff {
  readonly isInLargeNamespace: boolean;
  readonly completedMs: number;
  readonly createdMs: number;
}

/** A sequence and its Jobs as JSON, oldest Job first. */
interface Live {
  readonly sequence: string;
  readonly jobs: readonly string[];
}

interface LiveTemplate {
  readonly sequence: objects.Template;
  readonly jobs: readonly objects.Template[];
}

const KINDS = ['finished', 'suspendedBeforeStart', 'suspendedInStep', 'running'] as const;
type Kind = (typeof KINDS)[number];
/** One recorded sequence of each kind. */
export type Templates = Readonly<Record<Kind, LiveTemplate>>;

interface Known extends Identity {
  readonly kind: Kind;
}

/** A watch event as it is sent. */
export interface Event {
  readonly version: number;
  readonly collection: Collection;
  readonly line: string;
}

const LARGE = 'archive';
/** Time until the Job controller reports the Pod of a new Job, or its absence. */
const JOB_CONTROLLER_MS = 100;
const MAX_EVENTS = 50_000;
/** Finished sequences ended one after the other at this distance. */
const FINISHED_DISTANCE_MS = 50_000;
/** Versions between two sequences: one for each of their objects. */
const VERSIONS = 8;

/** Unix milliseconds with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export class World {
  /** In the order of lists: by namespace and name. */
  readonly #order: readonly Known[];
  readonly #templates: Templates | undefined;
  readonly #live = new Map<number, Live>();
  readonly #events: Event[] = [];
  readonly #subscribers = new Set<(event: Event) => void>();
  /** Sequences whose Job runs and is not their last, in the order of completion. */
  readonly #completable: number[] = [];
  readonly #completed = new Map<number, number>();
  readonly handOffs: HandOff[] = [];
  version: number;

  /** Without templates: the sequences are new, and of each kind there is one. */
  constructor(layout: Layout, templates?: Templates) {
    this.#templates = templates;
    const known = templates === undefined ? KINDS.map(newIdentity) : identitiesOf(layout);
    this.version = (known.length + 1) * VERSIONS;
    for (const one of known) if (one.kind !== 'finished' || templates === undefined) this.#bringToLife(one);
    this.#order = known.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    // Not in the order of lists.
    const running = known.filter(({ kind }) => kind === 'running' && templates !== undefined);
    for (let i = 0; i < running.length; i++) {
      const one = running[(i * 7) % running.length];
      if (one !== undefined) this.#completable.push(one.index);
    }
  }

  /** The items of a list from `from` on, as of the moment of the call, however late they are read. */
  list(
    collection: Collection,
  ): (from: number, limit: number) => { items: readonly string[]; next: number | undefined } {
    const live = new Map(this.#live);
    const itemsOf = (one: Known): readonly string[] => {
      const { sequence, jobs } = live.get(one.index) ?? this.#finished(one, collection);
      return collection === 'jobs' ? jobs : [sequence];
    };
    // A page ends between two sequences: it may exceed the limit by the Jobs of one.
    return (from, limit) => {
      const items: string[] = [];
      let at = from;
      for (; at < this.#order.length && items.length < limit; at++) {
        const one = this.#order[at];
        if (one !== undefined) items.push(...itemsOf(one));
      }
      return { items, next: at < this.#order.length ? at : undefined };
    };
  }

  sequence(name: string): Stored | undefined {
    const live = this.#live.get(objects.indexOf(name));
    return live === undefined ? undefined : (JSON.parse(live.sequence) as Stored);
  }

  job(name: string): Stored | undefined {
    const jobs = this.#live.get(objects.indexOf(name))?.jobs ?? [];
    return jobs.map((job) => JSON.parse(job) as Stored).find(({ metadata }) => metadata.name === name);
  }

  /** Stores a Job; the answer to the request. Undefined if there is one of that name. */
  createJob(manifest: JobManifest, isDryRun: boolean): Stored | undefined {
    const { name, namespace, labels } = manifest.metadata;
    const [index, step] = [objects.indexOf(name), Number(labels[LABELS.stepIndex])];
    const job = objects.newJob(manifest, objects.uidOf(index, step + 1), new Date());
    if (isDryRun) return job;
    const completedMs = this.#completed.get(index);
    if (completedMs !== undefined)
      this.handOffs.push({ isInLargeNamespace: namespace === LARGE, completedMs, createdMs: nowMs() });
    this.#completed.delete(index);
    if (this.job(name) !== undefined) return undefined;
    const stored = this.#put('jobs', job, 'ADDED');
    this.#later(name, () => {
      this.#setJobStatus(name, 'running');
      if (step + 1 < STEPS) this.#completable.push(index);
    });
    return stored;
  }

  /** A merge patch. */
  patchJob(name: string, patch: object): Stored | undefined {
    const job = this.job(name);
    if (job === undefined) return undefined;
    const stored = this.#put('jobs', mergePatch(job, patch) as Stored);
    if (stored.spec['suspend'] === true) this.#later(name, () => this.#setJobStatus(name, 'suspended'));
    return stored;
  }

  /** A JSON patch of the status that names the version; undefined if the version is not the stored one. */
  patchSequenceStatus(name: string, operations: readonly Operation[]): Stored | undefined {
    const before = this.sequence(name);
    if (before === undefined) return undefined;
    const after = jsonpatch.applyPatch(structuredClone(before), operations).newDocument;
    if (after.metadata.resourceVersion !== before.metadata.resourceVersion) return undefined;
    return this.#put('sequentialjobs', objects.withStatusRecord(after, new Date()));
  }

  suspend(name: string): void {
    const before = this.sequence(name);
    if (before === undefined) throw new Error(`there is no ${name}`);
    const metadata = { ...before.metadata, generation: 2 };
    this.#put('sequentialjobs', { ...before, metadata, spec: { ...before.spec, suspend: true } });
  }

  /** Completes the next of the Jobs that run, unless it is the last of its sequence. */
  completeNext(): void {
    const index = this.#completable.shift();
    if (index === undefined) return;
    this.#completed.set(index, nowMs());
    this.completeJobOf(index);
  }

  /** The number of Jobs that were completed before this time, and whose next Job does not exist yet. */
  waitingSince(ms: number): number {
    return this.#completed
      .values()
      .filter((completedMs) => completedMs < ms)
      .toArray().length;
  }

  completeJobOf(index: number): void {
    const job = this.#live.get(index)?.jobs.at(-1);
    if (job !== undefined) this.#setJobStatus((JSON.parse(job) as Stored).metadata.name, 'succeeded');
  }

  /** Whether the Pod of the sequence's last Job runs. */
  isRunning(index: number): boolean {
    const job = this.#live.get(index)?.jobs.at(-1);
    return job !== undefined && (JSON.parse(job) as Stored).status?.['active'] === 1;
  }

  /** The sequences of a world without templates, once the controller has brought them to their states. */
  recorded(): Templates | undefined {
    const isTrue = (kind: Kind, type: string): boolean => {
      const { conditions = [] } = (this.sequence(objects.nameOf(KINDS.indexOf(kind)))?.status ?? {}) as {
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      };
      return conditions.some((one) => one.type === type && one.status === 'True');
    };
    const isDone =
      isTrue('finished', 'Complete') &&
      isTrue('suspendedBeforeStart', 'Suspended') &&
      isTrue('suspendedInStep', 'Suspended') &&
      isTrue('running', 'Progressing') &&
      this.isRunning(KINDS.indexOf('running'));
    if (!isDone) return undefined;
    const templates = KINDS.map((kind, index) => {
      const { sequence, jobs } = this.#live.get(index) ?? { sequence: '', jobs: [] };
      const templateOf = (json: string): objects.Template => new objects.Template(JSON.parse(json) as Stored);
      return [kind, { sequence: templateOf(sequence), jobs: jobs.map(templateOf) }] as const;
    });
    return Object.fromEntries(templates) as unknown as Templates;
  }

  /** The events after a version; undefined if they are no longer known. */
  eventsAfter(version: number): readonly Event[] | undefined {
    if (this.#events.length === MAX_EVENTS && version < (this.#events[0]?.version ?? 0)) return undefined;
    return this.#events.filter((event) => event.version > version);
  }

  /** Calls `send` with each further event, until the result is called. */
  subscribe(send: (event: Event) => void): () => void {
    this.#subscribers.add(send);
    return () => void this.#subscribers.delete(send);
  }

  #finished(one: Known, collection: Collection): Live {
    const template = this.#templates?.[one.kind];
    if (template === undefined) throw new Error(`there is no template for ${one.kind}`);
    const shift = -FINISHED_DISTANCE_MS * (one.index + 1);
    const version = one.index * VERSIONS + 1;
    return collection === 'jobs'
      ? { sequence: '', jobs: template.jobs.map((job, i) => job.fill(one, version + i + 1, shift)) }
      : { sequence: template.sequence.fill(one, version, shift), jobs: [] };
  }

  #bringToLife(one: Known): void {
    if (this.#templates === undefined) {
      const sequence = objects.newSequence(one, one.kind === 'suspendedBeforeStart', new Date());
      const metadata = { ...sequence.metadata, resourceVersion: String(one.index * VERSIONS + 1) };
      this.#live.set(one.index, { sequence: JSON.stringify({ ...sequence, metadata }), jobs: [] });
    } else {
      const { sequence } = this.#finished(one, 'sequentialjobs');
      this.#live.set(one.index, { sequence, jobs: this.#finished(one, 'jobs').jobs });
    }
  }

  #setJobStatus(name: string, phase: 'running' | 'succeeded' | 'suspended'): void {
    const job = this.job(name);
    if (job !== undefined) this.#put('jobs', objects.withJobStatus(job, phase, new Date()));
  }

  #later(name: string, change: () => void): void {
    setTimeout(() => {
      if (this.job(name) !== undefined) change();
    }, JOB_CONTROLLER_MS);
  }

  #put(collection: Collection, object: Stored, type: 'ADDED' | 'MODIFIED' = 'MODIFIED'): Stored {
    this.version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    const json = JSON.stringify(stored);
    const index = objects.indexOf(object.metadata.name);
    const live = this.#live.get(index) ?? { sequence: '', jobs: [] };
    const isSame = (job: string): boolean => (JSON.parse(job) as Stored).metadata.uid === object.metadata.uid;
    if (collection === 'sequentialjobs') this.#live.set(index, { ...live, sequence: json });
    else this.#live.set(index, { ...live, jobs: [...live.jobs.filter((job) => !isSame(job)), json] });
    const event = { version: this.version, collection, line: `{"type":"${type}","object":${json}}\n` };
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    for (const send of this.#subscribers) send(event);
    return stored;
  }
}

const sortKey = ({ namespace, index }: Identity): string => `${namespace}/${objects.nameOf(index)}`;

const newIdentity = (kind: Kind, index: number): Known => ({ index, kind, namespace: 'recorded' });

/** Coprime to the number of sequences, unless that is a multiple of it: by name the kinds are mixed, as they are in a cluster. */
const STRIDE = 7919;

function identitiesOf({ finished, suspended, running, namespaces, inLargeNamespace }: Layout): readonly Known[] {
  const total = finished + suspended + running;
  return Array.from({ length: total }, (_, index): Known => {
    const number = (index * STRIDE) % total;
    const kind = kindOf(number, { finished, suspended });
    const isOfLarge = kind === 'running' ? number % 5 === 0 : number < inLargeNamespace;
    return { index, kind, namespace: inLargeNamespace > 0 && isOfLarge ? LARGE : `team-${number % namespaces}` };
  });
}

function kindOf(number: number, { finished, suspended }: Pick<Layout, 'finished' | 'suspended'>): Kind {
  if (number < finished) return 'finished';
  if (number >= finished + suspended) return 'running';
  return number % 2 === 0 ? 'suspendedBeforeStart' : 'suspendedInStep';
}
