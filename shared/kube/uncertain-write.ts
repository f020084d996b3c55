/** Which failed requests may have changed something all the same. */
import type { ApiRequest } from './client.ts';
import { ApiError, isApiError, isTooLarge } from './errors.ts';

/**
 * What a request that was sent has failed with, marked where its outcome is unknown: it was a write, and got no answer, or
 * one that the server gave while failing. Reads and dry runs change nothing, whatever became of them; nor does what was too large.
 */
export function ofWrite({ method, query }: ApiRequest, failure: unknown): unknown {
  if (method === 'GET' || query?.['dryRun'] !== undefined) return failure;
  if (!isApiError(failure) || (failure.status !== undefined && failure.status < 500)) return failure;
  if (isTooLarge(failure)) return failure;
  const { code, message, status, retryAfterMs, causes, cause } = failure;
  return new ApiError(code, message, { status, retryAfterMs, causes, cause, isUncertainWrite: true });
}
