/** Where the Lease of the leader election is. */
import type { KubeConfig } from '@kubernetes/client-node';

/** The first that there is: what was asked for, the operator's own namespace, the kubeconfig context's, `default`. */
export function leaseNamespace(asked: string | undefined, own: string | undefined, kube: KubeConfig): string {
  const context = (): string | undefined => kube.getContextObject(kube.getCurrentContext())?.namespace;
  return asked ?? own ?? (context() || 'default');
}
