import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { NodeApi } from '../../../../local/node/api.ts';
import type { Pod } from '../../../../local/node/objects.ts';
import { Scheduler } from '../../../../local/node/scheduler.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';

const pod = {
  metadata: { name: 'a', namespace: 'ns', uid: 'uid-a', resourceVersion: '1' },
  spec: { containers: [{ name: 'main', image: 'busybox:1.36' }] },
  status: { phase: 'Pending' },
} as unknown as Pod;

describe('a Pod whose binding fails', () => {
  it.each<readonly [ApiErrorCode, number, boolean]>([
    ['ServerError', 2, true],
    ['Unreachable', 2, true],
    ['Conflict', 2, false],
    ['NotFound', 1, false],
  ])('with %s is bound in so many tries: %d', async (code, tries, told) => {
    let binds = 0;
    const bound: string[] = [];
    const failed: unknown[] = [];
    const bind = async (): Promise<void> => {
      if (++binds === 1) throw new ApiError(code, `it was ${code}`);
    };
    const scheduler = new Scheduler({
      api: { bind } as unknown as NodeApi,
      node: 'local',
      nodeState: () => ({ labels: {}, claim: () => undefined }),
      now: () => 0,
      onBound: ({ metadata }) => bound.push(metadata.name),
      onError: (_, error) => failed.push(error),
    });
    scheduler.schedulePod(pod);
    await setImmediate();
    scheduler.retryUnschedulable();
    await setImmediate();
    scheduler.retryUnschedulable();
    await setImmediate();
    expect([binds, bound.length, failed.length > 0]).toEqual([tries, tries - 1, told]);
  });
});
