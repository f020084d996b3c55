/** certs/self-signed.sh against a real API server: what it puts where, and that a renewal leaves nobody without trust. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fitServer, type WebhookConfiguration } from '../../local/control-plane/webhook-configuration.ts';
import { problemOf } from '../../certs/key-pair.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { objectPath, SECRETS } from '../../shared/kube/resources.ts';
import { connect, kubeconfig, tryKubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { present, readManifests, ROOT } from '../support/manifests.ts';
import { askServer } from '../support/server-features.ts';

/** Configurations of a name of their own, which nothing is asked through. */
const CONFIGURATION = 'self-signed-test';
const NOBODY = { matchLabels: { 'tests.example.com/self-signed': 'nobody' } };

let client: ApiClient;
let namespace: Namespace;
/** For what the script keeps while it runs. */
let scratch: string;

interface Held {
  readonly cert: string;
  readonly key: string;
  /** What the Secret has. */
  readonly names: readonly string[];
  /** What the API server trusts, one bundle for each configuration. */
  readonly bundles: readonly string[];
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'self-signed-test-'));
  client = connect();
  namespace = await Namespace.create(client, 'self-signed');
  const configurations = readManifests('config/webhook/mutating.yaml', 'config/webhook/validating.yaml').map((one) => {
    const webhooks = (one['webhooks'] as readonly object[]).map((hook) =>
      Object.assign({}, hook, { namespaceSelector: NOBODY }),
    );
    return Object.assign({}, one, { metadata: { name: CONFIGURATION }, webhooks });
  });
  const { minor } = await askServer(client);
  const fitting = configurations.map((one) => fitServer(one as unknown as WebhookConfiguration, minor));
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], ...fitting);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await tryKubectl(['delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', CONFIGURATION]);
  await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
  await client.close();
  await rm(scratch, { recursive: true });
});

async function run(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(ROOT, 'certs/self-signed.sh'), args, {
    env: {
      ...process.env,
      KUBECTL: join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl'),
      KUBECONFIG: kubeconfig(),
      NAMESPACE: namespace.name,
      CONFIGURATION,
      DAYS: '90',
      TMPDIR: scratch,
    },
  });
  return stdout;
}

async function held(): Promise<Held> {
  const decode = (text: string | undefined): string => Buffer.from(present(text, 'value'), 'base64').toString();
  const { data } = await client.request<{ readonly data: Readonly<Record<string, string>> }>({
    method: 'GET',
    path: objectPath(SECRETS, namespace.name, 'sequentialjob-webhook-tls'),
  });
  const bundles = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'].map(async (plural) => {
    const path = `/apis/admissionregistration.k8s.io/v1/${plural}/${CONFIGURATION}`;
    const { webhooks } = await client.request<{
      readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
    }>({ method: 'GET', path });
    return decode(webhooks[0]?.clientConfig.caBundle);
  });
  const names = Object.keys(data).toSorted();
  return { cert: decode(data['tls.crt']), key: decode(data['tls.key']), names, bundles: await Promise.all(bundles) };
}

/** The certificates of a bundle, one after the other. */
const authorities = (bundle: string): readonly X509Certificate[] =>
  (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );

const isTrusted = (cert: string, bundle: string): boolean =>
  authorities(bundle).some(
    (ca) => ca.ca && new X509Certificate(cert).checkIssued(ca) && new X509Certificate(cert).verify(ca.publicKey),
  );

describe('the certificate without cert-manager', () => {
  let first: Held;
  let second: Held;

  it('is made for the names of the Service, and trusted by both configurations', async () => {
    await run();
    first = await held();
    expect(problemOf(first)).toBeUndefined();
    const certificate = new X509Certificate(first.cert);
    const host = `sequentialjob-webhook.${namespace.name}.svc`;
    expect(certificate.subjectAltName).toBe(`DNS:${host}, DNS:${host}.cluster.local`);
    expect(certificate.ca).toBe(false);
    expect(first.bundles.map((bundle) => isTrusted(first.cert, bundle))).toEqual([true, true]);
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    // What signed it is trusted until after it has expired.
    const [authority] = authorities(present(first.bundles[0], 'bundle'));
    expect(Date.parse(present(authority, 'authority').validTo)).toBeGreaterThan(Date.parse(certificate.validTo));
  });

  it('leaves the key of the authority nowhere', async () => {
    expect(await readdir(scratch)).toEqual([]);
    expect(first.names).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(
      authorities(present(first.bundles[0], 'bundle')).some((ca) => ca.checkPrivateKey(createPrivateKey(first.key))),
    ).toBe(false);
  });

  it('stays as long as it is good; a configuration that was made anew trusts it again', async () => {
    const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
    await tryKubectl(['patch', 'validatingwebhookconfiguration', CONFIGURATION, '--type=json', `--patch=${patch}`]);
    expect(await run()).toContain('is valid until');
    expect(await held()).toEqual(first);
  });

  it('is renewed on demand, and the one before is trusted until the Pods have the new one', async () => {
    await run('--renew');
    second = await held();
    expect(second.cert).not.toBe(first.cert);
    expect(problemOf(second)).toBeUndefined();
    for (const bundle of second.bundles) {
      expect([first.cert, second.cert].map((cert) => isTrusted(cert, bundle))).toEqual([true, true]);
    }
  });

  it('is distrusted after the renewal that follows', async () => {
    await run('--renew');
    const third = await held();
    for (const bundle of third.bundles) {
      const trusted = [first, second, third].map(({ cert }) => isTrusted(cert, bundle));
      expect(trusted).toEqual([false, true, true]);
    }
  });
});
