/** What a reconcile works with, wired to a fake API server as the manager wires it to a real one. */
import type { ExecuteDeps } from '../../controller/act/deps.ts';
import { DependencyChecker } from '../../controller/act/dependency-checker.ts';
import { UncertainWrites } from '../../controller/uncertain-writes.ts';
import { EventLookup } from '../../controller/event-lookup.ts';
import type { EventRecorder } from '../../controller/events.ts';
import type { ReconcilerDeps } from '../../controller/reconcile.ts';
import { DeletedJobs } from '../../controller/deleted-jobs.ts';
import { DeletedPods } from '../../controller/deleted-pods.ts';
import { createPodCache } from '../../controller/pod-cache.ts';
import { Preflights } from '../../controller/preflights.ts';
import { QuotaRetries } from '../../controller/quota-retries.ts';
import { Revisions } from '../../controller/revisions.ts';
import { ServerCapabilities } from '../../controller/server-capabilities.ts';
import { FullObjectCache } from '../../controller/full-object-cache.ts';
import { StatusTruncations } from '../../controller/status-truncations.ts';
import { type ObservedJob, sequentialJobOwner } from '../../shared/api/job.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { Cache } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { NOW_MS } from './objects.ts';

const log = { warn: (): void => undefined, debug: (): void => undefined };

/** Empty caches, and everything else as in the manager. */
export function actorDeps(
  client: ApiClient,
  now: () => number = () => NOW_MS,
  specs = new FullObjectCache(),
): ExecuteDeps {
  const jobs = new Cache<ObservedJob>((job) => sequentialJobOwner(job)?.uid);
  return {
    client,
    sequentialJobs: new Cache<SequentialJob>(undefined, (object) => specs.trim(object)),
    jobs,
    eventLookup: new EventLookup({ client, log, jobs, now }),
    pods: createPodCache(),
    podsState: () => 'listed',
    dependencies: new DependencyChecker({ client, log, checkSecrets: true, now }),
    revisions: new Revisions({ client, log }),
    capabilities: new ServerCapabilities(log),
    preflights: new Preflights({ client, log, enabled: true, now }),
    now,
  };
}

/** The same for a whole reconcile; `emit` gets the events. */
export function reconcilerDeps(
  client: ApiClient,
  emit: EventRecorder['emit'] = () => undefined,
  now?: () => number,
): ReconcilerDeps {
  const events: Pick<EventRecorder, 'emit'> = { emit };
  const objects = new FullObjectCache();
  const actor = actorDeps(client, now, objects);
  return {
    ...actor,
    objects,
    quotaRetries: new QuotaRetries(actor.jobs, () => undefined),
    deletedJobs: new DeletedJobs(actor.jobs, actor.sequentialJobs),
    deletedPods: new DeletedPods(actor),
    events: events as EventRecorder,
    uncertainWrites: new UncertainWrites(),
    statusTruncations: new StatusTruncations(),
  };
}
