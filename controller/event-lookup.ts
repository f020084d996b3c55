/**
 * The Events about a Job or Pod that stands still, asked for one object at a time: a watch of all Events of a cluster costs
 * everybody more than a question where one is needed.
 */
import { type ObservedJob, outcomeOf } from '../shared/api/job.ts';
import type { ObservedEvent } from '../shared/api/pod.ts';
import { ExpiringSet } from '../shared/expiring-set.ts';
import type { Cache } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { collectionPath, EVENTS } from '../shared/kube/resources.ts';
import type { Log } from '../shared/log.ts';
import type { EventLook, EventSubject } from './decide/index.ts';
import { TELLING_REASONS } from './decide/standstill.ts';
import { toObservedEvent } from './transform-pod.ts';

export interface EventLookupOptions {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn' | 'debug'>;
  /** What is remembered of a Job that has ended or is gone is forgotten. */
  readonly jobs: Cache<ObservedJob>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** An object has few: equal ones are counted, not repeated. */
const MAX_EVENTS = 100;
/** A request for an explanation that takes longer is not worth the wait. */
const TIMEOUT_MS = 5_000;
/** The API server keeps no index of Events: each request reads all of a namespace. */
const MIN_INTERVAL_MS = 500;
/** Where there was no answer, the next question comes no sooner. */
const FAILED_RETRY_MS = 10_000;
/** How long a permission that was refused counts as refused. */
const FORBIDDEN_MS = 10 * 60_000;
/** The oldest are forgotten first. */
const MAX_LOOKS = 2048;

/** In memory only: a new process asks again where it is needed. */
export class EventLookup {
  readonly #options: EventLookupOptions;
  /** By the UID of the Job, oldest first. */
  readonly #looks = new Map<string, EventLook>();
  readonly #forbidden: ExpiringSet;
  #loggedForbidden = false;
  #isAsking = false;
  /** Before that, all turns are taken; Unix milliseconds. */
  #freeFromMs = -Infinity;
  #lastMs = -Infinity;

  /** Follows the cache of Jobs from now on. */
  constructor(options: EventLookupOptions) {
    this.#options = options;
    this.#forbidden = new ExpiringSet(FORBIDDEN_MS, options.now);
    options.jobs.subscribe(({ type, object }) => {
      const isOver = type === 'deleted' || outcomeOf(object).type !== 'running';
      if (isOver) this.#looks.delete(object.metadata.uid);
    });
  }

  /** What is known of this Job; undefined where nobody has asked. */
  cached(jobUID: string): EventLook | undefined {
    return this.#looks.get(jobUID);
  }

  /**
   * Asks for the Events about the Job or its Pod, and remembers the answer. They only explain: where they may not be read, or
   * there is no answer, what was known of the object stays. One request at a time, and two a second on average, so that many
   * that stand still cost the API server no more than one: who is not served is told when its turn is.
   */
  async ask({ metadata: { namespace, uid } }: ObservedJob, subject: EventSubject): Promise<EventLook> {
    const known = this.#looks.get(uid);
    const before = known?.uid === subject.uid ? known.events : [];
    const isForbidden = (): boolean => this.#forbidden.has(namespace);
    const isAsked = !isForbidden() && this.#mayAsk(known);
    const events = isAsked ? await this.#request(namespace, subject) : undefined;
    const askedMs = this.#options.now();
    // Where they may not be read, there is nothing to wait for.
    const isOpen = events === undefined && !isForbidden();
    const look: EventLook = {
      uid: subject.uid,
      ...(subject.isOfImage === true ? { isOfImage: true } : {}),
      ...(isOpen ? { retryMs: Math.max(this.#nextTurn(), askedMs + (isAsked ? FAILED_RETRY_MS : 0)) } : {}),
      askedMs,
      events: events ?? before,
    };
    this.#store(uid, look);
    return look;
  }

  #mayAsk(known: EventLook | undefined): boolean {
    const nowMs = this.#options.now();
    // A clock that was set back must not keep everybody waiting.
    if (nowMs < this.#lastMs) this.#freeFromMs = nowMs;
    this.#lastMs = nowMs;
    const isItsTurn = known?.retryMs !== undefined && known.retryMs <= nowMs;
    if (this.#isAsking || !(isItsTurn || nowMs >= this.#freeFromMs)) return false;
    this.#freeFromMs = Math.max(this.#freeFromMs, nowMs + MIN_INTERVAL_MS);
    return true;
  }

  /** Takes the next turn that nobody has. */
  #nextTurn(): number {
    const turnMs = Math.max(this.#freeFromMs, this.#options.now() + 1);
    this.#freeFromMs = turnMs + MIN_INTERVAL_MS;
    return turnMs;
  }

  async #request(namespace: string, { uid }: EventSubject): Promise<readonly ObservedEvent[] | undefined> {
    const { client, log } = this.#options;
    this.#isAsking = true;
    try {
      const events: ObservedEvent[] = [];
      await client.request({
        method: 'GET',
        path: collectionPath(EVENTS, namespace),
        query: { fieldSelector: `involvedObject.uid=${uid}`, limit: MAX_EVENTS },
        timeoutMs: TIMEOUT_MS,
        // Whoever may create Events may make each of them as large as an object can be.
        onItem: (event) => void events.push(toObservedEvent(event)),
      });
      return newestOfEach(events);
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.code === 'Forbidden') this.#forbid(namespace, error.message);
      else log.debug({ namespace, err: error.message }, 'failed to list the events of a waiting step');
      return undefined;
    } finally {
      this.#isAsking = false;
    }
  }

  #forbid(namespace: string, reason: string): void {
    this.#forbidden.add(namespace);
    if (this.#loggedForbidden) return;
    this.#loggedForbidden = true;
    this.#options.log.warn(
      { namespace, reason },
      'no permission to list events: the status explains a waiting step only by its Job and Pod',
    );
  }

  #store(jobUID: string, look: EventLook): void {
    this.#looks.delete(jobUID);
    this.#looks.set(jobUID, look);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > MAX_LOOKS && oldest !== undefined) this.#looks.delete(oldest);
  }
}

/** Of each reason that tells something the one that was seen last. */
function newestOfEach(events: readonly ObservedEvent[]): readonly ObservedEvent[] {
  const newest = new Map<string, ObservedEvent>();
  for (const event of events) {
    const known = newest.get(event.reason);
    const isNewer = known === undefined || (event.lastSeen ?? '') >= (known.lastSeen ?? '');
    if (TELLING_REASONS.has(event.reason) && isNewer) newest.set(event.reason, event);
  }
  return [...newest.values()];
}
