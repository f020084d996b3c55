import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { run } from './memory-io.ts';

const HEAD = `apiVersion: batch.example.com/v1alpha1
kind: SequentialJob
metadata:
  name: etl
`;
const GOOD = `${HEAD}spec:
  containers:
    - name: load
      image: busybox:1.36
`;
const V1BETA1 = GOOD.replace('v1alpha1', 'v1beta1').replace('containers', 'steps');
const OTHER = `apiVersion: v1
kind: ConfigMap
metadata: {name: x}
data: {a: b}
`;

const FIVE = `# a comment
apiVersion: batch.example.com/v1alpha1
kind: SequentialJob
metadata:
  name: Bad_Name
spec:
  containers:
    - name: load
      image: busybox:1.36
    - name: load
      image: UPPER:1
      volumeMounts:
        - name: data
          mountPath: /data
  backoffLimit: many
`;

const lines = async (text: string): Promise<readonly string[]> => {
  const { out } = await run('lint', ['a.yaml'], { 'a.yaml': text });
  return out.split('\n').filter((line) => line !== '');
};

/** `5:3 spec.backoffLimit`: the place and the field. What is said of it: agreement.test.ts. */
const places = async (text: string): Promise<readonly string[]> =>
  (await lines(text)).map((line) =>
    line.replace(/^a\.yaml:(\d+:\d+): ((?:warning: )?(?:(?:unknown|duplicate) field "[^"]+"|[^:]+)).*$/, '$1 $2'),
  );

type Row = readonly [sentence: string, text: string, lines: readonly string[]];

const PLACES: readonly Row[] = [
  ['a valid sequence has no findings', GOOD, []],
  ['a spec that is too long has one error', `${GOOD}      args: [${'x'.repeat(1024 * 1024)}]\n`, ['5:1 spec']],
  [
    'five errors are reported in five lines, in the order of the file',
    FIVE,
    [
      '5:3 metadata.name',
      '10:7 spec.containers[1].name',
      '11:7 spec.containers[1].image',
      '13:11 spec.containers[1].volumeMounts[0].name',
      '15:3 spec.backoffLimit',
    ],
  ],
  [
    'a missing field is reported at its deepest existing parent',
    `${HEAD}spec:\n  containers:\n    - name: a\n    -\n      image: x:1\n`,
    ['7:7 spec.containers[0].image', '9:7 spec.containers[1].name'],
  ],
  ['a missing spec is reported at the object', HEAD, ['1:1 spec']],
  [
    'keys of maps are matched by the longest key',
    `${HEAD}spec:
  template:
    metadata:
      labels:
        batch: a
        batch.example.com/x: b
  containers:
    - {name: a, image: 'x:1', resources: {limits: {"nvidia.com/gpu": 0.5}}}
`,
    [
      '10:9 spec.template.metadata.labels[batch.example.com/x]',
      '12:52 spec.containers[0].resources.limits[nvidia.com/gpu]',
    ],
  ],
  [
    'an alias is resolved to its anchor',
    `${HEAD}spec:\n  containers:\n    - &base\n      name: a\n      image: UPPER\n    - {<<: *base, name: b, image: 'x:1'}\n    - *base\n`,
    ['8:7 spec.containers[2].name', '9:7 spec.containers[0].image', '9:7 spec.containers[2].image'],
  ],
  [
    'JSON with tabs is accepted',
    '{\n\t"apiVersion": "batch.example.com/v1alpha1",\n\t"kind": "SequentialJob",\n\t"metadata": {"name": "a"},\n\t"spec": {"containers": []}\n}\n',
    ['5:11 spec.containers'],
  ],
  [
    'settings of steps are reported where they are, in v1beta1',
    `${V1BETA1}      job: {backoffLimit: -1}\n      onFailure: Retry\n  job:\n    activeDeadlineSeconds: 0\n  finally: [{name: load, image: 'x:1'}]\n`,
    [
      '9:13 spec.steps[0].job.backoffLimit',
      '10:7 spec.steps[0].onFailure',
      '12:5 spec.job.activeDeadlineSeconds',
      '13:14 spec.finally[0].name',
    ],
  ],
  [
    'settings of policies are reported where they are, in v1alpha1',
    `${GOOD}  stepPolicies:\n    - {name: upload, onFailure: Retry}\n    - {name: load, backoffLimit: -1, when: Failed}\n    - {name: load}\n  job: {activeDeadlineSeconds: 0}\n`,
    [
      '10:8 spec.stepPolicies[0].name',
      '10:22 spec.stepPolicies[0].onFailure',
      '11:20 spec.stepPolicies[1].backoffLimit',
      '11:38 spec.stepPolicies[1].when',
      '12:8 spec.stepPolicies[2].name',
      '13:9 spec.job.activeDeadlineSeconds',
    ],
  ],
  [
    'booleans and octal numbers are parsed as by go-yaml',
    `${GOOD}  suspend: yes\n  template: {spec: {volumes: [{name: a, secret: {secretName: b, defaultMode: 0644}}]}}\n`,
    [],
  ],
  [
    'so a variable with the value on is not a string',
    `${GOOD}      env: [{name: A, value: on}]\n`,
    ['9:23 spec.containers[0].env[0].value'],
  ],
];

const WARNINGS: readonly Row[] = [
  ['the warnings of the webhook', GOOD.replace('busybox:1.36', 'busybox'), ['8:7 warning: spec.containers[0].image']],
  [
    'a volume that does not outlive a step',
    `${HEAD}spec:\n  containers:\n${['a', 'b']
      .map((name) => `    - {name: ${name}, image: x:1, volumeMounts: [{name: d, mountPath: /d}]}\n`)
      .join('')}  template: {spec: {volumes: [{name: d, emptyDir: {}}]}}\n`,
    ['9:41 warning: spec.template.spec.volumes[0].emptyDir'],
  ],
  [
    'a spec that is too long for client-side kubectl apply',
    `${GOOD}      args: [${'x'.repeat(256 * 1024)}]\n`,
    ['5:1 warning: spec'],
  ],
  [
    'fields of the other version',
    `${V1BETA1}  backoffLimit: 1\n  stepPolicies: []\n`,
    ['9:3 warning: unknown field "spec.backoffLimit"', '10:3 warning: unknown field "spec.stepPolicies"'],
  ],
  [
    'fields that the API server would prune',
    `${HEAD}  foo: 1\n  managedFields: []\n  labels: {any: label}\nspec:\n  containers:\n    - name: load\n      image: x:1\n      imagePullPolcy: Always\n      env:\n        - {name: A, val: b}\n  template: {spec: {volumes: [{name: a, emptydir: {}}]}}\nextra: {deep: {er: 1}}\n`,
    [
      '5:3 warning: unknown field "metadata.foo"',
      '12:7 warning: unknown field "spec.containers[0].imagePullPolcy"',
      '14:21 warning: unknown field "spec.containers[0].env[0].val"',
      '15:41 warning: unknown field "spec.template.spec.volumes[0].emptydir"',
      '16:1 warning: unknown field "extra"',
    ],
  ],
];

const TEXTS: readonly Row[] = [
  ['invalid YAML', `${GOOD}  backoffLimit: [1\n`, ['10:1 YAML']],
  ['tabs in YAML', `${HEAD}spec:\n\tcontainers: []\n`, ['6:1 YAML']],
  ['a template of another program', 'a: {{ .Values.x }}\n', ['1:5 YAML']],
  ['an alias without an anchor', 'a: *nope\n', ['1:1 YAML']],
  [
    'duplicate keys',
    `${GOOD}      image: busybox:1.37\n  suspend: true\n  suspend: false\n`,
    ['9:7 duplicate field "spec.containers[0].image"', '11:3 duplicate field "spec.suspend"'],
  ],
  ['a wrong version', GOOD.replace('v1alpha1', 'v1'), ['1:1 apiVersion']],
  ['no version', GOOD.replace(/apiVersion.*\n/, ''), ['1:1 apiVersion']],
  ['a wrong version of a sequence with steps', V1BETA1.replace('v1beta1', 'v1'), ['1:1 apiVersion']],
  ['a wrong kind', GOOD.replace('SequentialJob', 'SequentialJobs'), ['2:1 kind']],
  ['a version that is not a string', GOOD.replace(/apiVersion.*\n/, 'apiVersion: 1\n'), ['1:1 apiVersion']],
];

test.each(PLACES)('places: %s', async (_sentence, text, expected) => expect(await places(text)).toEqual(expected));
test('positions: CRLF counts as one line end', async () => {
  expect(await lines(FIVE.replaceAll('\n', '\r\n'))).toEqual(await lines(FIVE));
});
test.each(WARNINGS)('warnings: %s', async (_sentence, text, expected) => {
  expect(await places(text)).toEqual(expected);
  expect(await run('lint', ['a'], { a: text })).toMatchObject({ code: 0 });
});
test.each(TEXTS)('the text: %s', async (_sentence, text, expected) => {
  expect(await places(text)).toEqual(expected);
  expect(await run('lint', ['a'], { a: text })).toMatchObject({ code: 1 });
});

describe('several objects', () => {
  const bad = GOOD.replace('load', 'LOAD');
  const place = 'spec.containers[0].name: Invalid value: "LOAD": ';
  const ends = { err: '2 SequentialJobs, 1 error, 1 other object skipped\n', code: 1 };
  const startsWith = (...expected: readonly string[]): unknown =>
    expect.stringMatching(new RegExp(`^${expected.map((line) => `${line.replace(/[.[\]]/g, '\\$&')}.*\n`).join('')}$`));

  test('only documents with content are counted, and named if there are several', async () => {
    const text = `---\n# nothing\n---\n${OTHER}---\n${bad}---\n${GOOD}---\n`;
    expect(await run('lint', ['a'], { a: text })).toEqual({ ...ends, out: startsWith(`a:15:7: document 2: ${place}`) });
  });

  test('items of lists are named, also those of nested lists', async () => {
    const item = (text: string): unknown => ({
      apiVersion: 'batch.example.com/v1alpha1',
      kind: 'SequentialJob',
      metadata: { name: 'a' },
      spec: { containers: [{ name: text, image: 'x:1' }] },
    });
    const list = (...items: readonly unknown[]): unknown => ({ apiVersion: 'v1', kind: 'List', items });
    const text = JSON.stringify(list(item('good'), list({ kind: 'ConfigMap' }, item('LOAD'))), undefined, 1);
    const line = text.slice(0, text.indexOf('LOAD')).split('\n').length;
    expect(await run('lint', ['a'], { a: text })).toEqual({
      ...ends,
      out: startsWith(`a:${line}:9: document 1, item 2, item 2: ${place}`),
    });
  });

  test('items of a SequentialJobList need no kind', async () => {
    const text = `apiVersion: batch.example.com/v1alpha1\nkind: SequentialJobList\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: LOAD, image: 'x:1'}]}\n`;
    expect(await lines(text)).toEqual([expect.stringContaining(`a.yaml:5:24: document 1, item 1: ${place}`)]);
  });

  test('several JSON objects may follow one another', async () => {
    const one = (name: string): string =>
      `{"apiVersion":"batch.example.com/v1alpha1","kind":"SequentialJob","metadata":{"name":"a"},\n"spec":{"containers":[{"name":"${name}","image":"x:1"}]}}\n`;
    expect(await lines(`${one('a')}${one('LOAD')}`)).toEqual([
      expect.stringContaining(`a.yaml:4:24: document 2: ${place}`),
    ]);
  });

  test('the file of each finding is named, or standard input', async () => {
    expect(await run('lint', ['a', '-', 'b'], { a: bad, '-': bad, b: OTHER })).toEqual({
      code: 1,
      out: startsWith(`a:7:7: ${place}`, `<stdin>:7:7: ${place}`),
      err: 'b: no SequentialJob in it\n2 SequentialJobs, 2 errors, 1 other object skipped\n',
    });
  });

  test('the same kind in another group is another kind', async () => {
    const { code, err } = await run('lint', ['a'], { a: GOOD.replace('batch.example.com', 'jobs.example.org') });
    expect(code).toBe(0);
    expect(err).toBe('a: no SequentialJob in it\n0 SequentialJobs, no errors, 1 other object skipped\n');
  });

  test.each(['', '\n# nothing\n', '---\n', 'a text', '- 1\n', '5', 'null', '{}'])(
    '%j has no SequentialJob',
    async (a) => {
      const { code, out, err } = await run('lint', ['a'], { a });
      expect({ code, out }).toEqual({ code: 0, out: '' });
      expect(err).toContain('a: no SequentialJob in it\n');
    },
  );
});

describe('usage', () => {
  test('a missing file: the others are checked, and the exit code is 2', async () => {
    const { code, out, err } = await run('lint', ['no', 'a'], { a: FIVE });
    expect(code).toBe(2);
    expect(out.split('\n')).toHaveLength(6);
    expect(err).toBe('sequentialjob: no: no such file\n1 SequentialJob, 5 errors\n');
  });

  test.each([
    [[], "missing required argument 'FILE'"],
    [['a', '--fix'], "unknown option '--fix'"],
    [['a', '--format'], "option '--format <format>' argument missing"],
    [['a', '--format=xml'], "option '--format <format>' argument 'xml' is invalid. Allowed choices are text, json."],
  ])('%j is wrong: %s', async (args, problem) => {
    expect(await run('lint', args, { a: GOOD })).toEqual({ code: 2, out: '', err: `sequentialjob: ${problem}\n` });
  });

  test('JSON output for programs', async () => {
    const broken = await run('lint', ['--format=json', 'a'], { a: `${OTHER}---\na: [1\n` });
    expect(JSON.parse(broken.out)).toEqual([
      expect.objectContaining({ file: 'a', line: 7, document: 2, severity: 'error', path: '' }),
    ]);
    const five = await run('lint', ['a', '--format', 'json'], { a: FIVE });
    expect((JSON.parse(five.out) as unknown[])[1]).toEqual({
      file: 'a',
      line: 10,
      column: 7,
      document: 1,
      severity: 'error',
      path: 'spec.containers[1].name',
      message: 'spec.containers[1].name: Duplicate value: "load"',
    });
    expect((await run('lint', ['a', '--format', 'json'], { a: GOOD })).out).toBe('[]\n');
  });
});

describe('the program', () => {
  const main = join(import.meta.dirname, '../../../main.ts');

  /** As a user starts it: a process with streams and an exit code. */
  async function start(args: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [main, ...args], (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
      child.stdin?.end(input);
    });
  }

  test('prints five errors with their lines, and exits with 1', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lint-'));
    try {
      const file = join(folder, 'bad.yaml');
      await writeFile(file, FIVE);
      const { code, out, err } = await start(['lint', file]);
      expect([code, err]).toEqual([1, '1 SequentialJob, 5 errors\n']);
      expect(out.split('\n')).toHaveLength(6);
      await writeFile(file, Buffer.from([0x61, 0xff, 0xfe]));
      expect(await start(['lint', file, folder])).toEqual({
        code: 2,
        out: '',
        err: `sequentialjob: ${file}: is not UTF-8 text\nsequentialjob: ${folder}: is a directory\n`,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('reads standard input, and renders', async () => {
    expect(await start(['lint', '-'], `\uFEFF${GOOD}`)).toEqual({
      code: 0,
      out: '',
      err: '1 SequentialJob, no errors\n',
    });
    const { code, out, err } = await start(['render', '-'], GOOD);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('name: etl-0-load\n');
  });

  test('prints usage errors', async () => {
    const { code, err } = await start(['lint']);
    expect(code).toBe(2);
    expect(err).toBe("sequentialjob: missing required argument 'FILE'\n");
    expect((await start(['lint', '--help'])).out).toContain('Usage: sequentialjob lint [options] <FILE...>\n');
  });
});
