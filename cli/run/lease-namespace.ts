/** The namespace of the Lease. */
import type { KubeConfig } from '@kubernetes/client-node';

/** The first defined one of: the configured namespace, the operator's own, the kubeconfig context's, `default`. */
export function leaseNamespace(configured: string | undefined, own: string | undefined, kube: KubeConfig): string {
  const context = (): string | undefined => kube.getContextObject(kube.getCurrentContext())?.namespace;
  return configured ?? own ?? (context() || 'default');
}
