/**
 * Keys that mean something to JavaScript, and texts that grow when they are read: through the body of a review, the files
 * of `lint` and `render`, the kubeconfig, and the environment.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../cli/run/config.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { pino } from 'pino';
import { createApp, MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';
import { Operator } from '../support/operator.ts';
import { container } from '../support/objects.ts';
import { admissionReview, written } from '../support/reviews.ts';
import { run } from '../unit/cli/memory-io.ts';
import { inject } from './fuzz/inject.ts';

const EVIL = '{"polluted":true,"allowed":true,"backoffLimit":7,"name":"x","server":"https://evil","port":1}';
const EVIL_KEYS = [`"__proto__":${EVIL}`, `"constructor":{"prototype":${EVIL}}`, `"prototype":${EVIL}`];

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype] as readonly object[];
const keysOf = (): readonly PropertyKey[] => PROTOTYPES.flatMap((prototype) => Reflect.ownKeys(prototype));
const before = new Set(keysOf());
afterEach(() => {
  const added = keysOf().filter((key) => !before.has(key));
  if (added.length > 0) throw new Error(`all objects have ${added.map(String).join(', ')}`);
});

/** The text once for each of its objects and each evil key, which is put first into that object. */
function evilVariants(text: string): readonly string[] {
  const braces = [...text.matchAll(/\{(?!\})/g)].map(({ index }) => index + 1);
  return EVIL_KEYS.flatMap((key) => braces.map((at) => `${text.slice(0, at)}${key},${text.slice(at)}`));
}

const STEP = container('a', {
  env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  resources: { limits: { cpu: '1' } },
  securityContext: { privileged: false },
  livenessProbe: { exec: { command: ['x'] } },
});
const template = {
  metadata: { labels: { team: 'a' }, annotations: { a: 'b' } },
  spec: { volumes: [{ name: 'data', emptyDir: { medium: '' } }], nodeSelector: { a: 'b' } },
};
const SPECS = [
  ['v1beta1', { steps: [{ ...STEP, job: { backoffLimit: 1 } }], job: { backoffLimit: 0 }, template }],
  ['v1alpha1', { containers: [STEP], template, stepPolicies: [{ name: 'a', backoffLimit: 1 }] }],
] as const;

describe('a review', () => {
  const app = createApp({ log: pino({ level: 'silent' }) });

  it.each(
    [MUTATE_PATH, VALIDATE_PATH].flatMap((path) => SPECS.map(([version, spec]) => [path, version, spec] as const)),
  )('is judged on %s in %s as if the keys were any keys, wherever they are', async (path, _version, spec) => {
    for (const operation of ['CREATE', 'UPDATE']) {
      const object = written(spec);
      const text = JSON.stringify(admissionReview({ operation, object, oldObject: object }));
      for (const variant of evilVariants(text)) {
        const { status, body } = await inject(app, { path, body: Buffer.from(variant) });
        expect([status, body.includes('"allowed":')]).toEqual([200, true]);
        expect(body).not.toContain('polluted');
      }
    }
  });

  it.each([
    [{ steps: [container('a')] }, { op: 'add', path: '/spec/job', value: { backoffLimit: 3 } }],
    [{ containers: [container('a')] }, { op: 'add', path: '/spec/backoffLimit', value: 3 }],
  ])('takes no default from a prototype that it contains: %j', async (spec, operation) => {
    const text = JSON.stringify(admissionReview({ object: written(spec) }));
    const variant = text.replace('"spec":{', `"spec":{"__proto__":${EVIL},`);
    const { body } = await inject(app, { path: MUTATE_PATH, body: Buffer.from(variant) });
    const { response } = JSON.parse(body) as { readonly response: { readonly patch: string } };
    const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as readonly unknown[];
    expect(patch).toContainEqual(operation);
  });
});

describe('a file', () => {
  it.each(['lint', 'render', 'convert'] as const)('of %s may have these keys anywhere', async (command) => {
    const texts = SPECS.map(([, spec]) => JSON.stringify(written(spec)));
    for (const variant of texts.flatMap(evilVariants)) {
      const { code } = await run(command, ['a.json'], { 'a.json': variant });
      expect([0, 1]).toContain(code);
    }
  });

  it('may have them in YAML, in merged maps and as anchors', async () => {
    const yaml = `x: &x {__proto__: {polluted: true}, constructor: {prototype: {polluted: true}}}\n<<: *x\n__proto__: *x\n`;
    for (const text of [
      yaml,
      `apiVersion: batch.example.com/v1beta1\nkind: SequentialJob\n${yaml}`,
      `"__proto__":\n  polluted: true\n`,
    ]) {
      const { code } = await run('lint', ['a.yaml'], { 'a.yaml': text });
      expect([0, 1]).toContain(code);
    }
  });
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bombs-'));
});
afterAll(async () => {
  await Operator.endAll();
  await rm(folder, { recursive: true });
});

const HEAD = 'apiVersion: batch.example.com/v1beta1\nkind: SequentialJob\nmetadata: {name: etl}\nspec:\n';
const laughs = (depth: number): string =>
  Array.from(
    { length: depth },
    (_, i) => `  a${i}: &a${i} [${i === 0 ? '"lol"' : Array.from({ length: 10 }, () => `*a${i - 1}`).join(',')}]\n`,
  ).join('');

/** Texts that grow or never end when they are read. */
const BOMBS: readonly (readonly [string, string])[] = [
  ['a billion laughs', HEAD + laughs(12)],
  [
    'a billion laughs that are merged',
    `${HEAD}  a0: &a0 {x: 1}\n${Array.from({ length: 12 }, (_, i) => `  a${i + 1}: &a${i + 1}\n    <<: [${Array.from({ length: 10 }, () => `*a${i}`).join(', ')}]\n    k${i}: 1\n`).join('')}`,
  ],
  ['an anchor in itself', `${HEAD}  steps: &a [*a]\n`],
  [
    'many uses of one long text',
    `${HEAD}  a: &a ${'x'.repeat(100_000)}\n  b: [${Array.from({ length: 50_000 }, () => '*a').join(',')}]\n`,
  ],
  ['a nesting without end', `${HEAD}  steps: ${'['.repeat(100_000)}`],
  ['a nesting with its end', `${HEAD}  steps: ${'['.repeat(50_000)}${']'.repeat(50_000)}\n`],
  [
    'a nesting in JSON',
    `{"apiVersion":"batch.example.com/v1beta1","kind":"SequentialJob","spec":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  ],
  ['a nesting of block lists', `${HEAD}  steps:\n    ${'- '.repeat(20_000)}a\n`],
  ['fifty thousand documents', '---\na: b\n'.repeat(50_000)],
];

/** How it ended: with which code, and what it said of itself. A minute is a hang. */
async function ended(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; said: string }> {
  const operator = Operator.spawn(args, { HOME: folder, ...env });
  const timer = setTimeout(() => void operator.end('SIGKILL'), 60_000);
  const { code } = await operator.exited();
  clearTimeout(timer);
  return { code, said: operator.output };
}

describe('a text that grows', () => {
  it.each(BOMBS)('%s: lint ends with a verdict, soon, and without a stack', async (_what, text) => {
    const file = join(folder, 'bomb.yaml');
    await writeFile(file, text);
    const { code, said } = await ended(['lint', file]);
    expect([0, 1, 2]).toContain(code);
    expect(said).not.toMatch(/\n\s+at |RangeError|Maximum call stack/);
    expect(said.length).toBeLessThan(1_000_000);
  });

  it.each(BOMBS)('%s: convert ends soon, with no more than was in the file', async (_what, text) => {
    const file = join(folder, 'bomb.yaml');
    await writeFile(file, text);
    const { code, said } = await ended(['convert', '--to=v1alpha1', file]);
    expect([0, 1, 2]).toContain(code);
    expect(said).not.toMatch(/\n\s+at |RangeError|Maximum call stack/);
    expect(said.length).toBeLessThan(1_000_000);
  });

  it.each(BOMBS)('%s: as a kubeconfig it is refused in one line', async (_what, text) => {
    const file = join(folder, 'kubeconfig');
    await writeFile(file, text);
    const { code, said } = await ended(['run', '--role=controller', `--kubeconfig=${file}`, '--startup-timeout=0']);
    expect(code).toBe(1);
    expect(said).not.toMatch(/\n\s+at /);
    expect(said.length).toBeLessThan(100_000);
  });
});

describe('the configuration', () => {
  it('of a cluster takes nothing from a prototype', async () => {
    const sound = {
      clusters: [{ name: 'dev', cluster: { server: 'https://127.0.0.1:6443' } }],
      users: [{ name: 'dev', user: { token: 'x' } }],
      contexts: [{ name: 'dev', context: { cluster: 'dev', user: 'dev' } }],
      'current-context': 'dev',
    };
    const file = join(folder, 'config');
    for (const variant of evilVariants(JSON.stringify(sound))) {
      await writeFile(file, variant);
      expect(loadKubeConfig({ path: file }).getCurrentCluster()?.server).toBe('https://127.0.0.1:6443');
    }
  });

  it('of the program ignores names with a special meaning', () => {
    const env = JSON.parse(
      '{"__proto__":{"SEQUENTIALJOB_WORKERS":"7"},"constructor":"x","SEQUENTIALJOB___PROTO__":"x","SEQUENTIALJOB_CONSTRUCTOR":"y"}',
    ) as Record<string, string>;
    expect(parseConfig([], env)).toEqual(parseConfig([], {}));
    for (const flag of ['--__proto__=x', '--constructor=x', '--hasOwnProperty', '--toString=1', '--__proto__']) {
      expect(() => parseConfig([flag], {})).toThrow(/unknown flag/);
    }
  });
});
