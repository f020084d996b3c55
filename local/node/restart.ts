/** Restart policy and backoff: pure. */

const FIRST_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;

/** Whether the kubelet restarts the container: `Always` always, `OnFailure` after a failure, `Never` never. */
export function shouldRestart(policy: string, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** The delay before the next restart, given the number of restarts: none before the first, then 10 s doubling up to 5 minutes. */
export function restartDelay(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(FIRST_BACKOFF_MS * 2 ** (restarts - 1), MAX_BACKOFF_MS);
}

/** The delay in the kubelet's format: `10s`, `2m40s`. */
export function formatBackoff(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
