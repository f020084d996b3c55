/** Whether and when a container that has ended runs again: pure. */

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 300_000;

/** As in the kubelet: `Never` not at all, `OnFailure` after a failure, `Always` in any case. */
export function runsAgain(policy: string, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** The wait before a restart, given how many there were: none before the first, then 10 s doubling up to 5 minutes. */
export function restartDelay(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(FIRST_BACKOFF_MS * 2 ** (restarts - 1), LONGEST_BACKOFF_MS);
}

/** The delay as the kubelet words it: `10s`, `2m40s`. */
export function inWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
