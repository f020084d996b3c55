/** The flags of etcd, kube-apiserver and kube-controller-manager, for all supported versions from 1.20 on: pure. */

export interface KubernetesVersion {
  readonly major: number;
  readonly minor: number;
}

/** Parses the output of `kube-apiserver --version` ("Kubernetes v1.36.2"); undefined for other text. */
export function parseVersion(text: string): (KubernetesVersion & { readonly text: string }) | undefined {
  const match = /v((\d+)\.(\d+)[^\s]*)/.exec(text);
  if (match === null) return undefined;
  return { text: `v${match[1] ?? ''}`, major: Number(match[2]), minor: Number(match[3]) };
}

export interface Layout {
  /** Absolute folder for data, keys and logs. */
  readonly state: string;
  readonly etcdPort: number;
  readonly apiServerPort: number;
  readonly controllerManagerPort: number;
}

const LOOPBACK = '127.0.0.1';

/** The PKI files in the state folder, which `writePki` writes and the flags name. */
export const PKI_FILES = {
  ca: 'pki/ca.crt',
  servingCert: 'pki/serving.crt',
  servingKey: 'pki/serving.key',
  clientCert: 'pki/apiserver-client.crt',
  clientKey: 'pki/apiserver-client.key',
  serviceAccountKey: 'pki/service-accounts.key',
  serviceAccountPublicKey: 'pki/service-accounts.pub',
} as const;

export function etcdArgs({ state, etcdPort }: Layout): readonly string[] {
  const url = `https://${LOOPBACK}:${etcdPort}`;
  return [
    `--data-dir=${state}/etcd`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://${LOOPBACK}:0`, // a single member: any port will do
    // Write access to etcd gives control of the cluster, and through hostPath volumes of this user's account. So etcd
    // rejects other users of the machine.
    '--client-cert-auth',
    `--trusted-ca-file=${state}/${PKI_FILES.ca}`,
    `--cert-file=${state}/${PKI_FILES.servingCert}`,
    `--key-file=${state}/${PKI_FILES.servingKey}`,
    '--unsafe-no-fsync', // the data need not survive a power failure
  ];
}

export function apiServerArgs({ state, etcdPort, apiServerPort }: Layout): readonly string[] {
  return [
    `--etcd-servers=https://${LOOPBACK}:${etcdPort}`,
    `--etcd-cafile=${state}/${PKI_FILES.ca}`,
    `--etcd-certfile=${state}/${PKI_FILES.clientCert}`,
    `--etcd-keyfile=${state}/${PKI_FILES.clientKey}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${apiServerPort}`,
    `--advertise-address=${LOOPBACK}`,
    '--endpoint-reconciler-type=none', // a loopback address is not a valid endpoint of the `kubernetes` Service
    '--service-cluster-ip-range=10.96.0.0/16',
    `--client-ca-file=${state}/${PKI_FILES.ca}`,
    `--tls-cert-file=${state}/${PKI_FILES.servingCert}`,
    `--tls-private-key-file=${state}/${PKI_FILES.servingKey}`,
    `--kubelet-client-certificate=${state}/${PKI_FILES.clientCert}`,
    `--kubelet-client-key=${state}/${PKI_FILES.clientKey}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${state}/${PKI_FILES.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${state}/${PKI_FILES.serviceAccountKey}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    // Without this plugin Pods need no service account, so they can be created as soon as their namespace exists.
    '--disable-admission-plugins=ServiceAccount',
    '--profiling=false',
  ];
}

/** The last minor release with the unauthenticated port 10252, which is open by default. */
const LAST_WITH_INSECURE_PORT = 23;

export function controllerManagerArgs(
  layout: Layout,
  version: KubernetesVersion,
  kubeconfig: string,
): readonly string[] {
  const { state, controllerManagerPort } = layout;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${controllerManagerPort}`,
    ...(version.minor <= LAST_WITH_INSECURE_PORT ? ['--port=0'] : []),
    `--tls-cert-file=${state}/${PKI_FILES.servingCert}`,
    `--tls-private-key-file=${state}/${PKI_FILES.servingKey}`,
    '--leader-elect=false', // there is only one instance; an election would delay each start by seconds
    `--root-ca-file=${state}/${PKI_FILES.ca}`,
    `--service-account-private-key-file=${state}/${PKI_FILES.serviceAccountKey}`,
    '--kube-api-qps=500', // the defaults (20 and 30) throttle fifty Jobs at once
    '--kube-api-burst=1000',
    '--pvclaimbinder-sync-period=2s', // the longest time until a claim is bound to a volume created later
    '--profiling=false',
  ];
}
