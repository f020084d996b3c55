/** Errors of the API server and of the network, in one line for people. */
import { describe, expect, it } from '@jest/globals';
import { type Asked, CommandError, explain } from '../../../../cli/cluster/command-error.ts';
import { ApiError } from '../../../../shared/kube/errors.ts';

const ASKED: Asked = { verb: 'list', resource: 'pods', namespace: 'team-a', server: 'https://k8s:6443' };
const UNSERVED = 'the server could not find the requested resource';

describe('the line for', () => {
  it.each([
    [
      'a missing permission names verb, resource and namespace',
      new ApiError('Forbidden', 'denied'),
      ASKED,
      'failed',
      'no permission to list pods in namespace "team-a": denied',
    ],
    [
      'the same in all namespaces',
      new ApiError('Forbidden', 'denied'),
      { ...ASKED, namespace: undefined },
      'failed',
      'no permission to list pods in all namespaces: denied',
    ],
    [
      'a cluster without the operator',
      new ApiError('NotFound', UNSERVED),
      ASKED,
      'failed',
      'the API server at https://k8s:6443 does not know pods: the operator is not installed there',
    ],
    [
      'an object that does not exist',
      new ApiError('NotFound', 'pods "x" not found'),
      ASKED,
      'failed',
      'pods "x" not found',
    ],
    [
      'no connection',
      new ApiError('Unreachable', 'connect ECONNREFUSED'),
      ASKED,
      'unreachable',
      'cannot reach the API server at https://k8s:6443: connect ECONNREFUSED',
    ],
    [
      'a certificate that is not trusted',
      new ApiError('Untrusted', 'self-signed'),
      ASKED,
      'unreachable',
      'the certificate of the API server at https://k8s:6443 is not trusted: self-signed',
    ],
    [
      'credentials that are not accepted',
      new ApiError('Unauthorized', 'Unauthorized'),
      ASKED,
      'unreachable',
      'the API server at https://k8s:6443 does not accept the credentials: Unauthorized',
    ],
    [
      'a webhook that refuses, in one line without control characters',
      new ApiError('Invalid', 'two\nlines \u001B[31m'),
      ASKED,
      'failed',
      'the API server refuses to list pods: two lines ',
    ],
  ])('%s', (_sentence, error, asked, ...[kind, message]) => {
    expect(explain(error, asked)).toMatchObject({ kind, message });
    expect(explain(error, asked)).toBeInstanceOf(CommandError);
  });

  it('a bug of the program is the bug', () => {
    const bug = new TypeError('x is undefined');
    expect(explain(bug, ASKED)).toBe(bug);
  });
});
