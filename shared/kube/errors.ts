/**
 * One error class for all failures of a request to the API server. Network failures are normalized here, so that the
 * rest of the program only checks `code`. A bug in the program is not an ApiError: it is passed on unchanged and
 * never retried as a network failure.
 */
import { printable, printableTexts } from '../printable-text.ts';

/**
 * The `reason` of a Kubernetes Status, reduced to those that the program distinguishes, plus failures without an
 * answer.
 */
export const API_ERROR_CODES = [
  'BadRequest',
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Gone',
  'Invalid',
  'TooManyRequests',
  'ServerError',
  'Timeout',
  'Unreachable',
  'Untrusted',
  'Aborted',
  'Unexpected',
] as const;
export type ApiErrorCode = (typeof API_ERROR_CODES)[number];

/** Errors that may be temporary: the same request, sent later, can succeed. */
const TRANSIENT: ReadonlySet<ApiErrorCode> = new Set([
  'Unauthorized',
  'Conflict',
  'Gone',
  'TooManyRequests',
  'ServerError',
  'Timeout',
  'Unreachable',
  'Untrusted',
  'Aborted',
]);

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface ApiErrorDetails {
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly cause?: unknown;
  readonly isUncertainWrite?: boolean | undefined;
  readonly continueToken?: string | undefined;
}

/** An ApiError. The message comes from a server, webhook or policy, so it is made printable. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** HTTP status; absent if there was no answer. */
  readonly status: number | undefined;
  /** How long the server asked to wait (Retry-After), in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly StatusCause[];
  /**
   * The request was a write (not a dry run), it was sent, and there was no answer or a 5xx: the API server may have
   * applied it. False for reads, refused requests and requests that were never sent.
   */
  readonly isUncertainWrite: boolean;
  /** For a list whose continue token has expired: a new token that continues the list at the current version. */
  readonly continueToken: string | undefined;

  constructor(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}) {
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.causes = printableTexts(details.causes ?? []);
    this.isUncertainWrite = details.isUncertainWrite ?? false;
    this.continueToken = details.continueToken;
  }

  get transient(): boolean {
    return TRANSIENT.has(this.code);
  }
}

/** Whether the error is an ApiError, with one of these codes if any are given. */
export function isApiError(error: unknown, ...codes: readonly ApiErrorCode[]): error is ApiError {
  return error instanceof ApiError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Whether the API server refused a write permanently: the object is invalid or too large, or permission is missing.
 * Not for a namespace that is being deleted or is gone, because everything in it is deleted too.
 */
export function isRefusal(error: unknown): error is ApiError {
  if (!isApiError(error) || error.transient || error.code === 'NotFound') return false;
  if (isNamespaceTerminating(error)) return false;
  return error.status !== undefined && error.status >= 400 && error.status < 500;
}

/**
 * The message for an object that is too large to store. Kubernetes 1.20 and 1.36 return with status 500 the message
 * of etcd (api/v3/v3rpc/rpctypes ErrGRPCRequestTooLarge), or that of gRPC if the object is too large to be sent to
 * etcd.
 */
const TOO_LARGE = /\brequest is too large\b|\btrying to send message larger than max\b/;

/** Whether the API server refused a write because the object would become too large, whatever the status code. */
export function isTooLarge(error: unknown): error is ApiError {
  return isApiError(error) && (error.status === 413 || TOO_LARGE.test(error.message));
}

/** apimachinery pkg/api/errors NewNotFound for the namespace itself, not for an object in it. */
const NAMESPACE_GONE = /^namespaces "[^"]*" not found/;

/**
 * Whether nothing can be created in the namespace because it is being deleted or is gone (apiserver
 * pkg/admission/plugin/namespace/lifecycle).
 */
export function isNamespaceTerminating(error: unknown): boolean {
  if (isApiError(error, 'NotFound')) return NAMESPACE_GONE.test(error.message);
  return isApiError(error, 'Forbidden') && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** The fields of metav1.Status that the program reads. */
interface StatusBody {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly metadata?: { readonly continue?: unknown } | null;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly StatusCause[] };
}

const BY_HTTP_STATUS: Readonly<Record<number, ApiErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
};

function codeOf(status: number, reason: string | undefined): ApiErrorCode {
  if (reason === 'AlreadyExists') return 'AlreadyExists';
  if (reason === 'Expired') return 'Gone';
  return BY_HTTP_STATUS[status] ?? (status >= 500 ? 'ServerError' : 'Unexpected');
}

/**
 * The delay of a `Retry-After` header in milliseconds; undefined if there is none. Only seconds, as kube-apiserver
 * sends them (RFC 9110 §10.2.3 also allows a date, which would require synchronized clocks).
 */
export function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** The error for an answer outside 2xx. Never throws: a body that is not a Status is quoted, truncated. */
export function errorFromResponse(status: number, body: string, retryAfter?: string): ApiError {
  const parsed = parseStatus(body);
  const seconds = parsed?.details?.retryAfterSeconds;
  return new ApiError(codeOf(status, parsed?.reason), parsed?.message ?? fallbackMessage(status, body), {
    status,
    retryAfterMs: retryAfterMs(retryAfter) ?? (seconds === undefined || seconds <= 0 ? undefined : seconds * 1000),
    causes: parsed?.details?.causes,
    continueToken: continueTokenOf(parsed),
  });
}

/** apiserver pkg/storage/etcd3 handleCompactedErrorForPaging, since Kubernetes 1.11. */
function continueTokenOf(status: StatusBody | undefined): string | undefined {
  const token = status?.metadata?.continue;
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** The error for a Status in a watch event of type ERROR. */
export function errorFromStatus(object: unknown): ApiError {
  const body = (typeof object === 'object' && object !== null ? object : {}) as StatusBody;
  const status = body.code ?? 500;
  return new ApiError(codeOf(status, body.reason), body.message ?? `the watch ended with status ${status}`, { status });
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && (value as StatusBody).kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

function fallbackMessage(status: number, body: string): string {
  const text = body.trim().slice(0, 200);
  return text === '' ? `the API server answered ${status}` : `the API server answered ${status}: ${text}`;
}

/**
 * Codes of Node and OpenSSL for a certificate that is not trusted (node lib/internal/tls,
 * `x509_verify_cert_error_string`).
 */
const UNTRUSTED =
  /^(ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_SSL|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;

/** undici's codes for an answer that did not arrive, or stopped, on an open connection. */
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'TIMEOUT_ERR']);

/**
 * Error codes of connections from the operating system (`ECONNREFUSED`, `ETIMEDOUT`, `EAI_AGAIN`), undici and its
 * HTTP parser.
 */
const NETWORK = /^(E[A-Z0-9_]+|UND_ERR_\w+|HPE_\w+)$/;
/** Codes among these that mean an invalid call, that is, a bug. */
const INVALID_CALL = /^(ERR_|UND_ERR_INVALID_|UND_ERR_NOT_SUPPORTED)/;
/**
 * Codes like those of invalid calls that are connection errors of Node's sockets and TLS, or a proxy in the
 * kubeconfig that is not a URL.
 */
const NODE_NETWORK = /^ERR_(OSSL|SOCKET|STREAM_PREMATURE_CLOSE|INVALID_URL)\w*$/;

/** undici aborts a request if the proxy refuses the tunnel; the program did not abort it. */
const REFUSED_BY_PROXY = /^Proxy response \(\d+\) !== 200/;

/**
 * The error for a request without a (complete) answer: an ApiError for failures of the network, of a certificate, or
 * a timeout; else the error itself, which is a bug. The codes are those of Node and undici; undici puts the original
 * error in `cause`.
 */
export function errorFromFailure(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const code = systemCode(error);
  const text = isObject(error) ? (error as Failure).message : undefined;
  const message = text === undefined || text === '' ? code : text;
  const apiCode = codeOfFailure(code, message);
  return apiCode === undefined ? error : new ApiError(apiCode, message, { cause: error });
}

/** A timeout while connecting counts as unreachable; `Timeout` is for an open connection that stays silent, and HTTP 408. */
function codeOfFailure(code: string, message: string): ApiErrorCode | undefined {
  if (code === 'UND_ERR_ABORTED' || code === 'ABORT_ERR') {
    return REFUSED_BY_PROXY.test(message) ? 'Unreachable' : 'Aborted';
  }
  if (TIMEOUTS.has(code)) return 'Timeout';
  if (UNTRUSTED.test(code)) return 'Untrusted';
  return isNetworkCode(code) ? 'Unreachable' : undefined;
}

function isNetworkCode(code: string): boolean {
  return NODE_NETWORK.test(code) || (NETWORK.test(code) && !INVALID_CALL.test(code));
}

/** Node's error code (`ECONNREFUSED`, …), also searched in the causes; empty if there is none. */
export function systemCode(error: unknown): string {
  for (let at = error as Failure | undefined, depth = 0; isObject(at) && depth < 4; at = at.cause, depth++) {
    const { code, errors, name } = at;
    // ApiError's codes are not system codes: the system code is in its cause.
    if (typeof code === 'string' && !isApiError(at)) return code;
    if (errors?.[0] !== undefined) return systemCode(errors[0]);
    if (name === 'AbortError') return 'ABORT_ERR';
    if (name === 'TimeoutError') return 'TIMEOUT_ERR';
  }
  return '';
}

/** The fields of errors that are read. Errors of other realms are not `instanceof Error`. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly errors?: readonly unknown[];
  readonly cause?: Failure;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
