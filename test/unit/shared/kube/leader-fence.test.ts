import { beforeEach, describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import type { ApiClient } from '../../../../shared/kube/client.ts';
import { withLeaderFence } from '../../../../shared/kube/leader-fence.ts';
import { FakeClient } from '../../../support/fake-client.ts';

describe('fenced', () => {
  let inner: FakeClient;
  let mayAct: boolean;
  let over: AbortController;
  let client: ApiClient;

  beforeEach(() => {
    inner = new FakeClient({ request: () => 'answer', stream: () => new PassThrough() });
    mayAct = true;
    over = new AbortController();
    client = withLeaderFence(inner, { mayAct: () => mayAct, signal: over.signal });
  });

  const watch = (): Promise<unknown> => client.stream({ path: '/w', idleMs: 1, signal: new AbortController().signal });

  it.each<readonly [string, () => void]>([
    ['has expired', () => (mayAct = false)],
    ['has ended', () => over.abort()],
  ])('sends nothing once its term %s', async (_says, end) => {
    end();
    await expect(client.request({ method: 'POST', path: '/x' })).rejects.toMatchObject({ code: 'Aborted' });
    await expect(watch()).rejects.toMatchObject({ code: 'Aborted' });
    expect([...inner.requests, ...inner.streams]).toEqual([]);
  });

  it('aborts a request in flight when leadership ends, unless the request has its own signal', async () => {
    const own = new AbortController().signal;
    await client.request({ method: 'GET', path: '/x' });
    await client.request({ method: 'GET', path: '/y', signal: own });
    expect(inner.requests.map(({ signal }) => signal)).toEqual([over.signal, own]);
  });
});
