import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type KubeConfigOptions, KubeConfigError, loadKubeConfig } from '../../../../shared/kube/kubeconfig.ts';

interface Parts {
  readonly names?: readonly string[];
  readonly current?: string;
  readonly server?: string;
  readonly cluster?: string;
  readonly user?: string;
}

/** A kubeconfig whose contexts, clusters and users have these names. */
function config({ names = ['dev'], current, server = 'https://127.0.0.1:6443', cluster, user }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    ...(current === undefined ? {} : { 'current-context': current }),
    clusters: names.map((name) => ({ name, cluster: { server } })),
    users: names.map((name) => ({ name, user: { token: `token of ${name}` } })),
    contexts: names.map((name) => ({ name, context: { cluster: cluster ?? name, user: user ?? name } })),
  });
}

const FILES = {
  good: config({ names: ['dev', 'prod'], current: 'dev' }),
  'odd:name': config({ names: ['odd'], current: 'odd' }),
  second: config({ names: ['edge'], current: 'edge', server: 'https://edge:6443' }),
  twin: config({ names: ['dev', 'extra'], current: 'extra', server: 'https://twin:6443' }),
  undecided: config({ names: ['dev', 'prod'] }),
  empty: '',
  blank: '\n  \n',
  'no-contexts': JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'dev' }),
  text: 'this is no kubeconfig',
  broken: 'clusters:\n- name: [\n  x',
  'no-server': JSON.stringify({ clusters: [{ name: 'dev', cluster: {} }] }),
  'lost-context': config({ current: 'gone' }),
  'lost-cluster': config({ current: 'dev', cluster: 'gone' }),
  'lost-user': config({ current: 'dev', user: 'gone' }),
  'no-url': config({ current: 'dev', server: 'here' }),
  'no-scheme': config({ current: 'dev', server: 'localhost:6443' }),
} as const;

type FileName = keyof typeof FILES | 'missing';

let folder: string;
const path = (name: FileName): string => join(folder, name);
const paths = (...names: readonly FileName[]): string => names.map(path).join(delimiter);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function failure(options: KubeConfigOptions): Error {
  try {
    loadKubeConfig(options);
  } catch (error) {
    if (error instanceof KubeConfigError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('loadKubeConfig rejects, with one line that names the file', () => {
  it.each<readonly [string, FileName, RegExp]>([
    ['a file that does not exist', 'missing', /cannot read the kubeconfig .*missing: ENOENT: no such file/],
    [
      'a cluster without a server',
      'no-server',
      /cannot read the kubeconfig .*no-server: clusters\[0\]\.cluster\.server is missing/,
    ],
    [
      'no current context',
      'undecided',
      /undecided: no current context is set; choose one with --context \(it has dev, prod\)/,
    ],
    [
      'a current context that does not exist',
      'lost-context',
      /lost-context: there is no context "gone" \(it has dev\)/,
    ],
    ['a cluster that does not exist', 'lost-cluster', /lost-cluster: the cluster of context "dev" is not defined/],
  ])('%s', (_says, name, expected) => {
    const { message } = failure({ path: path(name) });
    expect(message).toMatch(expected);
    expect(message).not.toContain('\n');
    expect(message).toContain(folder);
  });

  it('a context that does not exist', () => {
    expect(failure({ path: path('good'), context: 'test' }).message).toMatch(
      /there is no context "test" \(it has dev, prod\)$/,
    );
  });

  it('a list of files of which none exists', () => {
    expect(failure({ env: `${paths('missing')}${delimiter}${folder}/none` }).message).toMatch(/missing: ENOENT/);
  });
});

describe('loadKubeConfig', () => {
  const LOCAL = 'dev of https://127.0.0.1:6443';

  it.each<readonly [string, () => KubeConfigOptions, string]>([
    ['the path of the option', () => ({ path: path('good') }), LOCAL],
    ['the path of the option overrides KUBECONFIG', () => ({ path: path('good'), env: path('second') }), LOCAL],
    [
      'a path that contains the list separator',
      () => ({ path: path('odd:name'), env: '' }),
      'odd of https://127.0.0.1:6443',
    ],
    ['the path of KUBECONFIG', () => ({ env: path('second') }), 'edge of https://edge:6443'],
    ['a list: the first current-context is used', () => ({ env: paths('good', 'second') }), LOCAL],
    [
      'a list: contexts of the second file are found, even if a file is listed twice',
      () => ({ env: paths('good', 'second', 'good'), context: 'edge' }),
      'edge of https://edge:6443',
    ],
    [
      'a list: the second file has the current-context if the first has none',
      () => ({ env: paths('undecided', 'second') }),
      'edge of https://edge:6443',
    ],
    ['a list: the first of two contexts with the same name is used', () => ({ env: paths('good', 'twin') }), LOCAL],
    [
      'a list: the other contexts of the second file are found',
      () => ({ env: paths('good', 'twin'), context: 'extra' }),
      'extra of https://twin:6443',
    ],
    ['a list: missing files are ignored', () => ({ env: paths('missing', 'good') }), LOCAL],
  ])('%s', (_says, options, expected) => {
    const loaded = loadKubeConfig(options());
    const context = loaded.getCurrentContext();
    expect(`${context} of ${loaded.getCurrentCluster()?.server}`).toBe(expected);
    expect(loaded.getCurrentUser()?.token).toBe(`token of ${context}`);
  });
});
