/** Requests to the API server: JSON in, JSON out, a time limit on each, typed errors. */
import type { Readable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { type Access, Credentials } from './credentials.ts';
import { RequestDeadline } from './request-deadline.ts';
import { ApiError, errorFromAnswer, errorFromFailure, isApiError } from './errors.ts';
import { roundTrip } from './round-trip.ts';
import { ListReader, type OnItem } from './list-reader.ts';
import { ofWrite } from './uncertain-write.ts';

export const PATCH_TYPE = {
  /** RFC 6902 */
  json: 'application/json-patch+json',
  /** RFC 7386 */
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/**
 * For `accept`: the object's metadata without its contents (meta.k8s.io/v1 PartialObjectMetadata, from Kubernetes 1.15
 * on). Alone in the list: with `application/json` beside it, a server that can't do it would send everything.
 */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path from the server's root, unescaped parts already escaped: `/api/v1/namespaces/x/events`. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; patches name theirs. */
  readonly contentType?: string;
  /** The form of the answer, which must be JSON; default `application/json`. */
  readonly accept?: string;
  /** What a good answer says is not looked at, and the request resolves with undefined; default false. */
  readonly ignoresAnswer?: boolean;
  /**
   * For a list: gets each of its items as it comes, and the answer has none. What it throws ends the request, which rejects with
   * it. When the request fails in the middle of a list, its first items have been told all the same.
   */
  readonly onItem?: OnItem;
  /** For the whole exchange, in milliseconds; default as the client was made. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface StreamRequest {
  readonly path: string;
  readonly query?: Query;
  /** The stream fails with `Timeout` when nothing arrives for so long. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** What a request was, for counting and metrics: called once per attempt, after it ended. */
export type RequestObserver = (seen: {
  readonly method: string;
  readonly path: string;
  readonly status: number | undefined;
  readonly ms: number;
}) => void;

export interface ApiClientOptions {
  readonly userAgent: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  readonly observe?: RequestObserver;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

export interface ApiClient {
  /** The server's base URL, for messages. */
  readonly server: string;
  /**
   * Resolves with the parsed answer; rejects with ApiError, or with what a programming error has thrown. A 401 is tried once
   * more with fresh credentials.
   */
  request<T = unknown>(request: ApiRequest): Promise<T>;
  /** Opens a GET whose body is read as it comes (a watch, a log). Rejects as `request` does; so does reading. */
  stream(request: StreamRequest): Promise<Readable>;
  /** Ends all connections; what is in flight fails. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const JSON_TYPE = 'application/json';

export function createApiClient(config: KubeConfig, options: ApiClientOptions): ApiClient {
  return new HttpClient(config, options);
}

class HttpClient implements ApiClient {
  readonly server: string;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #credentials: Credentials;
  readonly #options: ApiClientOptions;
  readonly #now: () => number;

  constructor(config: KubeConfig, options: ApiClientOptions) {
    this.server = config.getCurrentCluster()?.server ?? '';
    const url = new URL(this.server);
    this.#origin = url.origin;
    // A server may live below a path (an aggregating proxy): every request goes there.
    this.#basePath = url.pathname.replace(/(?<!\/)\/+$/, '');
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#credentials = new Credentials(config, this.#now);
  }

  async request<T>(request: ApiRequest): Promise<T> {
    return withFreshCredentials((fresh) => this.#attempt<T>(request, fresh));
  }

  async stream(request: StreamRequest): Promise<Readable> {
    return withFreshCredentials((fresh) => this.#open(request, fresh));
  }

  async close(): Promise<void> {
    await this.#credentials.close();
  }

  async #open(request: StreamRequest, fresh: boolean): Promise<Readable> {
    const started = this.#now();
    const limit = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = new RequestDeadline(limit, request.signal);
    let status: number | undefined;
    try {
      const { dispatcher, headers } = await this.#access(fresh, deadline);
      deadline.clear();
      const answer = await dispatcher.request({
        origin: this.#origin,
        path: this.#path(request.path, request.query),
        method: 'GET',
        headers: { ...headers, accept: 'application/json', 'user-agent': this.#options.userAgent },
        headersTimeout: limit,
        bodyTimeout: request.idleMs,
        signal: request.signal,
      });
      status = answer.statusCode;
      if (status >= 200 && status < 300) return answer.body;
      throw errorFromAnswer(status, await answer.body.text(), header(answer.headers['retry-after']));
    } catch (error) {
      throw errorFromFailure(error);
    } finally {
      deadline.clear();
      this.#options.observe?.({ method: 'WATCH', path: request.path, status, ms: this.#now() - started });
    }
  }

  async #attempt<T>(request: ApiRequest, fresh: boolean): Promise<T> {
    const started = this.#now();
    const limit = request.timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = new RequestDeadline(limit, request.signal);
    let status: number | undefined;
    let wasSent = false;
    try {
      const { dispatcher, headers } = await this.#access(fresh, deadline);
      const onSend = (): void => void (wasSent = true);
      const list = request.onItem === undefined ? undefined : new ListReader(request.onItem);
      const onChunk = list === undefined ? undefined : (chunk: Buffer): void => list.write(chunk);
      const answer = await roundTrip(dispatcher, this.#dispatchOptions(request, headers), {
        deadline,
        onSend,
        onChunk,
      });
      status = answer.status;
      if (status < 200 || status >= 300) throw errorFromAnswer(status, answer.text, answer.retryAfter);
      if (request.ignoresAnswer === true) return undefined as T;
      return (list === undefined ? parse(answer.text) : list.end()) as T;
    } catch (error) {
      const late = `${request.method} ${request.path}: no answer within ${limit / 1000} s`;
      const failure = deadline.isExpired ? new ApiError('Timeout', late, { cause: error }) : errorFromFailure(error);
      throw wasSent ? ofWrite(request, failure) : failure;
    } finally {
      deadline.clear();
      this.#options.observe?.({ method: request.method, path: request.path, status, ms: this.#now() - started });
    }
  }

  #dispatchOptions(request: ApiRequest, headers: Access['headers']): Dispatcher.DispatchOptions {
    const { method, path, query, body, accept = JSON_TYPE, contentType = JSON_TYPE } = request;
    return {
      origin: this.#origin,
      path: this.#path(path, query),
      method,
      headers: {
        ...headers,
        accept,
        'user-agent': this.#options.userAgent,
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    };
  }

  /**
   * The credentials, unless the deadline comes first: an exec plugin may hang for as long as it likes. What it brings in
   * the end serves the next request.
   */
  async #access(fresh: boolean, deadline: RequestDeadline): Promise<Access> {
    const current = fresh ? undefined : this.#credentials.current;
    if (current !== undefined) return current;
    const { promise, reject } = Promise.withResolvers<never>();
    const settle = deadline.onCancel(() => reject(new ApiError('Aborted', 'given up while waiting for credentials')));
    try {
      return await Promise.race([this.#credentials.access(fresh), promise]);
    } finally {
      settle();
    }
  }

  #path(path: string, query: Query | undefined): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) parameters.set(name, String(value));
    }
    return `${this.#basePath}${path}${parameters.size === 0 ? '' : `?${parameters.toString()}`}`;
  }
}

/** Tries once more with new credentials when the first were refused: a token may have expired since it was read. */
async function withFreshCredentials<T>(attempt: (fresh: boolean) => Promise<T>): Promise<T> {
  try {
    return await attempt(false);
  } catch (error) {
    if (!isApiError(error, 'Unauthorized')) throw error;
    return attempt(true);
  }
}

/** What stands between us and the API server may answer anything. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError('Unreachable', 'the answer is no JSON', { cause: error });
  }
}

function header(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
