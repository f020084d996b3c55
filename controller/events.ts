/**
 * Events on SequentialJobs. Written in the background, so that none ever delays a step; each is tried several times
 * before it is given up. The same event again is counted on the Event that is there, not written anew.
 */
import { API_VERSION, KIND, MANAGER } from '../shared/api/group.ts';
import { hash } from '../shared/api/hash.ts';
import { type EventDraft, REPEATING_EVENTS } from '../shared/api/reasons.ts';
import { toTimestamp } from '../shared/api/time.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { backoffDelay } from '../shared/backoff.ts';
import { type ApiClient, PATCH_TYPE } from '../shared/kube/client.ts';
import { type ApiError, errorFromFailure, isApiError } from '../shared/kube/errors.ts';
import { sleep } from '../shared/sleep.ts';
import { collectionPath, EVENTS, objectPath } from '../shared/kube/resources.ts';

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Told of each event that was taken. */
  readonly onEmit?: (object: SequentialJob, event: EventDraft) => void;
  /** Told of an event that was given up. */
  readonly onDrop: (event: EventDraft, error: ApiError | undefined) => void;
}

/** What an Event says of its object; the object itself, spec and all, is not kept while the event waits. */
type Subject = Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;

interface Pending {
  readonly subject: Subject;
  readonly event: EventDraft;
  readonly name: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

/** Requests under way at once. */
const PARALLEL = 4;
/** Events that wait at most; beyond, the newest are dropped, and said so: memory is bounded, whatever happens. */
const MAX_PENDING = 10_000;
const MAX_TRIES = 6;
const MAX_COUNTS = 4096;
const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;
/** kube-apiserver's limit for `message` (pkg/apis/core/validation/events.go). */
const MAX_MESSAGE = 1024;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By Event name: what repeats while it waits becomes one request. */
  readonly #pending = new Map<string, Pending>();
  /** Counts of Events that are known to be there, by name, oldest first: a repeat is then one request. */
  readonly #counts = new Map<string, number>();
  /** Events being written; those with the same name wait, or two writers would overtake each other. */
  readonly #writing = new Set<string>();
  #idle = Promise.withResolvers<void>();
  #closed = false;
  /** Aborted when the time to drain is up: nothing may keep the process alive after that. */
  readonly #givenUp = new AbortController();
  #serial = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#idle.resolve();
  }

  /** Takes an event and returns at once; never throws. */
  emit(object: SequentialJob, event: EventDraft): void {
    this.#options.onEmit?.(object, event);
    const name = this.#nameOf(object, event);
    const nowMs = this.#options.now();
    const known = this.#pending.get(name);
    if (known !== undefined) {
      known.count++;
      known.lastMs = nowMs;
      return;
    }
    if (this.#closed || this.#pending.size >= MAX_PENDING) {
      this.#options.onDrop(event, undefined);
      return;
    }
    if (this.#pending.size + this.#writing.size === 0) this.#idle = Promise.withResolvers<void>();
    const { name: of, namespace, uid, resourceVersion } = object.metadata;
    const subject = { name: of, namespace, uid, resourceVersion };
    this.#pending.set(name, { subject, event, name, firstMs: nowMs, lastMs: nowMs, count: 1 });
    this.#next();
  }

  /** Takes no more events; resolves when those taken are written, or after `ms`: what is left then is given up. */
  async close(ms: number): Promise<void> {
    this.#closed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([this.#idle.promise, promise]);
    clearTimeout(timer);
    this.#givenUp.abort();
    for (const { event } of this.#pending.values()) this.#options.onDrop(event, undefined);
    this.#pending.clear();
  }

  /**
   * The name of a repeating event follows from what it says, so that it meets itself, also after a restart. The name
   * of any other begins with the time: kubectl shows events of the same second in the order of their names.
   */
  #nameOf({ metadata }: SequentialJob, event: EventDraft): string {
    if (REPEATING_EVENTS.has(event.reason)) {
      return `${metadata.name}.${hash(`${metadata.uid}/${event.type}/${event.reason}/${event.series ?? event.message}`)}`;
    }
    this.#serial = (this.#serial + 1) % 0x10000;
    const serial = this.#serial.toString(16).padStart(4, '0');
    return `${metadata.name}.${this.#options.now().toString(16).padStart(12, '0')}${serial}`;
  }

  #next(): void {
    for (const [name, pending] of this.#pending) {
      if (this.#writing.size >= PARALLEL) return;
      if (this.#writing.has(name)) continue;
      this.#pending.delete(name);
      this.#writing.add(name);
      void this.#write(pending).finally(() => {
        this.#writing.delete(name);
        if (this.#pending.size + this.#writing.size === 0) this.#idle.resolve();
        this.#next();
      });
    }
  }

  async #write(pending: Pending): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#createOrCount(pending);
        return;
      } catch (failure) {
        const error = errorFromFailure(failure);
        if (!error.transient || tries >= MAX_TRIES || this.#givenUp.signal.aborted) {
          this.#options.onDrop(pending.event, error);
          return;
        }
        const delay = Math.max(error.retryAfterMs ?? 0, backoffDelay(tries, BACKOFF, this.#options.random));
        await sleep(delay, this.#givenUp.signal);
      }
    }
  }

  async #createOrCount(pending: Pending): Promise<void> {
    const known = this.#counts.get(pending.name);
    try {
      await (known === undefined ? this.#create(pending) : this.#count(pending, known));
    } catch (error) {
      if (isApiError(error, 'AlreadyExists') && !REPEATING_EVENTS.has(pending.event.reason)) return; // an earlier try got through
      if (isApiError(error, 'AlreadyExists')) {
        // Another process's, from before a restart: its count goes on.
        const path = objectPath(EVENTS, pending.subject.namespace, pending.name);
        const there = await this.#options.client.request<{ readonly count?: number }>({ method: 'GET', path });
        await this.#count(pending, there.count ?? 1);
      } else if (isApiError(error, 'NotFound') && known !== undefined) {
        // Events expire (after an hour, by default).
        this.#counts.delete(pending.name);
        await this.#create(pending);
      } else {
        throw error;
      }
    }
  }

  async #create(pending: Pending): Promise<void> {
    await this.#options.client.request({
      method: 'POST',
      path: collectionPath(EVENTS, pending.subject.namespace),
      query: { fieldManager: MANAGER },
      body: eventBody(pending),
    });
    if (REPEATING_EVENTS.has(pending.event.reason)) this.#remember(pending.name, pending.count);
  }

  async #count({ subject, event, name, count, lastMs }: Pending, known: number): Promise<void> {
    await this.#options.client.request({
      method: 'PATCH',
      path: objectPath(EVENTS, subject.namespace, name),
      query: { fieldManager: MANAGER },
      contentType: PATCH_TYPE.merge,
      body: { count: known + count, message: fit(event.message), lastTimestamp: toTimestamp(lastMs) },
    });
    this.#remember(name, known + count);
  }

  #remember(name: string, count: number): void {
    this.#counts.set(name, count);
    if (this.#counts.size <= MAX_COUNTS) return;
    for (const oldest of this.#counts.keys()) {
      this.#counts.delete(oldest);
      return;
    }
  }
}

function eventBody({ subject, event, name, firstMs, lastMs, count }: Pending): unknown {
  const { namespace, uid, resourceVersion } = subject;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: API_VERSION,
      kind: KIND,
      namespace,
      name: subject.name,
      uid,
      resourceVersion,
    },
    type: event.type,
    reason: event.reason,
    message: fit(event.message),
    source: { component: MANAGER },
    reportingComponent: MANAGER,
    reportingInstance: '',
    firstTimestamp: toTimestamp(firstMs),
    lastTimestamp: toTimestamp(lastMs),
    count,
  };
}

function fit(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
}
