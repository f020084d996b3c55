/** Which cluster a scenario's server has. */
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
