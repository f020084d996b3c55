/** What the program can be told to do, as `run` sees it. */
import type { Checks } from '../../shared/health.ts';

export interface Role {
  /** What has to be true before the process is ready. */
  readonly checks: Checks;
  /**
   * Resolves when the role does its work, or when the signal is aborted before it could. Rejects with what keeps it
   * from ever starting.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Takes no more work; resolves when what is in flight has ended. Also when `start` has not resolved, or rejected. */
  stop(): Promise<void>;
}
