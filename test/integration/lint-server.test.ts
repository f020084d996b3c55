/** `lint --server` against a real cluster with the operator's webhook: its verdict on the object and on its Jobs. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { kubeconfig, kubectl, Namespace, tryKubectl } from '../support/cluster.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

const here = withController('lint');
const MAIN = join(import.meta.dirname, '../../main.ts');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lint-'));
});

afterAll(() => rm(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program on a file of this text. */
async function lint(text: string, ...flags: readonly string[]): Promise<Ran> {
  const file = join(folder, 'etl.yaml');
  await writeFile(file, text);
  const { NODE_OPTIONS: _, ...inherited } = process.env; // jest's own are not the program's
  const env = { ...inherited, KUBECONFIG: kubeconfig() };
  const args = [MAIN, 'lint', '--server', '-n', here.namespace.name, ...flags, file];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, out: out.replaceAll(file, 'etl.yaml'), err: err.replaceAll(file, 'etl.yaml') });
    });
  });
}

const HEAD = (name: string): string => `apiVersion: batch.example.com/v1alpha1
kind: SequentialJob
metadata:
  name: ${name}
spec:
`;

const GOOD = `${HEAD('good')}  containers:
    - { name: s0, image: "busybox:1.36" }
    - { name: s1, image: "busybox:1.36" }
`;

/** The second step contradicts itself, in a way that no server lets run. */
const CONTRADICTORY = `${HEAD('contradictory')}  containers:
    - name: s0
      image: busybox:1.36
    - name: s1
      image: busybox:1.36
      securityContext:
        privileged: true
        allowPrivilegeEscalation: false
`;

it('finds nothing where the cluster takes everything, and leaves nothing there', async () => {
  expect(await lint(GOOD)).toEqual({ code: 0, out: '', err: '1 SequentialJob, no faults\n' });
  expect(await kubectl('get', 'sj,jobs', '-n', here.namespace.name, '-o', 'name')).toBe('');
});

it('finds what the server refuses of a later step, with its line', async () => {
  const { code, out, err } = await lint(CONTRADICTORY);
  expect(code).toBe(1);
  const faults = out.split('\n').filter((line) => !line.includes(': warning: '));
  expect(faults).toEqual([expect.stringMatching(/^etl\.yaml:11:7: spec\.containers\[1\]\.securityContext: /), '']);
  expect(err).toBe('1 SequentialJob, 1 fault, 1 warning\n');
});

it('says in JSON the same', async () => {
  const { out } = await lint(CONTRADICTORY, '--format=json');
  const findings = JSON.parse(out) as readonly { readonly severity: string }[];
  expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
    { line: 11, column: 7, document: 1, path: 'spec.containers[1].securityContext' },
  ]);
});

it('the cluster is that of --kubeconfig, where the flag is there, else that of KUBECONFIG', async () => {
  expect((await lint(GOOD)).code).toBe(0);
  const { code, err } = await lint(GOOD, '--kubeconfig=/nowhere/kubeconfig');
  expect(code).toBe(2);
  expect(err).toContain('/nowhere/kubeconfig');
  expect((await lint(GOOD, `--kubeconfig=${kubeconfig()}`)).code).toBe(0);
});

describe('of a sequence that is there and has started', () => {
  beforeAll(async () => {
    await here.namespace.apply('running', sequence(2, { 0: FOREVER }));
    await here.namespace.untilRunning('running', 0);
  });

  it('finds what the webhook would not let change, in its words', async () => {
    const changed = `${HEAD('running')}  backoffLimit: 5\n`;
    const { containers } = sequence(2, { 0: FOREVER });
    const { code, out } = await lint(`${changed}  containers: ${JSON.stringify(containers)}\n`);
    expect(code).toBe(1);
    expect(out).toBe(
      'etl.yaml:6:3: spec.backoffLimit: Invalid value: 5: field is immutable after the sequence has started; ' +
        'to change it, delete the SequentialJob and create it anew\n',
    );
    const stored = await here.client.request<{ spec: { backoffLimit: number } }>({
      method: 'GET',
      path: objectPath(SEQUENTIAL_JOBS, here.namespace.name, 'running'),
    });
    expect(stored.spec.backoffLimit).toBe(0);
  });

  it('finds nothing in the same file again', async () => {
    const text = `${HEAD('running')}  backoffLimit: 0\n  containers: `;
    expect((await lint(`${text}${JSON.stringify(sequence(2, { 0: FOREVER }).containers)}\n`)).code).toBe(0);
  });
});

describe('where the cluster gives no verdict', () => {
  it('says so: the namespace is not there', async () => {
    const { code, err } = await lint(GOOD, '-n', 'nowhere');
    expect(code).toBe(2);
    expect(err).toContain('etl.yaml: no verdict on the SequentialJob: ');
    expect(err).toContain('etl.yaml: no verdict on its Jobs: ');
  });

  it('says so: a quota is full', async () => {
    const full = await Namespace.create(here.client, 'lint-full');
    try {
      await kubectl('create', 'quota', 'full', '--hard=count/jobs.batch=0', '-n', full.name);
      let last: Ran = { code: 0, out: '', err: '' };
      for (let i = 0; i < 50 && last.code === 0; i++) last = await lint(GOOD, '-n', full.name);
      expect(last.code).toBe(2);
      expect(last.err).toContain('no verdict on its Jobs: ');
    } finally {
      await tryKubectl(['delete', 'quota', 'full', '-n', full.name]);
      await full.remove();
    }
  });
});
