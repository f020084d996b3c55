/** The interface of the parts that `run` starts and stops. */
import type { Checks } from '../../shared/health.ts';

export interface Role {
  /** Readiness checks of the role, by name. */
  readonly checks: Checks;
  /**
   * Resolves when the role has started, or when the signal is aborted before that. Rejects if the role cannot start.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Accepts no more work; resolves when the work in flight has ended. May be called before `start` has settled. */
  stop(): Promise<void>;
}
