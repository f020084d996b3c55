import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../../../../shared/kube/errors.ts';
import {
  holderOf,
  LeaseStore,
  type LeaseSpec,
  toMicroTime,
} from '../../../../../shared/kube/leader-election/leases.ts';
import { FakeClient } from '../../../../support/fake-client.ts';

const limits = { timeoutMs: 1, signal: new AbortController().signal };
const metadata = { name: 'l', uid: 'u', resourceVersion: '7', labels: { kept: 'yes' } };
const path = '/apis/coordination.k8s.io/v1/namespaces/ns/leases';

describe('LeaseStore', () => {
  it('writes with preconditions on UID and resourceVersion, and keeps the other metadata', async () => {
    const client = new FakeClient({ request: ({ body }) => body });
    await new LeaseStore(client, 'ns', 'l').replace({ metadata }, { holderIdentity: 'a' }, limits);
    expect(client.requests).toEqual([
      {
        ...limits,
        method: 'PUT',
        path: `${path}/l`,
        body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { holderIdentity: 'a' } },
      },
    ]);
  });

  it('returns nothing if the Lease does not exist, and rejects on other errors', async () => {
    const store = (code: 'NotFound' | 'Forbidden'): LeaseStore =>
      new LeaseStore(
        new FakeClient({
          request: () => {
            throw new ApiError(code, code);
          },
        }),
        'ns',
        'l',
      );
    expect(await store('NotFound').read(limits)).toBeUndefined();
    await expect(store('Forbidden').read(limits)).rejects.toMatchObject({ code: 'Forbidden' });
  });
});

it.each<readonly [LeaseSpec | null | undefined, string]>([
  [undefined, ''],
  [null, ''],
  [{}, ''],
  [{ holderIdentity: null }, ''],
  [{ holderIdentity: '' }, ''],
  [{ holderIdentity: 'a' }, 'a'],
])('the holder of %j is "%s"', (spec, expected) => {
  expect(holderOf({ metadata, ...(spec === undefined ? {} : { spec }) })).toBe(expected);
});

it('writes times as MicroTime', () => {
  expect(toMicroTime(Date.UTC(2006, 0, 2, 15, 4, 5, 7))).toBe('2006-01-02T15:04:05.007000Z');
});
