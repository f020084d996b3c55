/** What of a namespace must be the same before and after the operator is replaced. */
import { V1ALPHA1_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { PODS, type RawPod } from './cluster.ts';
import type { Namespace } from './namespace.ts';

type ByName = Readonly<Record<string, object>>;

export interface KeptState {
  /** Of each Pod: its UID, how often its containers were restarted, and when they started. */
  readonly pods: ByName;
  /** Of each Job: its UID, and how many of its Pods failed. */
  readonly jobs: ByName;
  /** Of each sequence: its UID and its status; of the conditions, by type, what does not depend on a release's words. */
  readonly sequences: ByName;
}

/** To be compared with toMatchObject: what comes later adds to it. */
export async function keptState(namespace: Namespace): Promise<KeptState> {
  const [pods, jobs, sequences] = await Promise.all([
    namespace.list<RawPod>(PODS),
    namespace.jobs(),
    namespace.list<SequentialJob>(V1ALPHA1_SEQUENTIAL_JOBS),
  ]);
  return {
    pods: byName(pods, ({ status: { containerStatuses = [] } }) => ({
      restarts: containerStatuses.map(({ restartCount }) => restartCount),
      startedAt: containerStatuses.map(({ state }) => (state.running ?? state.terminated)?.startedAt),
    })),
    jobs: byName(jobs, ({ status }) => ({ failed: status.failed ?? 0 })),
    sequences: byName(sequences, ({ status }) => ({
      ...status,
      conditions: Object.fromEntries(
        (status?.conditions ?? []).map(({ type, status: value, reason, lastTransitionTime }) => [
          type,
          { status: value, reason, lastTransitionTime },
        ]),
      ),
    })),
  };
}

interface Named {
  readonly metadata: { readonly name: string; readonly uid: string };
}

function byName<T extends Named>(objects: readonly T[], describe: (object: T) => object): ByName {
  return Object.fromEntries(
    objects.map((object) => [object.metadata.name, { uid: object.metadata.uid, ...describe(object) }]),
  );
}
