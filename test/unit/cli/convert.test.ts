import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readYaml, writeYaml } from '../../../cli/yaml.ts';
import '../../support/properties.ts';
import { toV1alpha1, toV1beta1, v1alpha1Object, v1beta1Object } from '../../support/versions.ts';
import { type Ran, run } from './memory-io.ts';

/** An empty text: there is no such file. */
const convert = async (text: string, to = 'v1beta1'): Promise<Ran> =>
  run('convert', [`--to=${to}`, 'etl.yaml'], text === '' ? {} : { 'etl.yaml': text });

const V1ALPHA1 = `# The nightly run.
apiVersion: batch.example.com/v1alpha1
kind: SequentialJob
metadata: { name: etl }
spec:
  backoffLimit: 1 # one is enough
  activeDeadlineSeconds: 9007199254740993
  ttlSecondsAfterFinished: 0644
  containers:
    # from the shop
    - name: extract
      image: "shop:1.0"
    - name: load
      image: 'warehouse:2.0' # pinned
  template:
    spec: { volumes: [{ name: data, emptyDir: {} }] }
  stepPolicies:
    # the warehouse may be down
    - name: load
      backoffLimit: 9
      onFailure: Continue
`;

const V1BETA1 = `# The nightly run.
apiVersion: batch.example.com/v1beta1
kind: SequentialJob
metadata: { name: etl }
spec:
  activeDeadlineSeconds: 9007199254740993
  ttlSecondsAfterFinished: 0644
  steps:
    # from the shop
    - name: extract
      image: "shop:1.0"
    - name: load
      image: 'warehouse:2.0' # pinned
      job:
        # the warehouse may be down
        backoffLimit: 9
      onFailure: Continue
  template:
    spec: { volumes: [ { name: data, emptyDir: {} } ] }
  job:
    backoffLimit: 1 # one is enough
`;

const CONFIG_MAP = `apiVersion: v1
kind:   ConfigMap   # as it is
data: {a:   b}
`;

describe('comments, quotes and order stay', () => {
  it('to v1beta1', async () => expect(await convert(V1ALPHA1)).toEqual({ code: 0, out: V1BETA1, err: '' }));

  it('and back', async () => {
    const { code, out } = await convert(V1BETA1, 'v1alpha1');
    expect(code).toBe(0);
    expect(out).toContain('# from the shop\n');
    expect(out).toContain("image: 'warehouse:2.0' # pinned\n");
    expect(out).toContain('# the warehouse may be down\n      backoffLimit: 9\n');
    expect((await convert(out)).out).toBe(V1BETA1);
  });

  it('other documents are not touched', async () => {
    const { out } = await convert(`${CONFIG_MAP}---\n${V1ALPHA1}---\n${CONFIG_MAP}`);
    expect(out).toBe(`${CONFIG_MAP}---\n${V1BETA1}---\n${CONFIG_MAP}`);
  });

  it('in a List, and in a stream of JSON objects', async () => {
    const [document] = readYaml(V1ALPHA1);
    const json = JSON.stringify(document?.toJS());
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [JSON.parse(json), { kind: 'Other' }] });
    const expected = toV1beta1(JSON.parse(json));
    expect(readYaml((await convert(list)).out)[0]?.toJS()).toMatchObject({ items: [expected, { kind: 'Other' }] });
    const { out } = await convert(`${json}\n${json}`);
    expect(out.trim().split('\n').length).toBeGreaterThan(1);
  });
});

test('a document with anchors is written anew, which is said', async () => {
  const text = V1ALPHA1.replace('- name: extract', '- &a\n      name: extract').replace(
    'template:',
    'initial: *a\n  template:',
  );
  const { code, out, err } = await convert(
    text.replace("    - name: load\n      image: 'warehouse:2.0' # pinned\n", '    - *a\n'),
  );
  expect(code).toBe(0);
  expect(readYaml(out)[0]?.toJS()).toMatchObject({ apiVersion: 'batch.example.com/v1beta1' });
  expect(err).toBe('etl.yaml: document 1: written anew, without its comments\n');
});

describe('what cannot be converted is named, and nothing is written', () => {
  it.each<readonly [string, string, number, string]>([
    ['a file that cannot be read', '', 2, 'sequentialjob: etl.yaml: no such file\n'],
    ['a file of other objects', CONFIG_MAP, 1, 'sequentialjob: etl.yaml: no SequentialJob to convert\n'],
    ['a file of that version', V1BETA1, 1, 'sequentialjob: etl.yaml: no SequentialJob to convert\n'],
    [
      'a second document with a malformed policy',
      `${V1ALPHA1}---\n${V1ALPHA1.replace('- name: load\n      b', '- name: 7\n      b')}`,
      1,
      'etl.yaml: document 2: spec.stepPolicies[0].name: Invalid value: "integer": spec.stepPolicies[0].name in body must be of type string: "integer"\n',
    ],
    [
      'an anchor within itself',
      'apiVersion: batch.example.com/v1alpha1\nkind: SequentialJob\nspec:\n  containers: &a [*a]\n',
      1,
      'etl.yaml: document 1: YAML: nested too deeply\n',
    ],
    [
      'an alias without an anchor',
      V1ALPHA1.replace("image: 'warehouse:2.0'", 'image: *nowhere'),
      1,
      'etl.yaml: document 1: YAML: Unresolved alias (the anchor must be set before the alias): nowhere\n',
    ],
    [
      'a syntax error',
      'a: [\n',
      1,
      'etl.yaml: document 1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]\n',
    ],
  ])('%s', async (_what, text, code, err) => expect(await convert(text)).toEqual({ code, out: '', err }));

  it.each([
    ["option '--to <version>' argument 'v2' is invalid. Allowed choices are v1beta1, v1alpha1.", ['--to=v2', 'a']],
    ["too many arguments for 'convert'. Expected 1 argument but got 2: a, b.", ['a', 'b']],
    ["unknown option '--kubeconfig'", ['a', '--kubeconfig=b']],
  ])('%s', async (problem, args) => {
    expect(await run('convert', args, {})).toEqual({ code: 2, out: '', err: `sequentialjob: ${problem}\n` });
  });
});

test('property: what is written is what the conversion webhook would answer', async () => {
  const read = async (object: unknown, to: string): Promise<unknown> =>
    readYaml((await convert(writeYaml(object), to)).out)[0]?.toJS();
  const withPolicies = (object: unknown): unknown => {
    const { spec, ...rest } = object as { readonly spec: object };
    return { ...rest, spec: { stepPolicies: [], ...spec } };
  };
  await fc.assert(
    fc.asyncProperty(v1alpha1Object, v1beta1Object, async (alpha, beta) => {
      expect(await read(alpha, 'v1beta1')).toEqual(toV1beta1(alpha));
      expect(withPolicies(await read(beta, 'v1alpha1'))).toEqual(toV1alpha1(beta));
    }),
    { numRuns: 100 },
  );
});
