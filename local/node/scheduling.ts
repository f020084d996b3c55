/** Whether the node takes a Pod: pure, in the real scheduler's words. */
import type { Claim, Pod } from './objects.ts';

const DEFAULT_SCHEDULER = 'default-scheduler';

export type Verdict =
  | { readonly kind: 'bind' }
  /** Somebody else's Pod, or one that has a node already. */
  | { readonly kind: 'ignore' }
  /** It stays Pending, with this message in its PodScheduled condition. */
  | { readonly kind: 'unschedulable'; readonly message: string };

export interface NodeFacts {
  readonly labels: Readonly<Record<string, string>>;
  /** The claim of that name in the Pod's namespace, if there is one. */
  readonly claim: (name: string) => Claim | undefined;
}

/** Claims that a Pod's volumes name. */
export function claimNames(pod: Pod): readonly string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}

/**
 * Node selectors and claims decide; affinity, taints and resources do not: this is one node for trying things out, and it
 * takes as many Pods as come.
 */
export function schedule(pod: Pod, facts: NodeFacts): Verdict {
  if ((pod.spec.nodeName ?? '') !== '' || pod.metadata.deletionTimestamp !== undefined) return { kind: 'ignore' };
  if ((pod.spec.schedulerName ?? DEFAULT_SCHEDULER) !== DEFAULT_SCHEDULER) return { kind: 'ignore' };
  const unmatched = Object.entries(pod.spec.nodeSelector ?? {}).some(([name, value]) => facts.labels[name] !== value);
  if (unmatched) {
    return {
      kind: 'unschedulable',
      message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    };
  }
  for (const name of claimNames(pod)) {
    const claim = facts.claim(name);
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
