/** The manifest of a user who has had it since v1alpha1 was the only version: it runs as it did, unchanged. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import type { CommandResult } from '../support/cluster.ts';
import { KubectlUser } from '../support/kubectl-user.ts';
import { type Manifest, ROOT } from '../support/manifests.ts';
import { serverOfTests } from '../support/server-features.ts';
import { toV1beta1 } from '../support/versions.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withController } from '../support/with-controller.ts';

const { knowsPodReplacementPolicy } = await serverOfTests();
const { namespace } = withController('first-users');
const user = new KubectlUser('v1alpha1', namespace, temporaryFolder());

const FOLDER = join(ROOT, 'test/fixtures');
const FILE = join(FOLDER, 'first-users.yaml');
const NAME = 'nightly-report';

const CLAIM = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'report-work' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
};
const SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'report-token' }, stringData: { token: 'x' } };

interface RenderedJob {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } } };
}

/** The Jobs of the release before, of the object with this UID. */
async function jobsOfTheReleaseBefore(uid: string): Promise<readonly RenderedJob[]> {
  const text = await readFile(join(FOLDER, 'first-users.jobs.yaml'), 'utf8');
  return parseAllDocuments(text.replaceAll('00000000-0000-0000-0000-000000000000', uid)).map(
    (document) => document.toJS() as RenderedJob,
  );
}

describe('the manifest of the first users', () => {
  let applied: CommandResult;

  beforeAll(async () => {
    await user.run(['apply', '-f', '-'], CLAIM, SECRET);
    applied = await user.run(['apply', '-f', FILE]);
    await namespace.untilCompleted(NAME);
  }, 120_000);

  it('is accepted', () => {
    expect(applied).toMatchObject({ code: 0, stderr: '' });
  });

  it('has the Jobs that it had with the release before', async () => {
    const { metadata } = await namespace.get(NAME);
    const before = await jobsOfTheReleaseBefore(metadata.uid);
    const jobs = await namespace.jobs(NAME);
    expect(jobs).toHaveLength(before.length);
    for (const [
      i,
      {
        metadata: { name, labels },
        spec,
      },
    ] of before.entries())
      expect(jobs[i]).toMatchObject({ metadata: { name, labels }, spec });
  });

  it('has the Jobs that `sequentialjob render` prints of it in v1beta1', async () => {
    const { metadata } = await namespace.get(NAME);
    const file = parse(await readFile(FILE, 'utf8')) as object;
    const inV1beta1 = toV1beta1(file) as unknown as SequentialJob;
    const object = { ...inV1beta1, metadata };
    const jobs = await namespace.jobs(NAME);
    for (const [i, job] of jobs.entries()) {
      const { metadata: rendered, spec } = buildJob(object, i, 0);
      // Servers before 1.28 drop the field.
      const { podReplacementPolicy, ...known } = spec;
      const wanted = knowsPodReplacementPolicy ? { ...known, podReplacementPolicy } : known;
      expect(job).toMatchObject({ metadata: rendered, spec: wanted });
    }
  });

  it('is read with its spec in v1alpha1, and the same file changes nothing', async () => {
    const file = parse(await readFile(FILE, 'utf8')) as Manifest;
    const { spec, metadata } = await user.read(NAME);
    expect(spec).toMatchObject(file['spec'] as object);
    expect(await user.run(['apply', '-f', FILE])).toMatchObject({ stdout: expect.stringContaining('unchanged') });
    expect(await user.run(['diff', '-f', FILE])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await user.read(NAME)).metadata.generation).toBe(metadata.generation);
  });

  it('has passed its rows from step to step', async () => {
    expect((await user.run(['logs', `job/${NAME}-2-load`])).stdout).toBe('EXTRACTED\n');
  });
});
