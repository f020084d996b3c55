/** The command line against a real cluster: lint, lint --server and render say what the cluster says. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { validateManifest } from '../../cli/validate-manifest.ts';
import { withPlaceholders } from '../../cli/fill-placeholders.ts';
import { readManifests } from '../../cli/read-manifests.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { type CommandResult, kubeconfig, kubectl, tryKubectl } from '../support/cluster.ts';
import { ROOT } from '../support/manifests.ts';
import { limit } from '../support/quota.ts';
import { FOREVER, manifest, sequence } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withController, withNamespace } from '../support/with-controller.ts';

const SAMPLES = join(ROOT, 'config/samples');
const HARD = join(ROOT, 'test/fixtures/cli/hard.yaml');

const { knowsPodReplacementPolicy } = await serverOfTests();
const { namespace } = withController('cli');
const folder = temporaryFolder();

/** Runs the program. */
function program(...args: readonly string[]): Promise<CommandResult> {
  const { NODE_OPTIONS: _, ...inherited } = process.env; // jest's own are not the program's
  const env = { ...inherited, KUBECONFIG: kubeconfig() };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'main.ts'), ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe('lint', () => {
  it('prints the same errors as kubectl apply', async () => {
    const file = join(SAMPLES, 'invalid.yaml');
    const { stderr } = await namespace.kubectl(['apply', '-f', file]);
    const refused = stderr.split('\n').flatMap((line) => (line.startsWith('* ') ? [line.slice(2)] : []));
    const linted = (await program('lint', file)).stdout.split('\n').slice(0, -1);
    expect(refused).toHaveLength(5);
    expect(linted.map((line) => line.slice(file.length).replace(/^:\d+:\d+: /, ''))).toEqual(refused);
  });
});

describe('lint --server', () => {
  /** Runs it on a file with this object. */
  async function lint(object: object, ...flags: readonly string[]): Promise<CommandResult> {
    const file = join(folder, 'etl.yaml');
    await writeFile(file, JSON.stringify(object, undefined, 1));
    const said = await program('lint', '--server', '-n', namespace.name, ...flags, file);
    return {
      ...said,
      stdout: said.stdout.replaceAll(file, 'etl.yaml'),
      stderr: said.stderr.replaceAll(file, 'etl.yaml'),
    };
  }

  const GOOD = manifest('good', sequence(2));

  /** No server lets the second step run, and validation leaves that to the server. */
  const [first, second] = sequence(2).steps;
  const securityContext = { privileged: true, allowPrivilegeEscalation: false };
  const CONTRADICTORY = manifest('contradictory', { steps: [first, { ...second, securityContext }] });

  it('finds nothing if the cluster accepts everything, and creates nothing there', async () => {
    expect(await lint(GOOD)).toEqual({ code: 0, stdout: '', stderr: '1 SequentialJob, no errors\n' });
    expect(await kubectl('get', 'sj,jobs', '-n', namespace.name, '-o', 'name')).toBe('');
  });

  it('finds what the server rejects in a later step, in text and in JSON', async () => {
    const { code, stdout, stderr } = await lint(CONTRADICTORY);
    expect(code).toBe(1);
    const faults = stdout.split('\n').filter((line) => !line.includes(': warning: '));
    expect(faults).toEqual([expect.stringMatching(/^etl\.yaml:\d+:\d+: spec\.steps\[1\]\.securityContext: /), '']);
    expect(stderr).toBe('1 SequentialJob, 1 error, 1 warning\n');
    const json = JSON.parse((await lint(CONTRADICTORY, '--format=json')).stdout) as readonly { severity: string }[];
    expect(json.filter(({ severity }) => severity === 'error')).toMatchObject([
      { document: 1, path: 'spec.steps[1].securityContext' },
    ]);
  });

  it('asks the cluster of --kubeconfig, or that of KUBECONFIG without the flag', async () => {
    const { code, stderr } = await lint(GOOD, '--kubeconfig=/nowhere/kubeconfig');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('/nowhere/kubeconfig') });
    expect((await lint(GOOD, `--kubeconfig=${kubeconfig()}`)).code).toBe(0);
  });

  describe('for a sequence that has started', () => {
    const spec = sequence(2, { 0: FOREVER });

    beforeAll(async () => {
      await namespace.apply('running', spec);
      await namespace.untilRunning('running', 0);
    });

    it('finds what the webhook would deny, with the same messages, and changes nothing', async () => {
      const { code, stdout } = await lint(manifest('running', { ...spec, job: { backoffLimit: 5 } }));
      expect(code).toBe(1);
      expect(stdout).toMatch(
        /^etl\.yaml:\d+:\d+: spec\.job\.backoffLimit: Invalid value: 5: field is immutable after .*\n$/,
      );
      expect((await namespace.get('running')).spec.job?.backoffLimit).toBe(0);
    });

    it('finds nothing for the unchanged file', async () => {
      expect((await lint(manifest('running', spec))).code).toBe(0);
    });
  });

  describe('if the cluster returns no verdict', () => {
    const { namespace: full } = withNamespace('lint-full');

    it('reports that the namespace does not exist', async () => {
      const { code, stderr } = await lint(GOOD, '-n', 'nowhere');
      expect(code).toBe(2);
      expect(stderr).toContain('etl.yaml: could not check the SequentialJob: ');
      expect(stderr).toContain('etl.yaml: could not check its Jobs: ');
    });

    it('reports that a quota is exhausted', async () => {
      await limit('jobs', full, 0);
      const { code, stderr } = await lint(GOOD, '-n', full.name);
      expect(code).toBe(2);
      expect(stderr).toContain('could not check its Jobs: ');
    });
  });
});

describe('render', () => {
  /** A kubectl that checks the fields itself, and does not know them all, has to be told not to. */
  const unchecked = knowsPodReplacementPolicy ? [] : ['--validate=false'];
  const files = [...['etl', 'failing', 'single-step'].map((name) => join(SAMPLES, `${name}.yaml`)), HARD];

  it.each(files)('writes Jobs that the API server accepts and kubectl reads as they were built: %s', async (file) => {
    const rendered = join(folder, 'jobs.yaml');
    await writeFile(rendered, (await program('render', file)).stdout);
    const create = ['create', ...unchecked, '-f', rendered];
    const said = await tryKubectl([...create, '--dry-run=server']);
    // The name of this sequence has a dot, and so have those of its Jobs: newer servers warn of that.
    const stderr = file === HARD ? expect.stringMatching(/^(Warning: metadata\.name: .*\n)*$/) : '';
    expect(said).toEqual({ code: 0, stdout: expect.stringContaining('created (server dry run)'), stderr });

    const read = await kubectl(...create, '--dry-run=client', '-o', 'jsonpath={.spec.template}{"\\n"}');
    const built = readManifests(await readFile(file, 'utf8')).manifests.flatMap((one) => {
      const { object } = withPlaceholders(validateManifest(one).object as SequentialJob);
      return object.spec.steps.map((_, index) => buildJob(object, index, 0).spec.template);
    });
    const lines = read.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(built);
  });
});
