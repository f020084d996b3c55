/** Which cluster a scenario's server has, and what may happen in it. */
import type { Cluster, ClusterOptions } from './cluster.ts';
import { JobController } from './job-controller.ts';
import { NewerJobController } from './newer-job-controller.ts';
import type { Scenario } from './scenario.ts';

export function clusterOf(server: Scenario['server'], options: ClusterOptions): Cluster {
  if (server.jobController === 'old') return new JobController({ ...options, announces: server.announces });
  const { since, grace, exitsCleanly } = server;
  return new NewerJobController({
    ...options,
    grace,
    exitsCleanly,
    countsTerminating: since !== '1.22',
    waitsForPods: since === '1.31',
  });
}

export type Part = 'all' | 'pods' | 'jobs';

/** All of the cluster goes on by one stage, or one part of it. True where something has happened. */
export function goOn(cluster: Cluster, part: Part): boolean {
  switch (part) {
    case 'all':
      return cluster.advance();
    case 'pods':
      return cluster.runPods();
    case 'jobs':
      return cluster.syncJobs();
  }
}

/** A server before 1.29 replaces a Pod that is deleted and runs on, whatever its Job says: both run at once there. */
export const replacesEarly = (server: Scenario['server']): boolean =>
  server.jobController === 'newer' && server.since === '1.22';
