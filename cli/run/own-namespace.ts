/** The namespace that the operator itself is in. */
import { readFileSync } from 'node:fs';

/** Mounted into every Pod that has a token of its service account. The webhook's Pods may have none: they are told by a flag. */
const OWN_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What was asked for, or the Pod's own namespace; undefined outside of a cluster. */
export function ownNamespace(asked: string | undefined, file: string = OWN_NAMESPACE): string | undefined {
  return asked ?? (read(file) || undefined);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
