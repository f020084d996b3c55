import { describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { leaseNamespace } from '../../../../cli/run/lease-namespace.ts';

function kubeConfig(namespace: string | undefined): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://c' }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u', ...(namespace === undefined ? {} : { namespace }) }],
    currentContext: 'x',
  });
  return config;
}

describe('leaseNamespace', () => {
  it.each<readonly [string, readonly [string | undefined, string | undefined, string | undefined], string]>([
    ['that of the flag', ['asked', 'of-the-pod', 'of-the-context'], 'asked'],
    ['that of the operator', [undefined, 'of-the-pod', 'of-the-context'], 'of-the-pod'],
    ['that of the context outside of a Pod', [undefined, undefined, 'of-the-context'], 'of-the-context'],
    ['default if none is set', [undefined, undefined, undefined], 'default'],
  ])('is %s', (_says, [asked, own, context], expected) => {
    expect(leaseNamespace(asked, own, kubeConfig(context))).toBe(expected);
  });
});
