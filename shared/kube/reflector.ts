/**
 * Keeps a Cache in sync with the API server: a consistent list in pages, then watches that continue where the last
 * one ended. It never gives up: it resumes a broken watch, lists again after an expired one, and retries an
 * unreachable server with backoff until `stop`. An error of the program's own code is reported separately and
 * followed by a new list.
 */
import { backoffDelay } from '../backoff.ts';
import { sleep } from '../sleep.ts';
import type { Cache, KubeObject } from './cache.ts';
import { compareResourceVersions } from './cache.ts';
import type { ApiClient } from './client.ts';
import { ApiError, type ApiErrorCode, errorFromStatus, isApiError } from './errors.ts';
import { CacheWriter } from './cache-writer.ts';
import { PageSize } from './page-size.ts';
import { type WatchEvent, readWatchEvents } from './watch.ts';
import { TimeSlices } from '../time-slices.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ApiClient;
  /** The collection's path. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly cache: Cache<T>;
  /**
   * The part of an object to keep, or undefined if the object is irrelevant; called once per received object, before
   * it is cached.
   */
  readonly transform: (raw: unknown) => T | undefined;
  /** Reduces an object of a list until the list is complete; default: no reduction. */
  readonly trim?: ((object: T) => T) | undefined;
  /** Called when the cache has been updated with a complete list. */
  readonly onListed?: (() => void) | undefined;
  /** Called for each failure, with the delay before the next try. */
  readonly onError?: (error: ApiError, retryMs: number) => void;
  /** Called for each programming error: with the object, which is left out, or with the delay before the next try. */
  readonly onInternalError?: (error: unknown, at: InternalErrorContext) => void;
  /** Called when a watch is open. */
  readonly onOpen?: () => void;
  /** Called when a watch is open again after lists or watches failed without a connection. */
  readonly onReconnect?: () => void;
  readonly random?: () => number;
  /** Maximum number of objects per page of a list; default 500. Large objects make pages smaller automatically. */
  readonly pageSize?: number;
  /** A watch without events for this long counts as broken; bookmarks arrive about once a minute. */
  readonly idleMs?: number;
}

export interface InternalErrorContext {
  readonly object?: KubeObject | undefined;
  readonly retryMs?: number;
}

/** A page of a list without its items, which are read one by one. */
interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

const LIST_TIMEOUT_MS = 60_000;
const IDLE_MS = 150_000;
const BACKOFF = { baseMs: 200, maxMs: 30_000 } as const;
/** A longer delay would not relieve an unreachable server, and its events are already late when it is back. */
const UNREACHABLE_BACKOFF = { ...BACKOFF, maxMs: 5_000 } as const;
/**
 * The server ends a watch after this time plus up to as much again, at random, so that many clients do not reconnect
 * at once.
 */
const WATCH_SECONDS = 300;
/** A watch that lasted this long was stable: the next failure starts at the shortest delay. */
const STABLE_WATCH_MS = 5_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #writer: CacheWriter<T>;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  /** Where the next watch starts; undefined if a list is needed first. */
  #resourceVersion: string | undefined;
  /** The highest version ever seen: a list with a lower one means that the server's history was reset. */
  #highestVersion = '0';
  #failures = 0;
  #lastFailure: ApiErrorCode | undefined;
  /** There was no connection, and no watch has been opened since. */
  #isDisconnected = false;
  /** When the current watch was opened (monotonic ms); undefined if there is none. */
  #watchingSince: number | undefined;
  /** The current watch has delivered an event. */
  #receivedEvents = false;
  readonly #pageSize: PageSize;
  /** Whether an object of the list that has the version of the cached one is the same. */
  #mayReuse = false;
  #isSynced = false;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    const { cache, transform } = options;
    const onInternalError = (error: unknown, object: KubeObject | undefined): void =>
      options.onInternalError?.(error, { object });
    this.#options = options;
    this.#writer = new CacheWriter({ cache, transform, onInternalError });
    this.#random = options.random ?? Math.random;
    this.#pageSize = new PageSize({ maxObjects: options.pageSize });
  }

  /** True after the first complete list. */
  get hasSynced(): boolean {
    return this.#isSynced;
  }

  /** Resolves after the first complete list. Never rejects; never resolves if stopped before. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#watchingSince = undefined;
      this.#receivedEvents = false;
      const failure = await this.#listAndWatch();
      if (this.#stopping.signal.aborted) return;
      if (failure === undefined || isApiError(failure)) await this.#pause(failure);
      else await this.#pauseAfterInternalError(failure);
    }
  }

  /** Lists if needed, and watches until the watch ends. Returns the error, if any. */
  async #listAndWatch(): Promise<unknown> {
    try {
      if (this.#resourceVersion === undefined) await this.#list();
      if (!this.#stopping.signal.aborted) await this.#watch();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Waits before the next attempt: not at all after a watch that ended regularly, longer with each failure. */
  async #pause(failure: ApiError | undefined): Promise<void> {
    const wasStable = this.#watchingSince !== undefined && performance.now() - this.#watchingSince >= STABLE_WATCH_MS;
    // A watch that broke after it delivered events continues from there, which is cheap for the server.
    const wasProductive = this.#receivedEvents && (failure === undefined || isApiError(failure, 'Unreachable'));
    // The backoff of an unreachable server does not apply once it answers again, for example with 410 or a temporary
    // 503.
    const isServerBack = hadNoAnswer(this.#lastFailure) && !hadNoAnswer(failure?.code);
    if (wasStable || wasProductive || isServerBack) this.#failures = 0;
    this.#lastFailure = failure?.code;
    const hasWatchTimedOut = this.#watchingSince !== undefined && isApiError(failure, 'Timeout');
    // A watch that only broke is reopened at once if there is a connection.
    this.#isDisconnected ||= hasWatchTimedOut || (this.#watchingSince === undefined && hadNoAnswer(failure?.code));
    if (failure === undefined && wasStable) return;
    this.#failures++;
    const backoff = hadNoAnswer(failure?.code) ? UNREACHABLE_BACKOFF : BACKOFF;
    const delay = Math.max(failure?.retryAfterMs ?? 0, backoffDelay(this.#failures, backoff, this.#random));
    // Lists again if a watch was silent (it may wait for a version that the server never reaches), if the server sent
    // something invalid (it would send it again), or if permission was missing (what was known before may be
    // outdated). A watch that could not be opened continues from its version.
    if (hasWatchTimedOut || isApiError(failure, 'Gone', 'Invalid', 'BadRequest', 'Unexpected', 'Forbidden'))
      this.#resourceVersion = undefined;
    if (failure !== undefined) this.#options.onError?.(failure, delay);
    await sleep(delay, this.#stopping.signal);
  }

  /** The cache may be wrong: lists everything again after the longest delay. */
  async #pauseAfterInternalError(error: unknown): Promise<void> {
    const retryMs = BACKOFF.maxMs;
    this.#resourceVersion = undefined;
    this.#options.onInternalError?.(error, { retryMs });
    await sleep(retryMs, this.#stopping.signal);
  }

  /**
   * Lists in pages, never at once: a tenant can make the collection arbitrarily large. If etcd is compacted before
   * the last page, the API server offers a token for the rest at the current version. The pages then have different
   * versions, none older than the start of the list, and the watch from the version of the first page updates all of
   * them. If that token has expired too, the list fails and starts again.
   */
  async #list(): Promise<void> {
    this.#mayReuse = false;
    const objects: T[] = [];
    let token: string | undefined;
    let version: string | undefined;
    do {
      const { metadata } = await this.#readPage(token, objects);
      version ??= metadata.resourceVersion;
      // After a reset of the history, the same version may be another state.
      this.#mayReuse = compareResourceVersions(version, this.#highestVersion) >= 0;
      token = metadata.continue === '' ? undefined : metadata.continue;
    } while (token !== undefined);
    const isHistoryReset = compareResourceVersions(version, this.#highestVersion) < 0;
    if (isHistoryReset) this.#highestVersion = '0';
    const slices = new TimeSlices();
    for (const _ of this.#options.cache.replacing(objects, version, isHistoryReset)) {
      await slices.next();
      if (this.#stopping.signal.aborted) return;
    }
    this.#options.onListed?.();
    this.#advance(version);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** Reads a page and appends its objects to those of the earlier pages. */
  async #readPage(token: string | undefined, objects: T[]): Promise<ListPage> {
    let from = token;
    for (;;) {
      const page: T[] = [];
      try {
        const answer = await this.#requestPage(from, page);
        for (const object of page) objects.push(object);
        return answer;
      } catch (error) {
        if (error instanceof PageTooLarge) continue;
        const next =
          isApiError(error, 'Gone') && from === token && token !== undefined ? error.continueToken : undefined;
        if (next === undefined) throw error;
        from = next;
      }
    }
  }

  /** Requests a page. Rejects with ApiError, or with PageTooLarge if it must be requested again with fewer objects. */
  async #requestPage(token: string | undefined, page: T[]): Promise<ListPage> {
    const weight = { objects: 0, bytes: 0 };
    // Without resourceVersion it is a quorum read. A stale list could lack a Job that this program created.
    const answer = await this.#options.client.request({
      method: 'GET',
      path: this.#options.path,
      query: { ...this.#selectors(), limit: this.#pageSize.limit, continue: token },
      timeoutMs: LIST_TIMEOUT_MS,
      signal: this.#stopping.signal,
      onItem: (raw, bytes) => {
        weight.objects++;
        weight.bytes += bytes;
        if (this.#pageSize.shrinkIfTooLarge(weight)) throw new PageTooLarge();
        const object = this.#writer.fromList(raw, this.#mayReuse);
        if (object !== undefined) page.push(this.#options.trim?.(object) ?? object);
      },
    });
    if (!isListPage(answer)) throw new ApiError('Unexpected', 'malformed list');
    this.#pageSize.pageRead(weight);
    return answer;
  }

  async #watch(): Promise<void> {
    const body = await this.#options.client.stream({
      path: this.#options.path,
      query: {
        ...this.#selectors(),
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: Math.round(WATCH_SECONDS * (1 + this.#random())),
      },
      idleMs: this.#options.idleMs ?? IDLE_MS,
      signal: this.#stopping.signal,
    });
    this.#watchingSince = performance.now();
    this.#options.onOpen?.();
    this.#reportReconnect();
    for await (const event of readWatchEvents(body)) {
      this.#apply(event);
      this.#receivedEvents = true;
    }
  }

  #apply(frame: WatchEvent): void {
    if (frame.type === 'ERROR') {
      // The error may be tied to this resource version: the next attempt lists.
      this.#resourceVersion = undefined;
      throw errorFromStatus(frame.object);
    }
    if (frame.type === 'BOOKMARK') {
      const { metadata } = frame.object as { readonly metadata: { readonly resourceVersion: string } };
      if (compareResourceVersions(metadata.resourceVersion, this.#highestVersion) < 0) {
        throw new ApiError('Gone', 'the resource versions of the API server went back');
      }
      this.#advance(metadata.resourceVersion);
      return;
    }
    this.#writer.observe(frame.object, frame.type === 'DELETED');
    this.#advance((frame.object as Pick<KubeObject, 'metadata'>).metadata.resourceVersion);
  }

  #reportReconnect(): void {
    if (!this.#isDisconnected) return;
    this.#isDisconnected = false;
    this.#options.onReconnect?.();
  }

  /** Never goes back: replayed events must not move the version back. */
  #advance(version: string): void {
    const from = this.#resourceVersion;
    if (from === undefined || compareResourceVersions(version, from) >= 0) this.#resourceVersion = version;
    if (compareResourceVersions(version, this.#highestVersion) > 0) this.#highestVersion = version;
  }

  #selectors(): { readonly labelSelector: string | undefined; readonly fieldSelector: string | undefined } {
    return { labelSelector: this.#options.labelSelector, fieldSelector: this.#options.fieldSelector };
  }
}

/** Aborts a page that is being read. */
class PageTooLarge extends Error {}

/** There was no answer: no connection, or nothing arrived on it. */
function hadNoAnswer(code: ApiErrorCode | undefined): boolean {
  return code === 'Unreachable' || code === 'Timeout';
}

/** A proxy between the operator and the API server may answer anything: checks the fields that the reflector reads. */
function isListPage(answer: unknown): answer is ListPage {
  const { metadata, items } = (answer ?? {}) as {
    readonly metadata?: Partial<ListPage['metadata']> | null;
    readonly items?: unknown;
  };
  return (
    typeof metadata?.resourceVersion === 'string' && (items === undefined || items === null || Array.isArray(items))
  );
}
