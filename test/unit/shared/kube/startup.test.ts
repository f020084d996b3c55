import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApiError, errorFromFailure } from '../../../../shared/kube/errors.ts';
import { awaitApiServer, StartupError } from '../../../../shared/kube/startup.ts';
import { createLog } from '../../../../shared/log.ts';
import { FakeClient } from '../../../support/fake-client.ts';

const network = (message: string, code: string): ApiError =>
  errorFromFailure(Object.assign(new Error(message), { code })) as ApiError;
const refused = (): ApiError => network('connect ECONNREFUSED', 'ECONNREFUSED');

describe('awaitApiServer', () => {
  const log = createLog({ level: 'silent', format: 'json' });
  let answers: (ApiError | object)[];
  let client: FakeClient;
  let stop: AbortController;
  let outcome: unknown;

  beforeEach(() => {
    jest.useFakeTimers();
    stop = new AbortController();
    outcome = undefined;
    client = new FakeClient({
      request: () => {
        const next = answers.length > 1 ? answers.shift() : answers[0];
        if (next instanceof Error) throw next;
        return next;
      },
    });
  });

  afterEach(() => {
    stop.abort();
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  async function begin(timeoutMs = 60_000, namespace?: string): Promise<void> {
    void (async () => {
      try {
        await awaitApiServer({ client, namespace, log, timeoutMs, signal: stop.signal });
        outcome = 'ready';
      } catch (error) {
        outcome = error;
      }
    })();
    await jest.advanceTimersByTimeAsync(0);
  }

  it.each([
    ['all namespaces', undefined, '/apis/batch.example.com/v1beta1/sequentialjobs'],
    ['one namespace', 'team-a', '/apis/batch.example.com/v1beta1/namespaces/team-a/sequentialjobs'],
  ])('sends one request if the API server answers: %s', async (_says, namespace, path) => {
    answers = [{ items: [] }];
    await begin(60_000, namespace);
    expect(outcome).toBe('ready');
    expect(client.requests).toMatchObject([{ method: 'GET', path, query: { limit: 1 } }]);
  });

  it.each<readonly [string, ApiError, RegExp]>([
    ['rejected credentials', new ApiError('Unauthorized', 'no'), /does not accept the credentials: no/],
    [
      'an untrusted certificate',
      network('self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      /certificate .* is not trusted: self-signed/,
    ],
    ['an unknown host', network('getaddrinfo ENOTFOUND nowhere', 'ENOTFOUND'), /cannot reach .*ENOTFOUND nowhere/],
    ['a network without a route', network('unreachable', 'ENETUNREACH'), /cannot reach .*unreachable/],
  ])('gives up at once on %s, in one line', async (_says, error, expected) => {
    answers = [error];
    await begin();
    expect(outcome).toBeInstanceOf(StartupError);
    expect((outcome as StartupError).message).toMatch(expected);
    expect((outcome as StartupError).message).toContain('https://api.example.com:6443');
    expect(client.requests).toHaveLength(1);
  });

  it.each<readonly [string, ApiError, RegExp]>([
    [
      'a missing CRD',
      new ApiError('NotFound', 'not found'),
      /does not know sequentialjobs\.batch\.example\.com.*install the CRD first \(make install\)/,
    ],
    ['missing permissions', new ApiError('Forbidden', 'cannot list'), /denies reading SequentialJobs: cannot list/],
  ])('gives a starting server three seconds before it reports %s', async (_says, error, expected) => {
    answers = [error];
    await begin();
    await jest.advanceTimersByTimeAsync(2500);
    expect(outcome).toBeUndefined();
    await jest.advanceTimersByTimeAsync(12_000);
    expect(outcome).toBeInstanceOf(StartupError);
    expect((outcome as StartupError).message).toMatch(expected);
    expect((outcome as StartupError).message).toContain('https://api.example.com:6443');
  });

  it.each<readonly [string, () => ApiError]>([
    ['refused', refused],
    ['TooManyRequests', () => new ApiError('TooManyRequests', 'later')],
  ])('waits for a server that is not up yet (%s), and logs that', async (_says, error) => {
    const said = jest.spyOn(log, 'warn');
    answers = [error(), error(), { items: [] }];
    await begin();
    expect(outcome).toBeUndefined();
    expect(said).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(500);
    expect(client.requests).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(1000);
    expect(outcome).toBe('ready');
    expect(said).toHaveBeenCalledTimes(2);
  });

  it('increases the delay, up to 10 s', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const said = jest.spyOn(log, 'warn');
    answers = [refused()];
    await begin(60_000);
    await jest.advanceTimersByTimeAsync(45_000);
    expect(said.mock.calls.map(([fields]) => (fields as { retryMs: number }).retryMs)).toEqual([
      500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000,
    ]);
  });

  it('gives up at the timeout, after one last attempt', async () => {
    answers = [refused()];
    await begin(60_000);
    await jest.advanceTimersByTimeAsync(59_999);
    expect(outcome).toBeUndefined();
    const before = client.requests.length;
    await jest.advanceTimersByTimeAsync(1);
    expect(client.requests).toHaveLength(before + 1);
    expect(outcome).toEqual(
      new StartupError('no answer from the API server at https://api.example.com:6443 for 60 s: connect ECONNREFUSED'),
    );
  });

  it('returns without an error if it is stopped while it waits', async () => {
    answers = [refused()];
    await begin();
    stop.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(outcome).toBe('ready');
    expect(jest.getTimerCount()).toBe(0);
  });
});
