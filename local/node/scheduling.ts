/** Decides whether the node runs a Pod, with kube-scheduler's messages: pure. */
import type { Claim, Pod } from './objects.ts';

const DEFAULT_SCHEDULER = 'default-scheduler';

export type SchedulingDecision =
  | { readonly kind: 'bind' }
  /** A Pod of another scheduler, or one that is bound or being deleted. */
  | { readonly kind: 'ignore' }
  /** The Pod stays Pending, with this message in its PodScheduled condition. */
  | { readonly kind: 'unschedulable'; readonly message: string };

export interface NodeState {
  readonly labels: Readonly<Record<string, string>>;
  /** The claim of that name in the Pod's namespace; undefined if it does not exist. */
  readonly claim: (name: string) => Claim | undefined;
}

/** The names of the claims that a Pod's volumes reference. */
export function claimNames(pod: Pod): readonly string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}

/**
 * Considers node selectors and claims only. Ignores affinity, taints and resources: a single node for demo and tests runs
 * any number of Pods.
 */
export function schedule(pod: Pod, node: NodeState): SchedulingDecision {
  if ((pod.spec.nodeName ?? '') !== '' || pod.metadata.deletionTimestamp !== undefined) return { kind: 'ignore' };
  if ((pod.spec.schedulerName ?? DEFAULT_SCHEDULER) !== DEFAULT_SCHEDULER) return { kind: 'ignore' };
  const unmatched = Object.entries(pod.spec.nodeSelector ?? {}).some(([name, value]) => node.labels[name] !== value);
  if (unmatched) {
    return {
      kind: 'unschedulable',
      message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    };
  }
  for (const name of claimNames(pod)) {
    const claim = node.claim(name);
    if (claim === undefined) {
      return {
        kind: 'unschedulable',
        message: `0/1 nodes are available: 1 persistentvolumeclaim "${name}" not found.`,
      };
    }
    if (claim.status?.phase !== 'Bound') {
      return {
        kind: 'unschedulable',
        message: '0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.',
      };
    }
  }
  return { kind: 'bind' };
}
