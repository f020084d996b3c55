/** What docs/threat-model.md says of users, tried by users: with a role for SequentialJobs and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JOBS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { type CommandResult, kubectl, PODS, tryKubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { harmfulIn } from '../support/harmful-text.ts';
import { permit } from '../support/permissions.ts';
import { FOREVER, manifest, sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('threat');
const { namespace } = here;

/** kubectl in the namespace, as that user. */
const as = (user: string, args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> =>
  namespace.kubectl([`--as=${user}`, ...args], ...objects);

const sequentialJob = (name: string): object => {
  const template = { spec: { containers: [], serviceAccountName: 'mighty' } };
  return manifest(name, sequence(1, {}, { template }));
};
const podTemplate = (script: string): object => ({
  spec: { restartPolicy: 'Never', containers: sequence(1, { 0: script }).steps },
});

const permitSequentialJobs = (user: string, ...verbs: readonly string[]): Promise<void> =>
  permit(namespace, user, [{ apiGroups: ['batch.example.com'], resources: ['sequentialjobs'], verbs }]);

const FORBIDDEN = { code: 1, stderr: expect.stringContaining('orbidden') };

describe('a user who may only create SequentialJobs', () => {
  beforeAll(async () => {
    await permitSequentialJobs('writer', 'get', 'create', 'update', 'patch');
    await namespace.createObject({ root: '/api/v1', plural: 'serviceaccounts' }, { metadata: { name: 'mighty' } });
  });

  it('may not create Jobs', async () => {
    const spec = { template: podTemplate('true') };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'direct' }, spec };
    expect(await as('writer', ['create', '-f', '-'], job)).toMatchObject(FORBIDDEN);
  });

  it('can nevertheless run Pods, with a service account of the namespace', async () => {
    expect(await as('writer', ['create', '-f', '-'], sequentialJob('by-writer'))).toMatchObject({ code: 0 });
    await namespace.untilFinished('by-writer');
    expect(await namespace.pods('by-writer')).toMatchObject([{ spec: { serviceAccountName: 'mighty' } }]);
  });

  it('may not write the status, and may not write to another namespace', async () => {
    const path = `/apis/batch.example.com/v1beta1/namespaces/${namespace.name}/sequentialjobs/by-writer/status`;
    const status = ['replace', '--raw', path, '-f', '-'];
    expect(await as('writer', status, { kind: 'SequentialJob' })).toMatchObject(FORBIDDEN);
    const elsewhere = ['--as=writer', '--namespace=default', 'create', '-f', '-'];
    expect(await tryKubectl(elsewhere, sequentialJob('far'))).toMatchObject(FORBIDDEN);
  });
});

describe('a quota of SequentialJobs', () => {
  const create = (name: string): Promise<CommandResult> =>
    namespace.kubectl(['create', '-f', '-'], sequentialJob(name));

  it('limits their number in a namespace', async () => {
    const { stdout } = await namespace.kubectl(['get', 'sequentialjobs', '-o', 'name']);
    const hard = stdout.split('\n').filter((line) => line !== '').length + 1;
    // The quota controller learns of a new kind within half a minute, and syncs an older quota minutes later: so it is created
    // again each time. Until it has counted, the API server allows nothing.
    await eventually(
      'room for the last one',
      async () => {
        const count = `--hard=count/sequentialjobs.batch.example.com=${hard}`;
        await namespace.kubectl(['create', 'quota', 'few', count]);
        await sleep(1000);
        if ((await create('last')).code === 0) return true;
        await namespace.kubectl(['delete', 'quota', 'few']);
        return false;
      },
      90,
    );
    expect(await create('one-more')).toMatchObject({ code: 1, stderr: expect.stringMatching(/forbidden.*\bfew\b/) });
  }, 120_000);

  afterAll(async () => {
    await namespace.kubectl(['delete', 'quota', 'few', '--ignore-not-found']);
    await eventually('room again', async () => (await create('room')).code === 0);
  });
});

describe('a user who may only view SequentialJobs', () => {
  beforeAll(async () => {
    await permitSequentialJobs('reader', 'get', 'list');
    const { steps } = sequence(1, { 0: 'echo "password: hunter2" >&2; exit 1' });
    const quiet = steps.map((one) => Object.assign({}, one, { terminationMessagePolicy: 'File' }));
    await namespace.apply('loud', { steps, job: { backoffLimit: 0 } });
    await namespace.apply('quiet', { steps: quiet, job: { backoffLimit: 0 } });
    for (const name of ['loud', 'quiet']) await namespace.untilFinished(name);
  });

  it('may read no Pods, Jobs, Events, Secrets or logs', async () => {
    for (const plural of ['pods', 'jobs', 'events', 'secrets']) {
      expect(await as('reader', ['get', plural])).toMatchObject(FORBIDDEN);
    }
    const [pod] = await namespace.podNames();
    expect(await as('reader', ['logs', String(pod)])).toMatchObject(FORBIDDEN);
  });

  it.each([
    ['loud', 'reads the end of the log of a container that failed', true],
    ['quiet', 'does not where the container has terminationMessagePolicy File', false],
  ])('of %s %s', async (name, _what, isRead) => {
    const { stdout } = await as('reader', ['get', 'sequentialjob', name, '-o', 'jsonpath={.status}']);
    expect(stdout).toContain('"state":"Failed"');
    expect(stdout.includes('hunter2')).toBe(isRead);
  });
});

describe('a user who may only create Pods', () => {
  it('cannot delay a resume with the labels of a failed step, even after a restart of the controller', async () => {
    await namespace.apply('victim', sequence(1, { 0: 'exit 3' }));
    const { status } = await namespace.untilFinished('victim');
    const [job] = await namespace.jobs('victim');
    const uid = String(status?.steps?.[0]?.jobUID);
    // A Pod that looks like one of this Job, with all that the Job controller writes but the owner.
    const labels = { ...job?.metadata.labels, 'batch.kubernetes.io/controller-uid': uid, 'controller-uid': uid };
    const metadata = { name: 'forged', labels, finalizers: ['batch.kubernetes.io/job-tracking'] };
    const { steps: containers } = sequence(1, { 0: FOREVER });
    const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers };
    await namespace.createObject(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
    await eventually('the Pod runs', async () =>
      (await namespace.pods()).some((pod) => pod.metadata.name === 'forged' && pod.status.phase === 'Running'),
    );
    await here.restart();
    await namespace.resume('victim', 1);
    await namespace.until('victim', (one) => one.status?.steps?.[0]?.jobName === 'victim-0-s0-r1');
    expect(JSON.stringify((await namespace.untilFinished('victim')).status)).not.toContain('forged');
    await namespace.patchObject(PODS, 'forged', { metadata: { finalizers: null } });
    await kubectl('-n', namespace.name, 'delete', 'pod', 'forged', '--grace-period=0', '--force');
  });
});

describe('a user who may write the status', () => {
  it('cannot make the controller change a Job of another owner', async () => {
    const spec = { template: podTemplate(FOREVER) };
    await namespace.createObject(JOBS, { metadata: { name: 'nightly' }, spec });
    const jobUID = (await namespace.job('nightly'))?.metadata.uid;
    await here.crash();
    await namespace.apply('liar', sequence(1, {}, { activeDeadlineSeconds: 5 }));
    const startTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const steps = [{ index: 0, name: 's0', jobName: 'nightly', jobUID, state: 'Running' }];
    await namespace.setStatus('liar', { startTime, phase: 'Running', steps });
    await here.restart();
    const { status } = await namespace.untilFinished('liar');
    expect(status?.progress?.failureMessage).toContain('"nightly" is not controlled by this SequentialJob');
    const job = await namespace.job('nightly');
    expect(job?.spec).not.toHaveProperty('activeDeadlineSeconds');
    expect(job?.spec).not.toHaveProperty('suspend', true);
    await namespace.deleteObject(JOBS, 'nightly');
  });
});

it('escape sequences in the output of a container are removed from the status and from Events', async () => {
  const words = String.raw`printf '\033]0;pwned\007\033[31mbad\302\2332J\342\200\256txt' > /dev/termination-log; exit 1`;
  await namespace.apply('loud-escapes', sequence(1, { 0: words }));
  const { status } = await namespace.untilFinished('loud-escapes');
  expect(status?.steps?.[0]?.message).toBe('badtxt');
  expect(harmfulIn(status)).toEqual([]);
  expect(await namespace.describe('loud-escapes')).toContain('badtxt');
});
