/** certs/self-signed.sh against a real API server: what it stores, and that the webhook is trusted during a renewal. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProblem } from '../../certs/key-pair.ts';
import {
  withoutUnsupportedFields,
  type WebhookConfiguration,
} from '../../local/control-plane/webhook-configuration.ts';
import { objectPath, SECRETS } from '../../shared/kube/resources.ts';
import { kubeconfig, tryKubectl } from '../support/cluster.ts';
import { present, readManifests, ROOT } from '../support/manifests.ts';
import { serverOfTests } from '../support/server-features.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withNamespace } from '../support/with-controller.ts';

const { minor } = await serverOfTests();
const { client, namespace } = withNamespace('self-signed');
/** For what the script writes while it runs. */
const scratch = temporaryFolder();

/** The name of its own configurations, through which nothing is asked. */
const CONFIGURATION = 'self-signed-test';
const GROUP = 'self-signed.example.com';
const CRD = `conversions.${GROUP}`;
/** A definition of its own, whose versions nobody reads. */
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: CRD },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'conversions', kind: 'Conversion' },
    conversion: {
      strategy: 'Webhook',
      webhook: {
        conversionReviewVersions: ['v1'],
        clientConfig: { service: { namespace: 'nowhere', name: 'nobody', path: '/convert' } },
      },
    },
    versions: ['v1', 'v2'].map((name) => ({
      name,
      served: true,
      storage: name === 'v1',
      schema: { openAPIV3Schema: { type: 'object' } },
    })),
  },
};

beforeAll(async () => {
  const namespaceSelector = { matchLabels: { 'tests.example.com/self-signed': 'nobody' } };
  const files = ['config/webhook/mutating.yaml', 'config/webhook/validating.yaml'];
  const configurations = readManifests(...files).map((one) => {
    const webhooks = (one['webhooks'] as readonly object[]).map((hook) =>
      Object.assign({}, hook, { namespaceSelector }),
    );
    const configuration: unknown = { ...one, metadata: { name: CONFIGURATION }, webhooks };
    return withoutUnsupportedFields(configuration as WebhookConfiguration, minor);
  });
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], DEFINITION, ...configurations);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await tryKubectl(['delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', CONFIGURATION]);
  await tryKubectl(['delete', 'crd', CRD]);
});

async function run(...args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    KUBECTL: join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl'),
    KUBECONFIG: kubeconfig(),
    NAMESPACE: namespace.name,
    CONFIGURATION,
    CRD,
    DAYS: '90',
    TMPDIR: scratch,
  };
  return (await promisify(execFile)(join(ROOT, 'certs/self-signed.sh'), args, { env })).stdout;
}

interface Stored {
  readonly cert: string;
  readonly key: string;
  /** The keys of the Secret. */
  readonly keys: readonly string[];
  /** What the API server trusts: one bundle for each webhook configuration, and one for the conversion. */
  readonly bundles: readonly string[];
}

async function read(): Promise<Stored> {
  const decode = (text: string | undefined): string => Buffer.from(present(text, 'value'), 'base64').toString();
  const get = <T>(path: string): Promise<T> => client.request({ method: 'GET', path });
  const { data } = await get<{ readonly data: Readonly<Record<string, string>> }>(
    objectPath(SECRETS, namespace.name, 'sequentialjob-webhook-tls'),
  );
  const bundles = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'].map(async (plural) => {
    const path = `/apis/admissionregistration.k8s.io/v1/${plural}/${CONFIGURATION}`;
    const { webhooks } = await get<{ readonly webhooks: readonly { clientConfig: { caBundle?: string } }[] }>(path);
    return decode(webhooks[0]?.clientConfig.caBundle);
  });
  const definition = await get<typeof DEFINITION>(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD}`);
  const { caBundle } = definition.spec.conversion.webhook.clientConfig as { readonly caBundle?: string };
  const all = [...(await Promise.all(bundles)), decode(caBundle)];
  const keys = Object.keys(data).toSorted();
  return { cert: decode(data['tls.crt']), key: decode(data['tls.key']), keys, bundles: all };
}

const authorities = (bundle: string): readonly X509Certificate[] =>
  (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );

/** Whether each of these certificates is trusted by each of these bundles. */
const trusted = (bundles: readonly string[], ...certs: readonly string[]): readonly (readonly boolean[])[] =>
  bundles.map((bundle) =>
    certs.map((pem) => {
      const cert = new X509Certificate(pem);
      return authorities(bundle).some((ca) => ca.ca && cert.checkIssued(ca) && cert.verify(ca.publicKey));
    }),
  );

/** The same for all three bundles. */
const each = (...expected: readonly boolean[]): readonly (readonly boolean[])[] => [expected, expected, expected];

describe('the certificate without cert-manager', () => {
  let first: Stored;
  let second: Stored;

  it('has the DNS names of the Service, and both webhook configurations and the conversion trust it', async () => {
    await run();
    first = await read();
    expect(findProblem(first)).toBeUndefined();
    const certificate = new X509Certificate(first.cert);
    const host = `sequentialjob-webhook.${namespace.name}.svc`;
    expect(certificate.subjectAltName).toBe(`DNS:${host}, DNS:${host}.cluster.local`);
    expect(certificate.ca).toBe(false);
    expect(trusted(first.bundles, first.cert)).toEqual(each(true));
    expect(Math.round((Date.parse(certificate.validTo) - Date.now()) / 86_400_000)).toBe(90);
    // The authority is valid for longer.
    const [authority] = authorities(first.bundles[0] ?? '');
    expect(Date.parse(authority?.validTo ?? '')).toBeGreaterThan(Date.parse(certificate.validTo));
  });

  it("stores the CA's key nowhere", async () => {
    expect(await readdir(scratch)).toEqual([]);
    expect(first.keys).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    const key = createPrivateKey(first.key);
    expect(authorities(first.bundles[0] ?? '').map((ca) => ca.checkPrivateKey(key))).toEqual([false]);
  });

  it('is kept while it is valid; a webhook configuration that is created again trusts it', async () => {
    const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
    await tryKubectl(['patch', 'validatingwebhookconfiguration', CONFIGURATION, '--type=json', `--patch=${patch}`]);
    expect(await run()).toContain('is valid until');
    expect(await read()).toEqual(first);
  });

  it('is renewed on demand, and the previous one is trusted until the Pods have the new one', async () => {
    await run('--renew');
    second = await read();
    expect(second.cert).not.toBe(first.cert);
    expect(findProblem(second)).toBeUndefined();
    expect(trusted(second.bundles, first.cert, second.cert)).toEqual(each(true, true));
    await run('--renew');
    const third = await read();
    expect(trusted(third.bundles, first.cert, second.cert, third.cert)).toEqual(each(false, true, true));
  });
});
