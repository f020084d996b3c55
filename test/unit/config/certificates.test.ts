/**
 * certs/ against cert-manager's own schema: the fields that we use, as cert-manager 1.19 documents them
 * (https://cert-manager.io/docs/reference/api-docs/, and deploy/crds/cert-manager.io_{certificates,issuers}.yaml in its repository).
 */
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { renderChart } from '../../support/chart.ts';
import { type Manifest, ofKind, present, readManifests } from '../../support/manifests.ts';

const STRING = { type: 'string' } as const;
/** Go's time.ParseDuration. */
const DURATION = { type: 'string', pattern: '^([0-9]+(h|m|s))+$' } as const;
const closed = (properties: object, required: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

const SPEC: Readonly<Record<string, object>> = {
  Issuer: {
    // One of acme, ca, selfSigned, vault, venafi.
    oneOf: [
      closed({ selfSigned: closed({ crlDistributionPoints: { type: 'array' } }) }, ['selfSigned']),
      closed({ ca: closed({ secretName: STRING }, ['secretName']) }, ['ca']),
    ],
  },
  Certificate: closed(
    {
      secretName: STRING,
      issuerRef: closed({ name: STRING, kind: { enum: ['Issuer', 'ClusterIssuer'] }, group: STRING }, ['name']),
      commonName: { type: 'string', maxLength: 64 },
      dnsNames: { type: 'array', items: STRING },
      isCA: { type: 'boolean' },
      duration: DURATION,
      renewBefore: DURATION,
      privateKey: closed({
        algorithm: { enum: ['RSA', 'ECDSA', 'Ed25519'] },
        encoding: { enum: ['PKCS1', 'PKCS8'] },
        rotationPolicy: { enum: ['Never', 'Always'] },
        // Of ECDSA.
        size: { enum: [256, 384, 521] },
      }),
      usages: { type: 'array', items: { enum: ['digital signature', 'key encipherment', 'server auth', 'cert sign'] } },
      revisionHistoryLimit: { type: 'integer', minimum: 1 },
    },
    ['secretName', 'issuerRef'],
  ),
};

interface Certificate extends Manifest {
  readonly spec: {
    readonly secretName: string;
    readonly issuerRef: { readonly name: string };
    readonly dnsNames?: readonly string[];
    readonly isCA?: boolean;
    readonly duration: string;
    readonly renewBefore: string;
    readonly privateKey: { readonly rotationPolicy: string };
  };
}

const INJECT = 'cert-manager.io/inject-ca-from';
const CONFIG = readManifests(
  'certs/issuers.yaml',
  'certs/certificates.yaml',
  'config/certmanager/inject-ca.yaml',
  'config/webhook/service.yaml',
  'config/manager/deployment.yaml',
);

describe.each([
  ['certs/', CONFIG],
  ['the chart', renderChart().objects],
])('the certificate of %s', (_name, objects) => {
  const own = objects.filter(({ apiVersion }) => apiVersion === 'cert-manager.io/v1');
  const certificates = ofKind(objects, 'Certificate') as readonly Certificate[];
  const named = (name: string): Certificate =>
    present(
      certificates.find(({ metadata }) => metadata.name === name),
      name,
    );
  const ca = named('sequentialjob-ca');
  const serving = named('sequentialjob-webhook');

  it('has a spec that the CRD of cert-manager allows', () => {
    expect(own.map(({ kind }) => kind).sort()).toEqual(['Certificate', 'Certificate', 'Issuer', 'Issuer']);
    const ajv = new Ajv({ strict: false });
    for (const { kind, metadata, spec } of own) {
      const faults = ajv.validate(SPEC[kind] ?? false, spec) ? [] : ajv.errors;
      expect([metadata.name, faults]).toEqual([metadata.name, []]);
    }
  });

  it('has the DNS names of the webhook’s Service', () => {
    const service = ofKind(objects, 'Service').find(({ metadata }) => metadata.name.endsWith('webhook'));
    const host = `${service?.metadata.name}.${service?.metadata.namespace}.svc`;
    expect(serving.spec.dnsNames).toEqual([host, `${host}.cluster.local`]);
  });

  it('is written into the Secret that the Pods mount', () => {
    expect(JSON.stringify(ofKind(objects, 'Deployment'))).toContain(`{"secretName":"${serving.spec.secretName}"}`);
  });

  it('is signed by a CA that does not change when the certificate is renewed', () => {
    const issuers = ofKind(objects, 'Issuer');
    const issuer = (name: string): unknown => issuers.find(({ metadata }) => metadata.name === name)?.['spec'];
    expect(issuer(serving.spec.issuerRef.name)).toEqual({ ca: { secretName: ca.spec.secretName } });
    expect(issuer(ca.spec.issuerRef.name)).toEqual({ selfSigned: {} });
    expect(ca.spec).toMatchObject({ isCA: true, privateKey: { rotationPolicy: 'Never' } });
    expect(serving.spec.isCA).toBeUndefined();
    expect(serving.spec.privateKey.rotationPolicy).toBe('Always');
  });

  it('is renewed while its CA is still valid for longer than the certificate', () => {
    const hours = (text: string): number => Number(/^(\d+)h$/.exec(text)?.[1]);
    expect(hours(ca.spec.renewBefore)).toBeGreaterThan(hours(serving.spec.duration));
    expect(hours(serving.spec.renewBefore)).toBeLessThan(hours(serving.spec.duration));
  });

  it('has the CA that both webhook configurations trust', () => {
    const from = `${serving.metadata.namespace}/${serving.metadata.name}`;
    const configurations = objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
    expect(configurations.map(({ metadata }) => metadata.annotations?.[INJECT])).toEqual([from, from]);
  });
});
