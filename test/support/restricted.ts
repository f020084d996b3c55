/**
 * The restricted profile of the Pod Security Standards, check by check, as far as a Deployment of ours could break it:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted (with what baseline asks for).
 */
import type { Container, PodSpec } from './manifests.ts';

type Context = Readonly<Record<string, unknown>>;

const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const SYSCTLS = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies']);

/** What the profile objects to; empty where nothing. */
export function restrictedFaults(pod: PodSpec): readonly string[] {
  const spec = pod as unknown as Context;
  const context: Context = pod.securityContext ?? {};
  const host = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true);
  const volumes = pod.volumes.flatMap(({ name, ...source }) =>
    Object.keys(source).every((type) => VOLUMES.has(type)) ? [] : [`volume ${name}`],
  );
  const sysctls = ((context['sysctls'] ?? []) as readonly { readonly name: string }[])
    .filter(({ name }) => !SYSCTLS.has(name))
    .map(({ name }) => `sysctl ${name}`);
  const containers = [...(pod.initContainers ?? []), ...pod.containers];
  return [...host, ...volumes, ...sysctls, ...containers.flatMap((container) => containerFaults(container, context))];
}

function containerFaults(container: Container, pod: Context): readonly string[] {
  const own: Context = container.securityContext ?? {};
  const effective = { ...pod, ...own };
  const capabilities = (own['capabilities'] ?? {}) as {
    readonly drop?: readonly string[];
    readonly add?: readonly string[];
  };
  const seccomp = (effective['seccompProfile'] ?? {}) as { readonly type?: string };
  const ports = container.ports as readonly { readonly hostPort?: number }[];
  const checks: Readonly<Record<string, boolean>> = {
    'is privileged': own['privileged'] === true,
    'may escalate': own['allowPrivilegeEscalation'] !== false,
    'may be root': effective['runAsNonRoot'] !== true,
    'is root': effective['runAsUser'] === 0,
    'keeps capabilities': capabilities.drop?.includes('ALL') !== true,
    'adds capabilities': (capabilities.add ?? []).some((name) => name !== 'NET_BIND_SERVICE'),
    'has no seccomp profile': !['RuntimeDefault', 'Localhost'].includes(seccomp.type ?? ''),
    'unmasks /proc': !['Default', undefined].includes(own['procMount'] as string | undefined),
    'takes a port of the host': ports.some(({ hostPort }) => hostPort !== undefined),
  };
  return Object.entries(checks).flatMap(([fault, found]) => (found ? [`${container.name} ${fault}`] : []));
}
