import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { leaseNamespace } from '../../../../cli/run/lease-namespace.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-namespace-'));
  await writeFile(join(folder, 'pod'), 'of-the-pod\n');
  await writeFile(join(folder, 'empty'), '');
});
afterAll(async () => rm(folder, { recursive: true }));

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
  it.each<readonly [string, readonly [string | undefined, string, string | undefined], string]>([
    ['what was asked for', ['asked', 'pod', 'of-the-context'], 'asked'],
    ["the Pod's own", [undefined, 'pod', 'of-the-context'], 'of-the-pod'],
    ["the context's outside of a Pod", [undefined, 'none', 'of-the-context'], 'of-the-context'],
    ["the context's where the Pod's is empty", [undefined, 'empty', 'of-the-context'], 'of-the-context'],
    ['default where nothing says it', [undefined, 'none', undefined], 'default'],
  ])('is %s', (_says, [asked, file, context], expected) => {
    expect(leaseNamespace(asked, kubeConfig(context), join(folder, file))).toBe(expected);
  });
});
