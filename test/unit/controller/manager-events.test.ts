/** The controller as a whole, far behind with its events. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Controller } from '../../../controller/manager.ts';
import { FINALIZER } from '../../../shared/api/group.ts';
import { createLog } from '../../../shared/log.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { FakeClient, FakeWatch } from '../../support/fake-client.ts';
import { sequentialJob } from '../../support/objects.ts';

const SEQUENCES = 1_500;

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
afterEach(() => void jest.useRealTimers());

it('delays reconciles while too many Events are queued, but reconciles anyway if no Event can be written', async () => {
  const api = new FakeApi();
  const items = Array.from({ length: SEQUENCES }, (_, i) =>
    api.putSequentialJob(
      sequentialJob({ metadata: { name: `s${i}`, uid: `uid-${i}`, generation: 1, finalizers: [FINALIZER] } }),
    ),
  );
  const unanswered = Promise.withResolvers<never>();
  const client = new FakeClient({
    request: async (request) => {
      if (request.method === 'POST' && request.path.endsWith('/events')) return unanswered.promise;
      if (request.query?.['limit'] === undefined) return api.client.request(request);
      return {
        metadata: { resourceVersion: api.version },
        items: request.path.endsWith('/sequentialjobs') ? items : [],
      };
    },
    stream: ({ signal }) => new FakeWatch(signal).body,
  });
  const log = createLog({ level: 'silent', format: 'json' });
  const controller = new Controller({ client, log, workers: 4, random: () => 1 });
  const started = (): number => api.done.filter((request) => request === 'POST jobs').length;
  try {
    await controller.start();
    // Two events each: 2000 may wait, 32 are being written.
    await jest.advanceTimersByTimeAsync(900);
    expect(started()).toBeGreaterThanOrEqual(1_016);
    expect(started()).toBeLessThan(1_016 + 10);
    await jest.advanceTimersByTimeAsync(200);
    // After a long slice of work the workers let the event loop turn.
    await new Promise(setImmediate);
    await jest.advanceTimersByTimeAsync(0);
    expect(started()).toBe(SEQUENCES);
  } finally {
    const stopping = controller.stop();
    unanswered.reject(new Error('the end'));
    await jest.advanceTimersByTimeAsync(10_000);
    await stopping;
  }
});
