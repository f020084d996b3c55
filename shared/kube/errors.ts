/**
 * One error class for everything a request to the API server can come back with. Failures of the network are normalised
 * here, at the edge, so that the rest of the program branches on `code` alone. A programming error is none of them: it
 * passes through as it is, and is never retried as trouble of the network.
 */
import { printable, printableTexts } from '../printable-text.ts';

/** The `reason` of a Kubernetes Status object, narrowed to what the program tells apart, plus what never got an answer. */
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

/** What may pass by itself: the same request, sent again later, can succeed. */
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

/** Its words are those of a server, and of the webhooks and policies behind it: they are made plain. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** HTTP status; absent where no answer came. */
  readonly status: number | undefined;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly StatusCause[];
  /**
   * The request was a write (no dry run), it was sent, and it got no answer, or one that the server gave while failing: it may
   * have been carried out all the same. False of anything that was only read, refused, or never sent.
   */
  readonly isUncertainWrite: boolean;
  /** Of a list whose token has expired: a new one, with which the rest of it can be read as it is by now. */
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

/** True for an ApiError with one of these codes. */
export function isApiError(error: unknown, ...codes: readonly ApiErrorCode[]): error is ApiError {
  return error instanceof ApiError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * True where the API server refused a write for good: the object is invalid or too large, or nobody lets us write it. A
 * namespace that is being deleted, or is gone, refuses too, but everything in it goes with it.
 */
export function isRefusal(error: unknown): error is ApiError {
  if (!isApiError(error) || error.transient || error.code === 'NotFound') return false;
  if (isNamespaceGoing(error)) return false;
  return error.status !== undefined && error.status >= 400 && error.status < 500;
}

/**
 * What an API server says of an object that its store does not take. Kubernetes 1.20 and 1.36 pass on, with 500, the words of
 * etcd (api/v3/v3rpc/rpctypes ErrGRPCRequestTooLarge) or those of gRPC, where the object is so large that it is not even sent to it.
 */
const TOO_LARGE = /\brequest is too large\b|\btrying to send message larger than max\b/;

/** True where the API server refused a write because the object would become too large, whatever the status of its answer. */
export function isTooLarge(error: unknown): error is ApiError {
  return isApiError(error) && (error.status === 413 || TOO_LARGE.test(error.message));
}

/** apimachinery pkg/api/errors NewNotFound, of the namespace itself and not of an object in it. */
const NAMESPACE_GONE = /^namespaces "[^"]*" not found/;

/**
 * True where nothing can be created in the namespace any more, because it is being deleted or is gone (apiserver
 * pkg/admission/plugin/namespace/lifecycle).
 */
export function isNamespaceGoing(error: unknown): boolean {
  if (isApiError(error, 'NotFound')) return NAMESPACE_GONE.test(error.message);
  return isApiError(error, 'Forbidden') && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** The parts of metav1.Status that are read. */
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
 * Delay of a `Retry-After` header in milliseconds: seconds only, as kube-apiserver sends it (RFC 9110 §10.2.3 also
 * allows a date, which would need the two clocks to agree). Undefined where there is none.
 */
export function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** The error for an answer outside 2xx. Never throws: a body that is no Status is quoted, shortened. */
export function errorFromAnswer(status: number, body: string, retryAfter?: string): ApiError {
  const parsed = parseStatus(body);
  const seconds = parsed?.details?.retryAfterSeconds;
  return new ApiError(codeOf(status, parsed?.reason), parsed?.message ?? plainMessage(status, body), {
    status,
    retryAfterMs: retryAfterMs(retryAfter) ?? (seconds === undefined || seconds <= 0 ? undefined : seconds * 1000),
    causes: parsed?.details?.causes,
    continueToken: tokenIn(parsed),
  });
}

/** apiserver pkg/storage/etcd3 handleCompactedErrorForPaging, since Kubernetes 1.11. */
function tokenIn(status: StatusBody | undefined): string | undefined {
  const token = status?.metadata?.continue;
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** The error for a Status object inside a watch stream (`type: ERROR`). */
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

function plainMessage(status: number, body: string): string {
  const text = body.trim().slice(0, 200);
  return text === '' ? `the API server answered ${status}` : `the API server answered ${status}: ${text}`;
}

/** Node's and OpenSSL's codes for a certificate that is not accepted (node lib/internal/tls, `x509_verify_cert_error_string`). */
const UNTRUSTED =
  /^(ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_SSL|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;

/** undici's codes for an answer that did not come, or stopped, on a connection that was there. */
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'TIMEOUT_ERR']);

/** What the operating system (`ECONNREFUSED`, `ETIMEDOUT`, `EAI_AGAIN`), undici and its HTTP parser say of a connection. */
const NETWORK = /^(E[A-Z0-9_]+|UND_ERR_\w+|HPE_\w+)$/;
/** What of these Node and undici say of a call that is wrong. */
const WRONG_CALL = /^(ERR_|UND_ERR_INVALID_|UND_ERR_NOT_SUPPORTED)/;
/** What of these Node's sockets and TLS say of a connection all the same, and of a kubeconfig whose proxy is no URL. */
const NODE_NETWORK = /^ERR_(OSSL|SOCKET|STREAM_PREMATURE_CLOSE|INVALID_URL)\w*$/;

/** undici aborts a request whose tunnel the proxy refuses; that is the proxy's doing, not ours. */
const REFUSED_BY_PROXY = /^Proxy response \(\d+\) !== 200/;

/**
 * What a request without a (whole) answer has failed with: an ApiError where that is a failure of the network, of a
 * certificate or of time, and else the error itself, which is a fault of the program. The codes are Node's and undici's: the
 * reason sits in `cause` one level down where undici wrapped it.
 */
export function errorFromFailure(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const code = systemCode(error);
  const text = isObject(error) ? (error as Failure).message : undefined;
  const message = text === undefined || text === '' ? code : text;
  const apiCode = codeOfFailure(code, message);
  return apiCode === undefined ? error : new ApiError(apiCode, message, { cause: error });
}

/** A connection that cannot be made in time is as good as refused: only one that was there can fall silent. */
function codeOfFailure(code: string, message: string): ApiErrorCode | undefined {
  if (code === 'UND_ERR_ABORTED' || code === 'ABORT_ERR') {
    return REFUSED_BY_PROXY.test(message) ? 'Unreachable' : 'Aborted';
  }
  if (TIMEOUTS.has(code)) return 'Timeout';
  if (UNTRUSTED.test(code)) return 'Untrusted';
  return isOfNetwork(code) ? 'Unreachable' : undefined;
}

function isOfNetwork(code: string): boolean {
  return NODE_NETWORK.test(code) || (NETWORK.test(code) && !WRONG_CALL.test(code));
}

/** Node's error code (`ECONNREFUSED`, …), looked for in the causes too; empty where there is none. */
export function systemCode(error: unknown): string {
  for (let at = error as Failure | undefined, depth = 0; isObject(at) && depth < 4; at = at.cause, depth++) {
    const { code, errors, name } = at;
    // Our own codes are not the system's: what is meant sits in the cause.
    if (typeof code === 'string' && !isApiError(at)) return code;
    if (errors?.[0] !== undefined) return systemCode(errors[0]);
    if (name === 'AbortError') return 'ABORT_ERR';
    if (name === 'TimeoutError') return 'TIMEOUT_ERR';
  }
  return '';
}

/** What failures look like, wherever they come from: an Error of another realm is no `instanceof Error` here. */
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
