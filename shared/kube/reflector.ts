/**
 * Keeps a Cache in step with the API server: a consistent list in pages, then watches that resume where the last one
 * ended. It never gives up: a broken watch is resumed, an expired one is listed again, an unreachable server is tried
 * with backoff until `stop`.
 */
import { backoffDelay } from '../backoff.ts';
import { sleep } from '../sleep.ts';
import type { Cache, KubeObject } from './cache.ts';
import { compareResourceVersions } from './cache.ts';
import type { ApiClient } from './client.ts';
import { ApiError, type ApiErrorCode, errorFromFailure, errorFromStatus, isApiError } from './errors.ts';
import { type Frame, readFrames } from './watch.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ApiClient;
  /** The collection's path. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly cache: Cache<T>;
  /** What of an object is kept; called once per object that arrives, before it is cached. */
  readonly transform: (raw: unknown) => T;
  /** Told of each failure, with the delay before the next try. */
  readonly onError?: (error: ApiError, retryMs: number) => void;
  readonly random?: () => number;
  readonly pageSize?: number;
  /** A watch that is silent for so long is taken for dead; bookmarks come about once a minute. */
  readonly idleMs?: number;
}

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly unknown[] | null;
}

const PAGE_SIZE = 500;
const LIST_TIMEOUT_MS = 60_000;
const IDLE_MS = 150_000;
const BACKOFF = { baseMs: 200, maxMs: 30_000 } as const;
/** A server that is not there is not spared by waiting, and what it has to tell when it is back is late already. */
const UNREACHABLE_BACKOFF = { ...BACKOFF, maxMs: 5_000 } as const;
/** The server ends a watch after so long (plus up to as much again, at random, so that many don't reconnect at once). */
const WATCH_SECONDS = 300;
/** A watch that lasted so long was a good one: the next failure starts at the shortest delay again. */
const GOOD_WATCH_MS = 5_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  /** Where the next watch starts; undefined where a list has to come first. */
  #resourceVersion: string | undefined;
  /** The newest version ever seen: a list below it means that the server's history was rewound. */
  #highWater = '0';
  #failures = 0;
  #lastFailure: ApiErrorCode | undefined;
  /** When the running watch was opened (monotonic ms); undefined while there is none. */
  #watchingSince: number | undefined;
  /** The running watch has brought something. */
  #gotFrames = false;
  /** A list has expired before its last page came: the next one is asked for in one piece. */
  #listWhole = false;
  #isSynced = false;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
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
      let failure: ApiError | undefined;
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch();
      } catch (error) {
        failure = errorFromFailure(error);
      }
      if (!this.#stopping.signal.aborted) await this.#pause(failure);
    }
  }

  /** Waits before the next round: not at all after a watch that ended well, longer each time something fails. */
  async #pause(failure: ApiError | undefined): Promise<void> {
    const lasted = this.#watchingSince !== undefined && performance.now() - this.#watchingSince >= GOOD_WATCH_MS;
    // One that was cut after it had brought something goes on from there, which costs the server little.
    const advanced = this.#gotFrames && (failure === undefined || isApiError(failure, 'Unreachable'));
    // A server that answers again is no reason for the patience that its absence was: it says 410, or 503 for a moment.
    const isBack = this.#lastFailure === 'Unreachable' && failure?.code !== 'Unreachable';
    if (lasted || advanced || isBack) this.#failures = 0;
    this.#lastFailure = failure?.code;
    if (failure === undefined && lasted) return;
    this.#failures++;
    const backoff = isApiError(failure, 'Unreachable') ? UNREACHABLE_BACKOFF : BACKOFF;
    const delay = Math.max(failure?.retryAfterMs ?? 0, backoffDelay(this.#failures, backoff, this.#random));
    // A watch that fell silent may be waiting for a version that the server will never reach, and one that sent what
    // cannot be read would send it again: look anew.
    if (isApiError(failure, 'Gone', 'Invalid', 'BadRequest', 'Timeout', 'Unexpected'))
      this.#resourceVersion = undefined;
    if (failure !== undefined) this.#options.onError?.(failure, delay);
    await sleep(delay, this.#stopping.signal);
  }

  async #list(): Promise<void> {
    const objects: T[] = [];
    let token: string | undefined;
    let version: string | undefined;
    do {
      const page = await this.#page(token);
      for (const item of page.items ?? []) objects.push(this.#options.transform(item));
      version = page.metadata.resourceVersion;
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    this.#listWhole = false;
    const rewound = compareResourceVersions(version, this.#highWater) < 0;
    if (rewound) this.#highWater = '0';
    this.#options.cache.replace(objects, version, rewound);
    this.#advance(version);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  async #page(token: string | undefined): Promise<ListPage> {
    const limit = this.#listWhole ? undefined : (this.#options.pageSize ?? PAGE_SIZE);
    try {
      // No resourceVersion: a quorum read. A stale list could lack a Job that this program itself created before.
      return await this.#options.client.request<ListPage>({
        method: 'GET',
        path: this.#options.path,
        query: { ...this.#selectors(), limit, continue: token },
        timeoutMs: LIST_TIMEOUT_MS,
        signal: this.#stopping.signal,
      });
    } catch (error) {
      // Where etcd is compacted sooner than the pages come, the last one never would (client-go's pager does the same).
      if (token !== undefined && isApiError(error, 'Gone')) this.#listWhole = true;
      throw error;
    }
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
    const object = this.#options.transform(frame.object);
    if (frame.type === 'DELETED') this.#options.cache.remove(object);
    else this.#options.cache.observe(object);
    this.#advance(object.metadata.resourceVersion);
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
