/** The dependencies of executing actions on runs. */
import type { CachedSchedule } from '../../../shared/api/schedule.ts';
import type { Cache } from '../../../shared/kube/cache.ts';
import type { ApiClient } from '../../../shared/kube/client.ts';
import type { ServerCapabilities } from '../../server-capabilities.ts';
import type { CacheRunDeps } from '../runs.ts';

export interface RunDeps extends CacheRunDeps {
  readonly client: ApiClient;
  readonly schedules: Cache<CachedSchedule>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly observer?: RunObserver | undefined;
  /** Logs a missing permission. */
  readonly capabilities?: Pick<ServerCapabilities, 'recordDenied' | 'recordRunCreated'> | undefined;
}

/** Receives created runs, for metrics. Must not throw. */
export interface RunObserver {
  /** A run was created, so long after its scheduled time. */
  runCreated(delayMs: number): void;
}
