/** Waiting until a started process serves, without waiting for one that has already died. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../processes/child.ts';

const POLL_MS = 50;
const SHOWN_LINES = 8;

/**
 * Resolves when the check says true. Rejects when the process has ended or the time is up, with its last words.
 * A check that rejects counts as "not yet".
 */
export async function untilReady(child: Child, timeoutMs: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await check().catch(() => false)) return;
    const ended = child.ended();
    if (ended !== undefined)
      throw new Error(`${child.name} ended at its start (${ended}):\n${await child.tail(SHOWN_LINES)}`);
    await sleep(POLL_MS);
  }
  throw new Error(`${child.name} was not ready within ${timeoutMs / 1000} s:\n${await child.tail(SHOWN_LINES)}`);
}
