/** The downward API: values of `fieldRef`. Pure. */
import type { Pod } from './objects.ts';

/** All Pods of the node use the machine's loopback interface. */
export const POD_IP = '127.0.0.1';

function quotedMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join('\n');
}

/** The value of a field path such as `metadata.labels['app']`; undefined for a path that the downward API does not support. */
export function fieldValue(pod: Pod, path: string): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return quotedMap(pod.metadata.labels);
    case 'metadata.annotations':
      return quotedMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.podIP':
    case 'status.podIPs':
    case 'status.hostIPs':
      return POD_IP;
    default:
      return undefined;
  }
}
