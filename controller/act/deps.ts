/** The dependencies of executing actions. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { Cache } from '../../shared/kube/cache.ts';
import type { EventLookup } from '../event-lookup.ts';
import type { Preflights } from '../preflights.ts';
import type { Revisions } from '../revisions.ts';
import type { ServerCapabilities } from '../server-capabilities.ts';
import type { DependencyChecker } from './dependency-checker.ts';
import type { PodsDeps } from './list-job-pods.ts';

export interface ExecuteDeps extends PodsDeps {
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly jobs: Cache<ObservedJob>;
  /** Checks the objects that a step references before its Job is created. */
  readonly dependencies: Pick<DependencyChecker, 'missing'>;
  readonly eventLookup: Pick<EventLookup, 'cached' | 'lookUp'>;
  readonly revisions: Revisions;
  readonly preflights: Preflights;
  readonly capabilities: ServerCapabilities;
  /** Unix milliseconds. */
  readonly now: () => number;
}
