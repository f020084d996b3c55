import { describe, expect, it } from '@jest/globals';
import { errors } from 'undici';
import {
  API_ERROR_CODES,
  ApiError,
  type ApiErrorCode,
  errorFromResponse,
  errorFromFailure,
  errorFromStatus,
  isNamespaceTerminating,
  retryAfterMs,
  systemCode,
} from '../../../../shared/kube/errors.ts';

function status(reason: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    message: `said ${reason}`,
    ...more,
  });
}

function withCode(code: string, message = `it was ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe('errorFromAnswer', () => {
  it.each<readonly [string, number, string, ApiErrorCode]>([
    ['403', 403, status('Forbidden'), 'Forbidden'],
    ['404', 404, status('NotFound'), 'NotFound'],
    ['409 because the name exists', 409, status('AlreadyExists'), 'AlreadyExists'],
    ['409 because the resourceVersion is outdated', 409, status('Conflict'), 'Conflict'],
    ['410 Gone', 410, status('Gone'), 'Gone'],
    ['410 Expired', 410, status('Expired'), 'Gone'],
    ['422', 422, status('Invalid'), 'Invalid'],
    ['503', 503, status('ServiceUnavailable'), 'ServerError'],
    ['504 because etcd timed out', 504, status('Timeout'), 'ServerError'],
    ['408', 408, '', 'Timeout'],
    ['an unknown status', 418, 'short and stout', 'Unexpected'],
    ['a redirect', 302, '', 'Unexpected'],
    ['an HTML page of a proxy', 502, '<html>Bad Gateway</html>', 'ServerError'],
    ['JSON that is not a Status', 404, '{"kind":"Job","reason":"AlreadyExists"}', 'NotFound'],
    ['JSON that is not an object', 404, 'null', 'NotFound'],
  ])('%s', (_says, http, body, code) => {
    const error = errorFromResponse(http, body);
    expect(error).toBeInstanceOf(ApiError);
    expect(error.code).toBe(code);
    expect(error.status).toBe(http);
  });

  it.each([
    ['the message of the Status', status('Conflict'), 'said Conflict'],
    [
      'the text of a body that is not a Status',
      '  <html>Bad Gateway</html>\n',
      'the API server answered 502: <html>Bad Gateway</html>',
    ],
    ['the status code if the body is empty', '', 'the API server answered 502'],
    ['the beginning of a long body', 'x'.repeat(1000), `the API server answered 502: ${'x'.repeat(200)}`],
  ])('message: %s', (_says, body, message) => {
    expect(errorFromResponse(502, body).message).toBe(message);
  });

  it.each<readonly [string, string | undefined, unknown, number | undefined]>([
    ['seconds in the header', '7', undefined, 7000],
    ['seconds in the details of the Status', undefined, 3, 3000],
    ['the header overrides the details', '7', 3, 7000],
    ['zero in the header counts', '0', 3, 0],
    ['zero in the details does not count', undefined, 0, undefined],
    ['neither', undefined, undefined, undefined],
    ['a date is ignored', 'Mon, 02 Nov 2026 10:00:00 GMT', undefined, undefined],
    ['a fraction is ignored', '1.5', undefined, undefined],
  ])('Retry-After: %s', (_says, header, retryAfterSeconds, expected) => {
    const body = status('TooManyRequests', { details: { retryAfterSeconds } });
    expect(errorFromResponse(429, body, header).retryAfterMs).toBe(expected);
  });

  it('keeps the causes', () => {
    const causes = [
      { reason: 'NamespaceTerminating', message: 'namespace x is being terminated', field: 'metadata.namespace' },
    ];
    expect(errorFromResponse(403, status('Forbidden', { details: { causes } })).causes).toEqual(causes);
    expect(errorFromResponse(403, status('Forbidden')).causes).toEqual([]);
  });
});

describe('errorFromStatus, of a watch', () => {
  it.each<readonly [string, unknown, ApiErrorCode, string]>([
    ['an expired version', { code: 410, reason: 'Expired', message: 'too old' }, 'Gone', 'too old'],
    ['an internal error', { code: 500, message: 'broken' }, 'ServerError', 'broken'],
    ['a Status without a code', { message: 'broken' }, 'ServerError', 'broken'],
    ['a Status without a message', { code: 410 }, 'Gone', 'the watch ended with status 410'],
    ['an undefined Status', null, 'ServerError', 'the watch ended with status 500'],
    ['a Status that is not an object', 'oops', 'ServerError', 'the watch ended with status 500'],
  ])('%s', (_says, object, code, message) => {
    expect(errorFromStatus(object)).toMatchObject({ code, message });
  });
});

describe('errorFromFailure', () => {
  it.each<readonly [string, unknown, ApiErrorCode, string]>([
    ['a refused connection', withCode('ECONNREFUSED'), 'Unreachable', 'it was ECONNREFUSED'],
    ['a reset connection', withCode('ECONNRESET'), 'Unreachable', 'it was ECONNRESET'],
    ['an unknown host', withCode('ENOTFOUND'), 'Unreachable', 'it was ENOTFOUND'],
    ['a socket error', withCode('UND_ERR_SOCKET', 'other side closed'), 'Unreachable', 'other side closed'],
    ['a response that is not HTTP', withCode('HPE_INVALID_CONSTANT'), 'Unreachable', 'it was HPE_INVALID_CONSTANT'],
    ['a proxy with an invalid address', withCode('ERR_INVALID_URL'), 'Unreachable', 'it was ERR_INVALID_URL'],
    [
      'a proxy that rejects the tunnel',
      withCode('UND_ERR_ABORTED', 'Proxy response (407) !== 200 when HTTP Tunneling'),
      'Unreachable',
      'Proxy response (407) !== 200 when HTTP Tunneling',
    ],
    ['a response body that times out', withCode('UND_ERR_BODY_TIMEOUT'), 'Timeout', 'it was UND_ERR_BODY_TIMEOUT'],
    ['a connection that times out', withCode('ETIMEDOUT'), 'Unreachable', 'it was ETIMEDOUT'],
    ['an abort, as undici reports it', withCode('UND_ERR_ABORTED'), 'Aborted', 'it was UND_ERR_ABORTED'],
    [
      'a self-signed certificate',
      withCode('DEPTH_ZERO_SELF_SIGNED_CERT'),
      'Untrusted',
      'it was DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
    [
      'a certificate for another name',
      withCode('ERR_TLS_CERT_ALTNAME_INVALID'),
      'Untrusted',
      'it was ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'an error whose cause has the code',
      new TypeError('fetch failed', { cause: new Error('inner', { cause: withCode('CERT_HAS_EXPIRED') }) }),
      'Untrusted',
      'fetch failed',
    ],
    [
      'refused connections to all addresses of a host, without a message',
      new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')], ''),
      'Unreachable',
      'ECONNREFUSED',
    ],
    [
      'timeouts of all addresses of a host',
      new AggregateError([withCode('ETIMEDOUT')], ''),
      'Unreachable',
      'ETIMEDOUT',
    ],
  ])('%s', (_says, failure, code, message) => {
    const error = errorFromFailure(failure);
    expect(error).toMatchObject({ name: 'ApiError', code, message, status: undefined, isUncertainWrite: false });
    expect((error as ApiError).cause).toBe(failure);
  });

  it.each<readonly [string, unknown]>([
    ['a TypeError', new TypeError("Cannot read properties of undefined (reading 'name')")],
    ['a RangeError', new RangeError('Maximum call stack size exceeded')],
    ["a wrong call of Node's API", Object.assign(new TypeError('not a string'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ["a wrong call of undici's API", new errors.InvalidArgumentError('invalid method')],
    ['an error without a message', new Error()],
    ['a thrown value that is not an error', 'oops'],
    ['undefined', undefined],
  ])('a programming error is never treated as a network error: %s', (_says, fault) => {
    expect(errorFromFailure(fault)).toBe(fault);
  });

  it.each<readonly [Error, ApiErrorCode]>([
    [new errors.ConnectTimeoutError('x'), 'Unreachable'],
    [new errors.HeadersTimeoutError(), 'Timeout'],
    [new errors.BodyTimeoutError(), 'Timeout'],
    [new errors.SocketError('other side closed'), 'Unreachable'],
    [new errors.ClientDestroyedError(), 'Unreachable'],
    [new errors.RequestAbortedError(), 'Aborted'],
  ])("undici's own %s is %s", (error, code) => {
    expect(errorFromFailure(error)).toMatchObject({ code });
  });

  it('stops at a circular cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(systemCode(error)).toBe('');
  });
});

it.each(API_ERROR_CODES.map((code) => [code]))('%s is transient only if the error can end without a change', (code) => {
  const lasting = ['BadRequest', 'Forbidden', 'NotFound', 'AlreadyExists', 'Invalid', 'Unexpected'];
  expect(new ApiError(code, 'x').transient).toBe(!lasting.includes(code));
});

it.each([
  [undefined, undefined],
  ['', undefined],
  ['12', 12_000],
  ['-1', undefined],
  ['1234567', undefined],
])('a Retry-After header %p is %p milliseconds', (header, expected) => {
  expect(retryAfterMs(header)).toBe(expected);
});

describe('isNamespaceTerminating', () => {
  const terminating = { status: 403, causes: [{ reason: 'NamespaceTerminating' }] };
  it.each<readonly [string, unknown, boolean]>([
    ['a namespace that is being deleted', new ApiError('Forbidden', 'x is forbidden', terminating), true],
    ['a namespace that does not exist', new ApiError('NotFound', 'namespaces "a" not found', { status: 404 }), true],
    ['an object that does not exist', new ApiError('NotFound', 'events "a" not found', { status: 404 }), false],
    ['a permission that is missing', new ApiError('Forbidden', 'x is forbidden', { status: 403 }), false],
    ['a programming error', new TypeError('namespaces "a" not found'), false],
  ])('%s', (_says, error, expected) => {
    expect(isNamespaceTerminating(error)).toBe(expected);
  });
});
