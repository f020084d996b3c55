/** Identifies failed requests that the API server may still have applied. */
import type { ApiRequest } from './client.ts';
import { ApiError, isApiError, isTooLarge } from './errors.ts';

/**
 * Marks the failure of a sent request if its outcome is unknown: a write without an answer, or with a 5xx. Reads and
 * dry runs change nothing, and an object that is too large was not stored.
 */
export function markUncertainWrite({ method, query }: ApiRequest, failure: unknown): unknown {
  if (method === 'GET' || query?.['dryRun'] !== undefined) return failure;
  if (!isApiError(failure) || (failure.status !== undefined && failure.status < 500)) return failure;
  if (isTooLarge(failure)) return failure;
  const { code, message, status, retryAfterMs, causes, cause } = failure;
  return new ApiError(code, message, { status, retryAfterMs, causes, cause, isUncertainWrite: true });
}
