import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CRON, GROUP, PLURAL, V1ALPHA1, VERSION } from '../../../../shared/api/group.ts';
import {
  withoutUnsupportedFields,
  withTarget,
  webhookConfigurations,
} from '../../../../local/control-plane/webhook-configuration.ts';

const FOLDER = join(import.meta.dirname, '../../../../config/webhook');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const configurations = [read('mutating.yaml'), read('validating.yaml')].flatMap(webhookConfigurations);
const target = { url: 'https://127.0.0.1:9443', caPem: 'the authority' };

const webhook = (name: string, clientConfig: object): string =>
  JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'some' },
    webhooks: [{ name, clientConfig, failurePolicy: 'Fail' }],
  });

describe('the configurations of config/webhook', () => {
  it('call the webhook for new objects to mutate, for new and changed ones to validate, and never for the status', () => {
    const rule = {
      apiGroups: [GROUP],
      apiVersions: [V1ALPHA1, VERSION],
      resources: [PLURAL, CRON.plural],
      scope: 'Namespaced',
    };
    const common = { failurePolicy: 'Fail', matchPolicy: 'Equivalent', sideEffects: 'None', timeoutSeconds: 5 };
    expect(configurations).toEqual([
      expect.objectContaining({
        kind: 'MutatingWebhookConfiguration',
        webhooks: [expect.objectContaining({ ...common, rules: [{ ...rule, operations: ['CREATE'] }] })],
      }),
      expect.objectContaining({
        kind: 'ValidatingWebhookConfiguration',
        webhooks: [expect.objectContaining({ ...common, rules: [{ ...rule, operations: ['CREATE', 'UPDATE'] }] })],
      }),
    ]);
  });
});

describe('webhookConfigurations', () => {
  it('ignores other documents', () => {
    const others = ['kind: Service', 'kind: [ValidatingWebhookConfiguration]', '# nothing', 'text', 'null'];
    const found = webhookConfigurations([...others, webhook('one', {}), 'kind: Issuer'].join('\n---\n'));
    expect(found.map(({ webhooks }) => webhooks[0]?.name)).toEqual(['one']);
  });
});

describe('withoutUnsupportedFields', () => {
  it.each([
    [20, 'every update', undefined],
    [27, 'every update', undefined],
    [28, 'updates that need a verdict', [expect.objectContaining({ name: 'created-or-changed' })]],
  ])('for a server of 1.%i the webhook is called for %s', (minor, _what, expected) => {
    const fitting = configurations.map((one) => withoutUnsupportedFields(one, minor));
    expect(fitting.map(({ webhooks }) => webhooks[0]?.matchConditions)).toEqual([undefined, expected]);
    const blank = (all: typeof configurations): unknown =>
      all.map((one) => ({ ...one, webhooks: one.webhooks.map((hook) => ({ ...hook, matchConditions: undefined })) }));
    expect(blank(fitting)).toEqual(blank(configurations));
  });
});

describe('withTarget', () => {
  it('replaces the Service by a URL with its path, and sets the CA', () => {
    const pointed = configurations.map((configuration) => withTarget(configuration, target));
    expect(pointed.map(({ webhooks }) => webhooks[0]?.clientConfig)).toEqual([
      {
        url: 'https://127.0.0.1:9443/mutate-batch-example-com-v1alpha1-sequentialjob',
        caBundle: 'dGhlIGF1dGhvcml0eQ==',
      },
      {
        url: 'https://127.0.0.1:9443/validate-batch-example-com-v1alpha1-sequentialjob',
        caBundle: 'dGhlIGF1dGhvcml0eQ==',
      },
    ]);
  });

  it('uses another name and a namespace selector if configured', () => {
    const [configuration] = webhookConfigurations(webhook('one', { service: { path: '/a' } }));
    if (configuration === undefined) throw new Error('no configuration');
    const namespaceSelector = { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] } as const;
    expect(withTarget(configuration, { ...target, name: 'other', namespaceSelector })).toMatchObject({
      metadata: { name: 'other' },
      webhooks: [{ name: 'one', failurePolicy: 'Fail', namespaceSelector }],
    });
  });
});
