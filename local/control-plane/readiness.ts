/** Waits until a started process is ready, or has exited. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../processes/child.ts';

const POLL_MS = 50;
const SHOWN_LINES = 8;

/**
 * Resolves when the check returns true. Rejects with the last log lines if the process has exited, or after the timeout.
 * A check that rejects counts as false.
 */
export async function untilReady(child: Child, timeoutMs: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await check().catch(() => false)) return;
    const ended = child.ended();
    if (ended !== undefined)
      throw new Error(`${child.name} exited at startup (${ended}):\n${await child.tail(SHOWN_LINES)}`);
    await sleep(POLL_MS);
  }
  throw new Error(`${child.name} was not ready within ${timeoutMs / 1000} s:\n${await child.tail(SHOWN_LINES)}`);
}
