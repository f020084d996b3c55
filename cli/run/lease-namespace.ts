/** Where the Lease of the leader election is. */
import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';

/** Mounted into every Pod that has a service account. */
const OWN_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The first that there is: what was asked for, our Pod's own namespace, the kubeconfig context's, `default`. */
export function leaseNamespace(asked: string | undefined, kube: KubeConfig, file: string = OWN_NAMESPACE): string {
  const context = (): string | undefined => kube.getContextObject(kube.getCurrentContext())?.namespace;
  return asked ?? (read(file) || context() || 'default');
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
