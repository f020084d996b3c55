/** The command line against the real thing: what lint says is what kubectl apply says, what render writes is accepted. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { check } from '../../cli/check.ts';
import { readManifests } from '../../cli/read-manifests.ts';
import { withPlaceholders } from '../../cli/fill-placeholders.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { kubectl, tryKubectl } from '../support/cluster.ts';
import { serverOfTests } from '../support/server-features.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'config/samples');
const HARD = join(ROOT, 'test/fixtures/cli/hard.yaml');

const { knowsPodReplacementPolicy } = await serverOfTests();

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the program and gives its standard output, whatever its exit code. */
function program(...args: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env; // jest's own are not the program's
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'main.ts'), ...args], { env }, (_error, out) => resolve(out));
  });
}

async function render(file: string): Promise<string> {
  const rendered = join(folder, 'jobs.yaml');
  await writeFile(rendered, await program('render', file));
  return rendered;
}

describe('lint', () => {
  it('says what kubectl apply says, fault by fault, in the same words', async () => {
    const file = join(SAMPLES, 'invalid.yaml');
    const { stderr } = await tryKubectl(['apply', '-f', file]);
    const refused = stderr.split('\n').flatMap((line) => (line.startsWith('* ') ? [line.slice(2)] : []));
    const linted = (await program('lint', file)).split('\n').slice(0, -1);
    expect(refused).toHaveLength(5);
    expect(linted.map((line) => line.slice(file.length).replace(/^:\d+:\d+: /, ''))).toEqual(refused);
  });
});

describe('render', () => {
  /** A kubectl that checks the fields itself, and does not know them all, has to be told not to. */
  const unchecked = knowsPodReplacementPolicy ? [] : ['--validate=false'];
  const files = [...['etl', 'failing', 'single-step'].map((name) => join(SAMPLES, `${name}.yaml`)), HARD];

  it.each(files)('writes Jobs that the API server accepts: %s', async (file) => {
    const said = await tryKubectl(['create', ...unchecked, '--dry-run=server', '-f', await render(file)]);
    // The name of this sequence has a dot, and so have those of its Jobs: newer servers warn of that.
    const stderr = file === HARD ? expect.stringMatching(/^(Warning: metadata\.name: .*\n)*$/) : '';
    expect(said).toEqual({ code: 0, stdout: expect.stringContaining('created (server dry run)'), stderr });
  });

  it.each(files)('and that kubectl reads as they were built: %s', async (file) => {
    const read = await kubectl(
      'create',
      ...unchecked,
      '--dry-run=client',
      '-o',
      'jsonpath={.spec.template}{"\\n"}',
      '-f',
      await render(file),
    );
    const built = readManifests(await readFile(file, 'utf8')).manifests.flatMap((manifest) => {
      const { object } = withPlaceholders(check(manifest).object as SequentialJob);
      return object.spec.containers.map((_, index) => buildJob(object, index, 0).spec.template);
    });
    const lines = read.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(built);
  });
});
