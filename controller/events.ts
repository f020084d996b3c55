/**
 * Events on SequentialJobs. Written in the background, so that none ever delays a step; each is tried several times
 * before it is given up. The same event again is counted on the Event that is there, not written anew.
 *
 * None is lost while the API server takes them: the more wait, the more are written at once, and where that does not
 * suffice, `room` slows down what brings new ones.
 */
import { fnv1a } from '../shared/api/hash.ts';
import { printableTexts } from '../shared/printable-text.ts';
import { type EventDraft, REPEATING_EVENTS } from '../shared/api/reasons.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { backoffDelay } from '../shared/backoff.ts';
import { ExpiringSet } from '../shared/expiring-set.ts';
import { Fifo } from '../shared/fifo.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError, isNamespaceTerminating } from '../shared/kube/errors.ts';
import { sleep } from '../shared/sleep.ts';
import { EventWriter, type PendingEvent } from './event-writer.ts';

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Told of each event that was taken. */
  readonly onEmit?: (object: SequentialJob, event: EventDraft) => void;
  /**
   * Told of an event that was given up; `error`: an ApiError or, at the first try, a programming error. Not told of one whose
   * namespace is being deleted: that is lost with everything else in it.
   */
  readonly onDrop: (event: EventDraft, error: unknown) => void;
}

type QueuedEvent = { -readonly [K in keyof PendingEvent]: PendingEvent[K] };

/** Requests under way at once: the least, one more for so many that wait, and the most. */
const PARALLEL = { least: 4, oneMoreFor: 50, most: 32 } as const;
/** Where more wait, `room` holds back: a few seconds' worth of writing. */
const BACKPRESSURE_THRESHOLD = 2_000;
/** How long `room` holds back at most. */
const MAX_BACKPRESSURE_MS = 1_000;
/** After trouble, so many events must be written without any before `room` holds back again. */
const RECOVERED_AFTER = 100;
/** Events that wait at most; beyond, the newest are dropped, and said so: memory is bounded, whatever happens. */
const MAX_PENDING = 10_000;
const MAX_TRIES = 6;
const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;
/** How long no event is tried in a namespace that is being deleted; one of its name may be created after it. */
const NAMESPACE_TERMINATING_MS = 60_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #writer: EventWriter;
  /** By Event name: what repeats while it waits becomes one request. */
  readonly #pending = new Map<string, QueuedEvent>();
  /** Those of them that may be written now, in their order. */
  readonly #order = new Fifo<QueuedEvent>();
  /** Events being written; those with the same name wait, or two writers would overtake each other. */
  readonly #writing = new Set<string>();
  #idle = Promise.withResolvers<void>();
  #closed = false;
  /** Aborted when the time to drain is up: nothing may keep the process alive after that. */
  readonly #aborted = new AbortController();
  /** Namespaces that take no new objects. */
  readonly #terminatingNamespaces: ExpiringSet;
  /** Aborted when those who are held back may go on; undefined while there are none. */
  #backpressure: AbortController | undefined;
  /** Events that came to an end, and how many of them since the last trouble. */
  #finished = 0;
  #succeededInARow = RECOVERED_AFTER;
  #serial = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#writer = new EventWriter(options.client);
    this.#terminatingNamespaces = new ExpiringSet(NAMESPACE_TERMINATING_MS, options.now);
    this.#idle.resolve();
  }

  /** Takes an event, whoever's words are in it, and returns at once; never throws. */
  emit(object: SequentialJob, draft: EventDraft): void {
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
    const subject = { name: of, namespace, uid, resourceVersion };
    const pending: QueuedEvent = { subject, event, name, firstMs: nowMs, lastMs: nowMs, count: 1 };
    this.#pending.set(name, pending);
    if (!this.#writing.has(name)) this.#order.push(pending);
    this.#next();
  }

  /**
   * To be awaited before work that brings events. Resolves at once, unless so many wait that they would be lost in the end;
   * then when fewer do, after a second at the latest. Events that cannot be written hold nobody back: where writing fails or
   * stands still, it resolves at once, too, and what becomes too much is dropped.
   */
  async waitForCapacity(): Promise<void> {
    if (this.#closed || this.#pending.size <= BACKPRESSURE_THRESHOLD || this.#succeededInARow < RECOVERED_AFTER) return;
    const before = this.#finished;
    this.#backpressure ??= new AbortController();
    await sleep(MAX_BACKPRESSURE_MS, this.#backpressure.signal);
    if (this.#finished === before) this.#onFailure();
  }

  /** Writes nothing any more: nothing that is sent from now on would arrive. To be followed by `close`, which then takes no time. */
  abort(): void {
    this.#aborted.abort();
    this.#release();
  }

  /** Takes no more events; resolves when those taken are written, or after `ms`: what is left then is given up. */
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
   * The name of a repeating event follows from what it says, so that it meets itself, also after a restart. The name
   * of any other begins with the time: kubectl shows events of the same second in the order of their names.
   */
  #nameOf({ metadata }: SequentialJob, event: EventDraft): string {
    if (REPEATING_EVENTS.has(event.reason)) {
      return `${metadata.name}.${fnv1a(`${metadata.uid}/${event.type}/${event.reason}/${event.series ?? event.message}`)}`;
    }
    this.#serial = (this.#serial + 1) % 0x10000;
    const serial = this.#serial.toString(16).padStart(4, '0');
    return `${metadata.name}.${this.#options.now().toString(16).padStart(12, '0')}${serial}`;
  }

  #next(): void {
    const { least, oneMoreFor, most } = PARALLEL;
    while (this.#writing.size < Math.min(most, least + Math.floor(this.#order.size / oneMoreFor))) {
      const pending = this.#order.shift();
      if (pending === undefined) return;
      this.#pending.delete(pending.name);
      this.#writing.add(pending.name);
      void this.#write(pending).finally(() => this.#written(pending));
    }
  }

  #written({ name }: PendingEvent): void {
    this.#writing.delete(name);
    const again = this.#pending.get(name);
    if (again !== undefined) this.#order.push(again);
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
