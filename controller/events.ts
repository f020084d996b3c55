/**
 * Events about SequentialJobs. Written in the background so that they never delay a step; each is tried several times
 * before it is dropped. A repeated event increases the count of the existing Event.
 *
 * No event is lost while the API server accepts them: the more are pending, the more are written in parallel, and if
 * that does not suffice, `waitForCapacity` delays new reconciles.
 */
import { fnv1a } from '../shared/api/hash.ts';
import { printableTexts } from '../shared/printable-text.ts';
import { REPEATING_EVENTS } from '../shared/api/reasons.ts';
import type { ObjectMeta } from '../shared/api/types.ts';
import { backoffDelay } from '../shared/backoff.ts';
import { ExpiringSet } from '../shared/expiring-set.ts';
import { Fifo } from '../shared/fifo.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError, isNamespaceTerminating } from '../shared/kube/errors.ts';
import { sleep } from '../shared/sleep.ts';
import { EventWriter, type PendingEvent, type RecordedEvent } from './event-writer.ts';

/** An object of this API group that events are about. */
export interface EventSubject {
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Called for each emitted event. */
  readonly onEmit?: (object: EventSubject, event: RecordedEvent) => void;
  /**
   * Called for each dropped event; `error`: an ApiError or, at the first try, a programming error. Not called for a
   * terminating namespace, which loses its Events anyway.
   */
  readonly onDrop: (event: RecordedEvent, error: unknown) => void;
}

type QueuedEvent = { -readonly [K in keyof PendingEvent]: PendingEvent[K] };

/** Parallel requests: at least `min`, one more for each `pendingPerExtra` pending events, at most `max`. */
const PARALLEL = { min: 4, pendingPerExtra: 50, max: 32 } as const;
/** With more pending events, which take a few seconds to write, `waitForCapacity` waits. */
const BACKPRESSURE_THRESHOLD = 2_000;
/** The maximum wait of `waitForCapacity`. */
const MAX_BACKPRESSURE_MS = 1_000;
/** After an error, so many events must be written without another one before `waitForCapacity` waits again. */
const RECOVERED_AFTER = 100;
/** The maximum number of pending events, which bounds memory; further ones are dropped and logged. */
const MAX_PENDING = 10_000;
const MAX_TRIES = 6;
const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;
/** How long no event is written to a terminating namespace; a new namespace of that name may follow. */
const NAMESPACE_TERMINATING_MS = 60_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #writer: EventWriter;
  /** By Event name: repetitions of a pending event become one request. */
  readonly #pending = new Map<string, QueuedEvent>();
  /** The pending events that may be written now, in order. */
  readonly #order = new Fifo<QueuedEvent>();
  /** Names of events being written; another event of the same name waits, so that writes are not reordered. */
  readonly #writing = new Set<string>();
  #idle = Promise.withResolvers<void>();
  #closed = false;
  /** Aborted when the drain timeout has passed, so that no request keeps the process alive. */
  readonly #aborted = new AbortController();
  /** Terminating namespaces, which accept no new objects. */
  readonly #terminatingNamespaces: ExpiringSet;
  /** Aborted to end all waits of `waitForCapacity`; undefined if there are none. */
  #backpressure: AbortController | undefined;
  /** Events written or dropped, and how many of them since the last error. */
  #finished = 0;
  #succeededInARow = RECOVERED_AFTER;
  #serial = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#writer = new EventWriter(options.client);
    this.#terminatingNamespaces = new ExpiringSet(NAMESPACE_TERMINATING_MS, options.now);
    this.#idle.resolve();
  }

  /** Queues an event, in printable characters, and returns at once; never throws. */
  emit(object: EventSubject, draft: RecordedEvent): void {
    const event = printableTexts(draft);
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
    const subject = { kind: object.kind, name: of, namespace, uid, resourceVersion };
    const pending: QueuedEvent = { subject, event, name, firstMs: nowMs, lastMs: nowMs, count: 1 };
    this.#pending.set(name, pending);
    if (!this.#writing.has(name)) this.#order.push(pending);
    this.#next();
  }

  /**
   * Await this before work that emits events. Resolves at once, unless so many events are pending that some would be
   * dropped; then it waits until fewer are pending, at most one second. While writes fail or make no progress it
   * resolves at once, too: further events are dropped.
   */
  async waitForCapacity(): Promise<void> {
    if (this.#closed || this.#pending.size <= BACKPRESSURE_THRESHOLD || this.#succeededInARow < RECOVERED_AFTER) return;
    const before = this.#finished;
    this.#backpressure ??= new AbortController();
    await sleep(MAX_BACKPRESSURE_MS, this.#backpressure.signal);
    if (this.#finished === before) this.#onFailure();
  }

  /**
   * Writes nothing more, because requests can no longer succeed. Call `close` afterwards, which then returns at once.
   */
  abort(): void {
    this.#aborted.abort();
    this.#release();
  }

  /**
   * Accepts no more events; resolves when the pending ones are written, or after `ms` milliseconds: the rest is
   * dropped.
   */
  async close(ms: number): Promise<void> {
    this.#closed = true;
    this.#release();
    const idle = new AbortController();
    void this.#idle.promise.then(() => idle.abort());
    await sleep(ms, AbortSignal.any([idle.signal, this.#aborted.signal]));
    this.#aborted.abort();
    for (const { event } of this.#pending.values()) this.#options.onDrop(event, undefined);
    this.#pending.clear();
    this.#order.clear();
  }

  /**
   * The name of a repeating event is a hash of its content, so that a repetition finds the existing Event, also after a
   * restart. The name of any other event starts with the time: kubectl sorts events of the same second by name.
   */
  #nameOf({ metadata }: EventSubject, event: RecordedEvent): string {
    if (REPEATING_EVENTS.has(event.reason)) {
      return `${metadata.name}.${fnv1a(`${metadata.uid}/${event.type}/${event.reason}/${event.series ?? event.message}`)}`;
    }
    this.#serial = (this.#serial + 1) % 0x10000;
    const serial = this.#serial.toString(16).padStart(4, '0');
    return `${metadata.name}.${this.#options.now().toString(16).padStart(12, '0')}${serial}`;
  }

  #next(): void {
    const { min, pendingPerExtra, max } = PARALLEL;
    while (this.#writing.size < Math.min(max, min + Math.floor(this.#order.size / pendingPerExtra))) {
      const pending = this.#order.shift();
      if (pending === undefined) return;
      this.#pending.delete(pending.name);
      this.#writing.add(pending.name);
      void this.#write(pending).finally(() => this.#written(pending));
    }
  }

  #written({ name }: PendingEvent): void {
    this.#writing.delete(name);
    const next = this.#pending.get(name);
    if (next !== undefined) this.#order.push(next);
    this.#finished++;
    this.#succeededInARow++;
    this.#next();
    if (this.#pending.size <= BACKPRESSURE_THRESHOLD) this.#release();
    if (this.#pending.size + this.#writing.size === 0) this.#idle.resolve();
  }

  async #write(pending: PendingEvent): Promise<void> {
    const { event, subject } = pending;
    for (let tries = 1; !this.#terminatingNamespaces.has(subject.namespace); tries++) {
      try {
        await this.#writer.write(pending);
        return;
      } catch (error) {
        if (isNamespaceTerminating(error)) {
          this.#terminatingNamespaces.add(subject.namespace);
          return;
        }
        const mayPass = isApiError(error) && error.transient;
        if (mayPass) this.#onFailure();
        if (!mayPass || tries >= MAX_TRIES || this.#aborted.signal.aborted) {
          this.#options.onDrop(event, error);
          return;
        }
        const delay = Math.max(error.retryAfterMs ?? 0, backoffDelay(tries, BACKOFF, this.#options.random));
        await sleep(delay, this.#aborted.signal);
      }
    }
  }

  #onFailure(): void {
    this.#succeededInARow = 0;
    this.#release();
  }

  #release(): void {
    this.#backpressure?.abort();
    this.#backpressure = undefined;
  }
}
