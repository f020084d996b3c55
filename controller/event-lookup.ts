/**
 * Lists the Events about a stuck Job or Pod, or about the claims of a Pod, one object at a time: watching all Events of a cluster would cost the API
 * server more than single requests.
 */
import type { CoreV1Event, V1ObjectReference } from '@kubernetes/client-node';
import { type ObservedJob, outcomeOf } from '../shared/api/job.ts';
import type { ObservedEvent } from '../shared/api/pod.ts';
import { ExpiringSet } from '../shared/expiring-set.ts';
import type { Cache } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { collectionPath, EVENTS } from '../shared/kube/resources.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';
import type { Log } from '../shared/log.ts';
import type { EventLookupResult, EventSubject } from './decide/index.ts';
import { RELEVANT_EVENT_REASONS } from './decide/event-lookups.ts';
import { toObservedEvent } from './transform-pod.ts';

export interface EventLookupOptions {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn' | 'debug'>;
  /** The results of ended or deleted Jobs are dropped. */
  readonly jobs: Cache<ObservedJob>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** An object has few Events, because equal ones are counted, not repeated. */
const MAX_EVENTS = 100;
/** The Events only explain: a slower answer is not worth the wait. */
const TIMEOUT_MS = 5_000;
/** The API server has no index of Events: each request reads all Events of a namespace. */
const MIN_INTERVAL_MS = 500;
/** Minimum delay after a request without an answer. */
const FAILED_RETRY_MS = 10_000;
/** How long a missing permission is not tried again. */
const FORBIDDEN_MS = 10 * 60_000;
/** The oldest results are dropped first. */
const MAX_RESULTS = 2048;

/** In memory only: a new process sends the requests again. */
export class EventLookup {
  readonly #options: EventLookupOptions;
  /** By the UID of the Job, oldest first. */
  readonly #results = new Map<string, EventLookupResult>();
  readonly #forbidden: ExpiringSet;
  #loggedForbidden = false;
  #isRequesting = false;
  /** Earliest time of the next unreserved request; Unix milliseconds. */
  #nextFreeMs = -Infinity;
  #lastMs = -Infinity;

  /** Subscribes to the cache of Jobs. */
  constructor(options: EventLookupOptions) {
    this.#options = options;
    this.#forbidden = new ExpiringSet(FORBIDDEN_MS, options.now);
    options.jobs.subscribe(({ type, object }) => {
      const isOver = type === 'deleted' || outcomeOf(object).type !== 'running';
      if (isOver) this.#results.delete(object.metadata.uid);
    });
  }

  /** The last result for this Job; undefined if there was no request. */
  cached(jobUID: string): EventLookupResult | undefined {
    return this.#results.get(jobUID);
  }

  /**
   * Lists the Events about the Job or its Pod and remembers the result. Without permission or an answer, the previous
   * Events of the object stay. Sends one request at a time, and two a second on average, so that many stuck steps do
   * not load the API server; a request that is rate limited returns the time of its reserved slot in `retryMs`.
   */
  async lookUp({ metadata: { namespace, uid } }: ObservedJob, subject: EventSubject): Promise<EventLookupResult> {
    const known = this.#results.get(uid);
    const isSame = known?.uid === subject.uid && (known.claims === undefined) === (subject.claims === undefined);
    const before = isSame ? known.events : [];
    const isForbidden = (): boolean => this.#forbidden.has(namespace);
    const isRequested = !isForbidden() && this.#mayRequest(known);
    const events = isRequested ? await this.#request(namespace, subject) : undefined;
    const requestedMs = this.#options.now();
    // Without permission a retry is useless.
    const isUnanswered = events === undefined && !isForbidden();
    const result: EventLookupResult = {
      uid: subject.uid,
      ...(subject.isImagePull === true ? { isImagePull: true } : {}),
      ...(subject.claims === undefined ? {} : { claims: subject.claims }),
      ...(isUnanswered
        ? { retryMs: Math.max(this.#nextTurn(), requestedMs + (isRequested ? FAILED_RETRY_MS : 0)) }
        : {}),
      requestedMs,
      events: events ?? before,
    };
    this.#store(uid, result);
    return result;
  }

  #mayRequest(known: EventLookupResult | undefined): boolean {
    const nowMs = this.#options.now();
    // If the clock was set back, the reserved slots would be too far in the future.
    if (nowMs < this.#lastMs) this.#nextFreeMs = nowMs;
    this.#lastMs = nowMs;
    const isItsTurn = known?.retryMs !== undefined && known.retryMs <= nowMs;
    if (this.#isRequesting || !(isItsTurn || nowMs >= this.#nextFreeMs)) return false;
    this.#nextFreeMs = Math.max(this.#nextFreeMs, nowMs + MIN_INTERVAL_MS);
    return true;
  }

  /** Reserves the next free slot. */
  #nextTurn(): number {
    const turnMs = Math.max(this.#nextFreeMs, this.#options.now() + 1);
    this.#nextFreeMs = turnMs + MIN_INTERVAL_MS;
    return turnMs;
  }

  async #request(namespace: string, subject: EventSubject): Promise<readonly ObservedEvent[] | undefined> {
    const { client, log } = this.#options;
    this.#isRequesting = true;
    try {
      const events: ObservedEvent[] = [];
      await client.request({
        method: 'GET',
        path: collectionPath(EVENTS, namespace),
        query: { fieldSelector: selectorOf(subject), limit: MAX_EVENTS },
        timeoutMs: TIMEOUT_MS,
        // Read item by item, because a client may create Events as large as an object can be.
        onItem: (event) => void events.push(...eventsAbout(subject, event)),
      });
      return newestOfEach(events);
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.code === 'Forbidden') this.#forbid(namespace, error.message);
      else log.debug({ namespace, err: error.message }, 'failed to list the events of a waiting step');
      return undefined;
    } finally {
      this.#isRequesting = false;
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

  #store(jobUID: string, look: EventLookupResult): void {
    this.#results.delete(jobUID);
    this.#results.set(jobUID, look);
    const [oldest] = this.#results.keys();
    if (this.#results.size > MAX_RESULTS && oldest !== undefined) this.#results.delete(oldest);
  }
}

/** The UIDs of claims are not known. A field selector cannot name several of them. */
function selectorOf({ uid, claims }: EventSubject): string {
  if (claims === undefined) return `involvedObject.uid=${uid}`;
  const [only, ...more] = claims;
  const name = more.length === 0 ? `,involvedObject.name=${only}` : '';
  return `involvedObject.kind=PersistentVolumeClaim${name}`;
}

/** The Event, if it is about the subject. That of a claim names the claim in its message. */
function eventsAbout({ claims }: EventSubject, raw: unknown): readonly ObservedEvent[] {
  const event = toObservedEvent(raw);
  if (claims === undefined) return [event];
  const name = nonEmptyString(asObject<V1ObjectReference>(asObject<CoreV1Event>(raw)?.involvedObject)?.name);
  if (name === undefined || !claims.includes(name)) return [];
  return [{ ...event, message: `PersistentVolumeClaim "${name}": ${event.message}` }];
}

/** The latest Event of each relevant reason. */
function newestOfEach(events: readonly ObservedEvent[]): readonly ObservedEvent[] {
  const newest = new Map<string, ObservedEvent>();
  for (const event of events) {
    const known = newest.get(event.reason);
    const isNewer = known === undefined || (event.lastSeen ?? '') >= (known.lastSeen ?? '');
    if (RELEVANT_EVENT_REASONS.has(event.reason) && isNewer) newest.set(event.reason, event);
  }
  return [...newest.values()];
}
