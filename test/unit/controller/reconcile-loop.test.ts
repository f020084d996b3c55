import { describe, expect, it } from '@jest/globals';
import { RECONCILE_BACKOFF, ReconcileLoop } from '../../../controller/reconcile-loop.ts';
import { WorkQueue } from '../../../shared/work-queue/work-queue.ts';
import { recordingLog } from '../../support/recording-log.ts';

/** Work of this many milliseconds that waits for nothing. */
function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('the reconcile loop', () => {
  it('lets timers run between reconciles that send no request, however many are queued', async () => {
    const now = (): number => performance.now();
    const queue = new WorkQueue({ backoff: RECONCILE_BACKOFF, random: () => 1, now });
    let reconciled = 0;
    const loop = new ReconcileLoop({
      queue,
      workers: 4,
      reconcile: async () => {
        compute(5);
        reconciled++;
        return { requeueAfterMs: undefined };
      },
      waitForCapacity: async () => undefined,
      mayReconcile: async () => true,
      logFields: () => ({}),
      log: recordingLog().log,
    });
    for (let i = 0; i < 100; i++) queue.add(`team-a/${i}`);
    const atTimer = new Promise((resolve) => {
      setTimeout(() => resolve(reconciled), 1);
    });
    loop.start();
    expect(await atTimer).toBeLessThan(50);
    loop.close();
    await loop.ended;
  });
});
