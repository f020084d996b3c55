/** Requests to the API server: JSON bodies, a time limit on each request, typed errors. */
import type { Readable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { type Access, Credentials } from './credentials.ts';
import { RequestDeadline } from './request-deadline.ts';
import { ApiError, errorFromResponse, errorFromFailure, isApiError } from './errors.ts';
import { roundTrip } from './round-trip.ts';
import { ListReader, type OnItem } from './list-reader.ts';
import { markUncertainWrite } from './uncertain-write.ts';

export const PATCH_TYPE = {
  /** RFC 6902 */
  json: 'application/json-patch+json',
  /** RFC 7386 */
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/**
 * For `accept`: only the object's metadata (meta.k8s.io/v1 PartialObjectMetadata, since Kubernetes 1.15). Not
 * combined with `application/json`: a server without support would then send the whole object.
 */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path from the server's root, with escaped segments: `/api/v1/namespaces/x/events`. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; patches set their own. */
  readonly contentType?: string;
  /** The media type of the answer, which must be JSON; default `application/json`. */
  readonly accept?: string;
  /** Does not parse the answer; the request resolves with undefined. Default false. */
  readonly ignoresAnswer?: boolean;
  /**
   * For a list: called with each item as it arrives; the answer then has no items. If it throws, the request ends and
   * rejects with that error. If the request fails within the list, the items before have been delivered.
   */
  readonly onItem?: OnItem;
  /** Time limit of the whole request, in milliseconds; default: that of the client. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface StreamRequest {
  readonly path: string;
  readonly query?: Query;
  /** The stream fails with `Timeout` if nothing arrives for this long. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** Called once per attempt, after it has ended; for metrics. */
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
   * Resolves with the parsed answer. Rejects with ApiError, or with the error of a bug. After a 401 it tries once
   * more with fresh credentials.
   */
  request<T = unknown>(request: ApiRequest): Promise<T>;
  /**
   * Opens a GET whose body is read as a stream (a watch, a log). Opening rejects as `request` does; so does reading.
   */
  stream(request: StreamRequest): Promise<Readable>;
  /** Closes all connections; requests in progress fail. */
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
    // The server may be below a path (an aggregating proxy): all requests go there.
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
      throw errorFromResponse(status, await answer.body.text(), header(answer.headers['retry-after']));
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
      if (status < 200 || status >= 300) throw errorFromResponse(status, answer.text, answer.retryAfter);
      if (request.ignoresAnswer === true) return undefined as T;
      return (list === undefined ? parse(answer.text) : list.end()) as T;
    } catch (error) {
      const timeoutMessage = `${request.method} ${request.path}: no answer within ${limit / 1000} s`;
      const failure = deadline.isExpired
        ? new ApiError('Timeout', timeoutMessage, { cause: error })
        : errorFromFailure(error);
      throw wasSent ? markUncertainWrite(request, failure) : failure;
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
   * The credentials, unless the deadline passes first: an exec plugin may hang. If it finishes later, the next
   * request uses its result.
   */
  async #access(fresh: boolean, deadline: RequestDeadline): Promise<Access> {
    const current = fresh ? undefined : this.#credentials.current;
    if (current !== undefined) return current;
    const { promise, reject } = Promise.withResolvers<never>();
    const removeListener = deadline.onCancel(() =>
      reject(new ApiError('Aborted', 'aborted while waiting for credentials')),
    );
    try {
      return await Promise.race([this.#credentials.access(fresh), promise]);
    } finally {
      removeListener();
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

/** Tries once more with new credentials after a 401: a token may have expired since it was read. */
async function withFreshCredentials<T>(attempt: (fresh: boolean) => Promise<T>): Promise<T> {
  try {
    return await attempt(false);
  } catch (error) {
    if (!isApiError(error, 'Unauthorized')) throw error;
    return attempt(true);
  }
}

/** A proxy between the operator and the API server may answer anything. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError('Unreachable', 'the answer is not JSON', { cause: error });
  }
}

function header(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
