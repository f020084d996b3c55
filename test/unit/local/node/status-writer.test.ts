import { describe, expect, it } from '@jest/globals';
import type { PodStatus } from '../../../../local/node/objects.ts';
import { StatusWriter } from '../../../../local/node/status-writer.ts';
import { ApiError } from '../../../../shared/kube/errors.ts';

const status = (reason: string): PodStatus => ({ phase: 'Running', reason });

describe('the newest status of a Pod', () => {
  /** The statuses that are written when `update` is called at each of these turns of the event loop. */
  async function writtenFor(turns: readonly number[]): Promise<readonly PodStatus[]> {
    const written: PodStatus[] = [];
    const writer = new StatusWriter(async (one) => void written.push(one), new AbortController().signal);
    for (const [i, count] of turns.entries()) {
      for (let turn = 0; turn < count; turn++) await Promise.resolve();
      writer.update(status(String(i)));
    }
    await writer.flushed();
    return written;
  }

  it('is written whenever it comes, also in the moment in which the one before is done', async () => {
    for (let turn = 0; turn < 20; turn++) {
      expect((await writtenFor([0, turn])).at(-1)).toEqual(status('1'));
    }
  });

  it('is written once if it is the same', async () => {
    const written: PodStatus[] = [];
    const writer = new StatusWriter(async (one) => void written.push(one), new AbortController().signal);
    for (let i = 0; i < 3; i++) {
      writer.update(status('same'));
      await writer.flushed();
    }
    expect(written).toEqual([status('same')]);
  });

  it('is written again after a failure that may pass, and not after one that stays', async () => {
    const tries = { Unreachable: 0, NotFound: 0 };
    for (const code of ['Unreachable', 'NotFound'] as const) {
      const writer = new StatusWriter(async () => {
        if (++tries[code] === 1) throw new ApiError(code, 'no');
      }, new AbortController().signal);
      writer.update(status('x'));
      await writer.flushed();
    }
    expect(tries).toEqual({ Unreachable: 2, NotFound: 1 });
  });
});
