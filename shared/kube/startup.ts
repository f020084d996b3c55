/** Checks at startup: is the API server reachable, does it accept the credentials, does it serve the resource? */
import { API_VERSION, PLURAL } from '../api/group.ts';
import { backoffDelay } from '../backoff.ts';
import type { ApiClient } from './client.ts';
import { type ApiError, type ApiErrorCode, isApiError, systemCode } from './errors.ts';
import { collectionPath, SEQUENTIAL_JOBS } from './resources.ts';
import type { Log } from '../log.ts';
import { sleep } from '../sleep.ts';

/** The operator cannot start; the message is one line for the user. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError';
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;
const PROBE_TIMEOUT_MS = 5_000;

/** Wrong names and addresses: waiting would only hide the mistake. */
const WRONG_ADDRESS_CODES: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_INVALID_URL',
]);

/**
 * A server that is still starting may answer these before it has loaded its CRDs and roles; tolerated for this long.
 */
const STARTING_UP_CODES: ReadonlySet<ApiErrorCode> = new Set(['NotFound', 'Forbidden']);
const STARTING_UP_MS = 3_000;

export interface StartupOptions {
  readonly client: ApiClient;
  readonly namespace: string | undefined;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves once the API server serves SequentialJobs to this client. Waits for an unreachable server with backoff,
 * which it logs. Throws StartupError at once for permanent errors (unknown host, untrusted certificate, refused
 * credentials), after three seconds for a missing CRD or permission, and when the timeout has passed.
 */
export async function awaitApiServer(options: StartupOptions): Promise<void> {
  const { client, log, timeoutMs, signal } = options;
  const started = performance.now();
  const deadline = started + timeoutMs;
  for (let tries = 1; !signal.aborted; tries++) {
    const error = await probe(options);
    if (error === undefined) return;
    const permanentProblem = permanentProblemOf(error, client.server);
    const isConclusive = !STARTING_UP_CODES.has(error.code) || performance.now() - started >= STARTING_UP_MS;
    if (permanentProblem !== undefined && isConclusive) throw new StartupError(permanentProblem);
    const left = deadline - performance.now();
    if (left <= 0) {
      throw new StartupError(
        `no answer from the API server at ${client.server} for ${timeoutMs / 1000} s: ${error.message}`,
      );
    }
    const delay = Math.min(left, Math.max(error.retryAfterMs ?? 0, backoffDelay(tries, BACKOFF, Math.random)));
    log.warn({ server: client.server, err: error.message, retryMs: Math.round(delay) }, 'waiting for the API server');
    await sleep(delay, signal);
  }
}

async function probe({ client, namespace, signal }: StartupOptions): Promise<ApiError | undefined> {
  const path = collectionPath(SEQUENTIAL_JOBS, namespace);
  try {
    await client.request({ method: 'GET', path, query: { limit: 1 }, timeoutMs: PROBE_TIMEOUT_MS, signal });
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error;
    throw error;
  }
}

/** The message for an error that waiting cannot resolve; undefined for others. */
function permanentProblemOf(error: ApiError, server: string): string | undefined {
  switch (error.code) {
    case 'NotFound':
      return `the API server at ${server} does not know ${PLURAL}.${API_VERSION}: install the CRD first (make install)`;
    case 'Unauthorized':
      return `the API server at ${server} does not accept the credentials: ${error.message}`;
    case 'Untrusted':
      return `the certificate of the API server at ${server} is not trusted: ${error.message}`;
    case 'Forbidden':
      return `the API server at ${server} denies reading SequentialJobs: ${error.message}`;
    case 'BadRequest':
    case 'Invalid':
    case 'Unexpected':
      return `${server} is not an API server: ${error.message}`;
    default:
      return WRONG_ADDRESS_CODES.has(systemCode(error))
        ? `cannot reach the API server at ${server}: ${error.message}`
        : undefined;
  }
}
