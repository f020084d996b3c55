/**
 * Keeps a Cache in step with the API server: a consistent list in pages, then watches that resume where the last one
 * ended. It never gives up: a broken watch is resumed, an expired one is listed again, an unreachable server is tried
 * with backoff until `stop`. An error of our own code is no trouble of the network: it is told apart, and followed by a new list.
 */
import { backoffDelay } from '../backoff.ts';
import { sleep } from '../sleep.ts';
import type { Cache, KubeObject } from './cache.ts';
import { compareResourceVersions } from './cache.ts';
import type { ApiClient } from './client.ts';
import { ApiError, type ApiErrorCode, errorFromStatus, isApiError } from './errors.ts';
import { CacheWriter } from './cache-writer.ts';
import { PageSize } from './page-size.ts';
import { type Frame, readFrames } from './watch.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ApiClient;
  /** The collection's path. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly cache: Cache<T>;
  /**
   * What of an object is kept, or undefined where it is not one of those; called once per object that arrives, before it is
   * cached.
   */
  readonly transform: (raw: unknown) => T | undefined;
  /** What is kept of an object of a list until all of it has come; default: all of it. */
  readonly trim?: ((object: T) => T) | undefined;
  /** Told when the cache has taken a whole list. */
  readonly onListed?: (() => void) | undefined;
  /** Told of each failure, with the delay before the next try. */
  readonly onError?: (error: ApiError, retryMs: number) => void;
  /** Told of each programming error: at an object, which is left out, or else with the delay before the next try. */
  readonly onInternalError?: (error: unknown, at: InternalErrorAt) => void;
  /** Told when a watch is open: what it shows may be read. */
  readonly onOpen?: () => void;
  /** Told when a watch is open again after lists or watches had failed for want of a connection. */
  readonly onReconnect?: () => void;
  readonly random?: () => number;
  /** Objects in a page of a list, at most; default 500. Large objects make the pages smaller by themselves. */
  readonly pageSize?: number;
  /** A watch that is silent for so long is taken for dead; bookmarks come about once a minute. */
  readonly idleMs?: number;
}

export interface InternalErrorAt {
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
/**
 * A server that is not there, be it dead or behind a network that drops what is sent, is not spared by waiting, and what it
 * has to tell when it is back is late already.
 */
const UNREACHABLE_BACKOFF = { ...BACKOFF, maxMs: 5_000 } as const;
/** The server ends a watch after so long (plus up to as much again, at random, so that many don't reconnect at once). */
const WATCH_SECONDS = 300;
/** A watch that lasted so long was a good one: the next failure starts at the shortest delay again. */
const GOOD_WATCH_MS = 5_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #intake: CacheWriter<T>;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  /** Where the next watch starts; undefined where a list has to come first. */
  #resourceVersion: string | undefined;
  /** The newest version ever seen: a list below it means that the server's history was rewound. */
  #highWater = '0';
  #failures = 0;
  #lastFailure: ApiErrorCode | undefined;
  /** There was no connection, and no watch has been opened since. */
  #isCutOff = false;
  /** When the running watch was opened (monotonic ms); undefined while there is none. */
  #watchingSince: number | undefined;
  /** The running watch has brought something. */
  #gotFrames = false;
  readonly #pageSize: PageSize;
  #isSynced = false;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    const { cache, transform } = options;
    const onInternalError = (error: unknown, object: KubeObject | undefined): void =>
      options.onInternalError?.(error, { object });
    this.#options = options;
    this.#intake = new CacheWriter({ cache, transform, onInternalError });
    this.#random = options.random ?? Math.random;
    this.#pageSize = new PageSize({ most: options.pageSize });
  }

  /** True from the first complete list on. */
  get hasSynced(): boolean {
    return this.#isSynced;
  }

  /** Resolves with the first complete list; never rejects (and never resolves when stopped before). */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#watchingSince = undefined;
      this.#gotFrames = false;
      const failure = await this.#round();
      if (this.#stopping.signal.aborted) return;
      if (failure === undefined || isApiError(failure)) await this.#pause(failure);
      else await this.#pauseAfterInternalError(failure);
    }
  }

  /** Lists, where that is needed, and watches to the end of the watch. Returns what it failed with. */
  async #round(): Promise<unknown> {
    try {
      if (this.#resourceVersion === undefined) await this.#list();
      await this.#watch();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Waits before the next round: not at all after a watch that ended well, longer each time something fails. */
  async #pause(failure: ApiError | undefined): Promise<void> {
    const lasted = this.#watchingSince !== undefined && performance.now() - this.#watchingSince >= GOOD_WATCH_MS;
    // One that was cut after it had brought something goes on from there, which costs the server little.
    const advanced = this.#gotFrames && (failure === undefined || isApiError(failure, 'Unreachable'));
    // A server that answers again is no reason for the patience that its absence was: it says 410, or 503 for a moment.
    const isBack = isUnanswered(this.#lastFailure) && !isUnanswered(failure?.code);
    if (lasted || advanced || isBack) this.#failures = 0;
    this.#lastFailure = failure?.code;
    const hasFallenSilent = this.#watchingSince !== undefined && isApiError(failure, 'Timeout');
    // A watch that was only cut is opened again at once where there is a connection.
    this.#isCutOff ||= hasFallenSilent || (this.#watchingSince === undefined && isUnanswered(failure?.code));
    if (failure === undefined && lasted) return;
    this.#failures++;
    const backoff = isUnanswered(failure?.code) ? UNREACHABLE_BACKOFF : BACKOFF;
    const delay = Math.max(failure?.retryAfterMs ?? 0, backoffDelay(this.#failures, backoff, this.#random));
    // A watch that fell silent may be waiting for a version that the server will never reach, and one that sent what
    // cannot be read would send it again: look anew. One that could not be opened goes on from where it was.
    // Nor is what was known before a permission was lost what is there when it is back.
    if (hasFallenSilent || isApiError(failure, 'Gone', 'Invalid', 'BadRequest', 'Unexpected', 'Forbidden'))
      this.#resourceVersion = undefined;
    if (failure !== undefined) this.#options.onError?.(failure, delay);
    await sleep(delay, this.#stopping.signal);
  }

  /** What is known may be wrong by now: after the longest delay everything is listed anew. */
  async #pauseAfterInternalError(error: unknown): Promise<void> {
    const retryMs = BACKOFF.maxMs;
    this.#resourceVersion = undefined;
    this.#options.onInternalError?.(error, { retryMs });
    await sleep(retryMs, this.#stopping.signal);
  }

  /**
   * Lists in pages, never in one piece, which a tenant could make as large as he likes. Where etcd is compacted before the last
   * page has come, the API server offers a token for the rest as it is by then: the pages are of different versions, each
   * not older than the list's begin, and the watch from the version of the first brings them up to that of the last. Where
   * that has expired as well, there is another list, and meanwhile what this one has brought.
   */
  async #list(): Promise<void> {
    const objects: T[] = [];
    let token: string | undefined;
    let version: string | undefined;
    do {
      const { metadata } = await this.#page(token, objects);
      version ??= metadata.resourceVersion;
      token = metadata.continue === '' ? undefined : metadata.continue;
    } while (token !== undefined);
    const rewound = compareResourceVersions(version, this.#highWater) < 0;
    if (rewound) this.#highWater = '0';
    this.#options.cache.replace(objects, version, rewound);
    this.#options.onListed?.();
    this.#advance(version);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** Reads a page, and puts its objects behind those of the pages before. */
  async #page(token: string | undefined, objects: T[]): Promise<ListPage> {
    let from = token;
    for (;;) {
      const page: T[] = [];
      try {
        const answer = await this.#ask(from, page);
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

  /** Asks for a page. Rejects with ApiError, and with PageTooLarge where it is to be asked for anew with fewer objects. */
  async #ask(token: string | undefined, page: T[]): Promise<ListPage> {
    const weight = { objects: 0, bytes: 0 };
    // No resourceVersion: a quorum read. A stale list could lack a Job that this program itself created before.
    const answer = await this.#options.client.request({
      method: 'GET',
      path: this.#options.path,
      query: { ...this.#selectors(), limit: this.#pageSize.limit, continue: token },
      timeoutMs: LIST_TIMEOUT_MS,
      signal: this.#stopping.signal,
      onItem: (raw, bytes) => {
        weight.objects++;
        weight.bytes += bytes;
        if (this.#pageSize.isTooLarge(weight)) throw new PageTooLarge();
        const object = this.#intake.listed(raw);
        if (object !== undefined) page.push(this.#options.trim?.(object) ?? object);
      },
    });
    if (!isListPage(answer)) throw new ApiError('Unexpected', 'the list makes no sense');
    this.#pageSize.read(weight);
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
    this.#reconnected();
    for await (const frame of readFrames(body)) {
      this.#apply(frame);
      this.#gotFrames = true;
    }
  }

  #apply(frame: Frame): void {
    if (frame.type === 'ERROR') {
      // Whatever went wrong may lie at this very version: the next round lists.
      this.#resourceVersion = undefined;
      throw errorFromStatus(frame.object);
    }
    if (frame.type === 'BOOKMARK') {
      const { metadata } = frame.object as { readonly metadata: { readonly resourceVersion: string } };
      if (compareResourceVersions(metadata.resourceVersion, this.#highWater) < 0) {
        throw new ApiError('Gone', 'the history of the API server has been rewound');
      }
      this.#advance(metadata.resourceVersion);
      return;
    }
    this.#intake.observe(frame.object, frame.type === 'DELETED');
    this.#advance((frame.object as Pick<KubeObject, 'metadata'>).metadata.resourceVersion);
  }

  #reconnected(): void {
    if (!this.#isCutOff) return;
    this.#isCutOff = false;
    this.#options.onReconnect?.();
  }

  /** Never back: what the watch says again is no place to go on from. */
  #advance(version: string): void {
    const from = this.#resourceVersion;
    if (from === undefined || compareResourceVersions(version, from) >= 0) this.#resourceVersion = version;
    if (compareResourceVersions(version, this.#highWater) > 0) this.#highWater = version;
  }

  #selectors(): { readonly labelSelector: string | undefined; readonly fieldSelector: string | undefined } {
    return { labelSelector: this.#options.labelSelector, fieldSelector: this.#options.fieldSelector };
  }
}

/** A page that is given up while it comes. */
class PageTooLarge extends Error {}

/** Nobody has answered, be it that there is no connection, or that nothing comes over one. */
function isUnanswered(code: ApiErrorCode | undefined): boolean {
  return code === 'Unreachable' || code === 'Timeout';
}

/** Whatever stands between us and the API server may answer anything: a list has what its reader goes by. */
function isListPage(answer: unknown): answer is ListPage {
  const { metadata, items } = (answer ?? {}) as {
    readonly metadata?: Partial<ListPage['metadata']> | null;
    readonly items?: unknown;
  };
  return (
    typeof metadata?.resourceVersion === 'string' && (items === undefined || items === null || Array.isArray(items))
  );
}
