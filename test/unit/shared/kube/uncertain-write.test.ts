/** Which failed requests may have changed something all the same: what puts an object in doubt. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { type ApiRequest, createApiClient } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { markUncertainWrite } from '../../../../shared/kube/uncertain-write.ts';
import { type Answer, json, startServer } from '../../../support/http-server.ts';

type Method = ApiRequest['method'];

const WRITES: readonly Method[] = ['POST', 'PUT', 'PATCH', 'DELETE'];

const request = (method: Method, query: ApiRequest['query'] = {}): ApiRequest => ({ method, path: '/x', query });

describe('a request that was sent and failed', () => {
  it.each<readonly [ApiErrorCode, number | undefined, boolean]>([
    ['Unreachable', undefined, true],
    ['Timeout', undefined, true],
    ['Aborted', undefined, true],
    ['ServerError', 500, true],
    ['ServerError', 504, true],
    ['Timeout', 408, false],
    ['Conflict', 409, false],
    ['Gone', 410, false],
    ['Invalid', 422, false],
    ['TooManyRequests', 429, false],
  ])('with %s (%s): a write may have been applied: %s, and a read or a dry run never', (code, status, expected) => {
    const causes = [{ reason: 'x' }];
    const error = new ApiError(code, 'it was so', { status, retryAfterMs: 7, causes, cause: 'why' });
    for (const method of WRITES) {
      const failed = markUncertainWrite(request(method, { fieldManager: 'us' }), error) as ApiError;
      expect(failed).toMatchObject({ code, status, message: 'it was so', retryAfterMs: 7, causes, cause: 'why' });
      expect(failed.isUncertainWrite).toBe(expected);
      expect(markUncertainWrite(request(method, { dryRun: 'All' }), error)).toBe(error);
    }
    expect(markUncertainWrite(request('GET'), error)).toBe(error);
    expect(error.isUncertainWrite).toBe(false);
  });

  it.each(['etcdserver: request is too large', 'desc = trying to send message larger than max (2 vs. 1)'])(
    'with "%s" was not applied, although the server returns 500',
    (message) => {
      const error = new ApiError('ServerError', message, { status: 500 });
      expect(markUncertainWrite(request('PATCH'), error)).toBe(error);
    },
  );

  it('with a programming error fails with that error', () => {
    const fault = new TypeError('x');
    expect(markUncertainWrite(request('POST'), fault)).toBe(fault);
  });
});

describe('over a connection', () => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function outcomeOf(
    method: Method,
    answer: Answer | 'nobody listens',
    query?: ApiRequest['query'],
  ): Promise<unknown> {
    const server = await startServer(answer === 'nobody listens' ? () => undefined : answer);
    if (answer === 'nobody listens') await server.close();
    else cleanups.push(() => server.close());
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'x', server: server.url, skipTLSVerify: true }, { name: 'x' });
    const client = createApiClient(config, { userAgent: 'test', timeoutMs: 500 });
    cleanups.push(() => client.close());
    return client.request(request(method, query)).then(
      () => 'no failure',
      (error: unknown) => (error as ApiError).isUncertainWrite,
    );
  }

  it.each<readonly [string, Answer | 'nobody listens', boolean]>([
    ['the connection is closed before the response', (_, response) => void response.destroy(), true],
    ['the request times out', () => undefined, true],
    ['the server returns 500', (_, response) => json(response, 500, {}), true],
    ['the response is not JSON', (_, response) => void response.end('<html>'), true],
    ['the server rejects the request', (_, response) => json(response, 403, {}), false],
    ['the connection is refused, so the request was never sent', 'nobody listens', false],
  ])('%s', async (_, answer, isUncertain) => {
    expect(await outcomeOf('POST', answer)).toBe(isUncertain);
    expect(await outcomeOf('DELETE', answer)).toBe(isUncertain);
    expect(await outcomeOf('GET', answer)).toBe(false);
    expect(await outcomeOf('POST', answer, { dryRun: 'All' })).toBe(false);
  });
});
