/** The namespace that the operator runs in. */
import { readFileSync } from 'node:fs';

/** The kubelet mounts it into every Pod with a service account token. Pods of the webhook may have no token; they get a flag. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The configured namespace, else the Pod's; undefined outside a cluster. */
export function ownNamespace(configured: string | undefined, file: string = NAMESPACE_FILE): string | undefined {
  return configured ?? (read(file) || undefined);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
