/** The checks before the work: is there an API server, does it let us in, does it know the resource? */
import { API_VERSION, PLURAL } from '../api/group.ts';
import { backoffDelay } from '../backoff.ts';
import type { ApiClient } from './client.ts';
import { type ApiError, type ApiErrorCode, isApiError, systemCode } from './errors.ts';
import { collectionPath, SEQUENTIAL_JOBS } from './resources.ts';
import type { Log } from '../log.ts';
import { sleep } from '../sleep.ts';

/** The start cannot succeed; the message is one line for the user. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError';
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;
const PROBE_TIMEOUT_MS = 5_000;

/** Names and addresses that lead nowhere: waiting would only hide the mistake. */
const NO_SUCH_PLACE: ReadonlySet<string> = new Set(['ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ERR_INVALID_URL']);

/** What a server that is just coming up may answer too, before it has read its CRDs and roles; and how long it may. */
const UNSETTLED: ReadonlySet<ApiErrorCode> = new Set(['NotFound', 'Forbidden']);
const SETTLE_MS = 3_000;

export interface StartupOptions {
  readonly client: ApiClient;
  readonly namespace: string | undefined;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves once the API server serves SequentialJobs to us. One that is down is waited for, with backoff, and said so.
 * Throws StartupError at once for what waiting cannot cure (no such host, untrusted certificate, refused credentials), after
 * three seconds for a missing CRD or permission, and when the time is up.
 */
export async function awaitApiServer(options: StartupOptions): Promise<void> {
  const { client, log, timeoutMs, signal } = options;
  const started = performance.now();
  const deadline = started + timeoutMs;
  for (let tries = 1; !signal.aborted; tries++) {
    const error = await probe(options);
    if (error === undefined) return;
    const hopeless = explain(error, client.server);
    const settled = !UNSETTLED.has(error.code) || performance.now() - started >= SETTLE_MS;
    if (hopeless !== undefined && settled) throw new StartupError(hopeless);
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

/** One line for an error that waiting cannot cure; undefined for one that it can. */
function explain(error: ApiError, server: string): string | undefined {
  switch (error.code) {
    case 'NotFound':
      return `the API server at ${server} does not know ${PLURAL}.${API_VERSION}: install the CRD first (make install)`;
    case 'Unauthorized':
      return `the API server at ${server} does not accept our credentials: ${error.message}`;
    case 'Untrusted':
      return `the certificate of the API server at ${server} is not trusted: ${error.message}`;
    case 'Forbidden':
      return `the API server at ${server} does not let us read SequentialJobs: ${error.message}`;
    case 'BadRequest':
    case 'Invalid':
    case 'Unexpected':
      return `${server} does not answer as an API server does: ${error.message}`;
    default:
      return NO_SUCH_PLACE.has(systemCode(error))
        ? `cannot reach the API server at ${server}: ${error.message}`
        : undefined;
  }
}
