/** What docs/threat-model.md says of people, tried by people: with a role that has SequentialJobs in it and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { JOBS, PODS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { kubectl, type CommandResult, tryKubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { harmfulIn } from '../support/harmful-text.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, sequence } from '../support/sequences.ts';

const here = withController('threat');

/** kubectl in the namespace, as somebody who may do this with SequentialJobs. */
const as = async (user: string, args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> =>
  tryKubectl([`--as=${user}`, `--namespace=${here.namespace.name}`, ...args], ...objects);

const sequentialJob = (name: string, script: string): object => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name },
  spec: sequence(1, { 0: script }, { template: { spec: { containers: [], serviceAccountName: 'mighty' } } }),
});

const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'direct' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: sequence(1).containers } } },
};

async function permit(user: string, verbs: readonly string[], resources: readonly string[]): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name: user, namespace: here.namespace.name };
  const rules = [{ apiGroups: ['batch.example.com'], resources, verbs }];
  const roleRef = { apiGroup, kind: 'Role', name: user };
  const applied = await tryKubectl(
    ['apply', '-f', '-'],
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects: [{ apiGroup, kind: 'User', name: user }] },
  );
  expect(applied).toMatchObject({ code: 0 });
}

const FORBIDDEN = { code: 1, stderr: expect.stringContaining('orbidden') };

describe('who may create SequentialJobs and nothing else', () => {
  beforeAll(async () => {
    await permit('writer', ['get', 'create', 'update', 'patch'], ['sequentialjobs']);
    const name = 'mighty';
    await here.namespace.create({ root: '/api/v1', plural: 'serviceaccounts' }, { metadata: { name } });
  });

  it('may create no Job', async () => {
    expect(await as('writer', ['create', '-f', '-'], job)).toMatchObject(FORBIDDEN);
  });

  it('runs Pods all the same, with a service account of the namespace', async () => {
    expect(await as('writer', ['create', '-f', '-'], sequentialJob('by-writer', 'true'))).toMatchObject({ code: 0 });
    await here.namespace.untilFinished('by-writer');
    const pods = (await here.namespace.pods('by-writer')) as readonly { readonly spec: object }[];
    expect(pods.map(({ spec }) => spec)).toMatchObject([{ serviceAccountName: 'mighty' }]);
  });

  it('may not say what has run: the status is the controller’s', async () => {
    const { name } = here.namespace;
    const path = `/apis/batch.example.com/v1alpha1/namespaces/${name}/sequentialjobs/by-writer/status`;
    const written = await tryKubectl(['--as=writer', 'replace', '--raw', path, '-f', '-'], { kind: 'SequentialJob' });
    expect(written).toMatchObject(FORBIDDEN);
  });

  it('may not reach another namespace', async () => {
    const elsewhere = await tryKubectl(
      ['--as=writer', '--namespace=default', 'create', '-f', '-'],
      sequentialJob('far', 'true'),
    );
    expect(elsewhere).toMatchObject(FORBIDDEN);
  });
});

describe('a quota of SequentialJobs', () => {
  const quota = (...args: readonly string[]): Promise<CommandResult> =>
    tryKubectl([...args, '--namespace', here.namespace.name]);
  const create = (name: string): Promise<CommandResult> =>
    tryKubectl(['create', '-n', here.namespace.name, '-f', '-'], sequentialJob(name, 'true'));

  it('bounds how many there are in a namespace', async () => {
    const { stdout } = await tryKubectl(['get', 'sequentialjobs', '-n', here.namespace.name, '-o', 'name']);
    const there = stdout.split('\n').filter((line) => line !== '').length;
    // The quota controller comes to know a new kind within half a minute, and looks at a quota of before minutes later: so it is
    // made anew each time. Until it has counted, the API server lets nothing in.
    await eventually(
      'room for the last one',
      async () => {
        await quota('create', 'quota', 'few', `--hard=count/sequentialjobs.batch.example.com=${there + 1}`);
        await sleep(1000);
        if ((await create('last')).code === 0) return true;
        await quota('delete', 'quota', 'few');
        return undefined;
      },
      90,
    );
    expect(await create('one-more')).toMatchObject({ code: 1, stderr: expect.stringMatching(/forbidden.*\bfew\b/) });
  }, 120_000);

  afterAll(async () => {
    await quota('delete', 'quota', 'few', '--ignore-not-found');
    await eventually('room again', async () => (await create('room')).code === 0);
  });
});

describe('who may view SequentialJobs and nothing else', () => {
  beforeAll(async () => {
    await permit('reader', ['get', 'list'], ['sequentialjobs']);
    const { containers } = sequence(1, { 0: 'echo "password: hunter2" >&2; exit 1' });
    await here.namespace.apply('loud', { containers, backoffLimit: 0 });
    const quiet = containers.map((one) => Object.assign({}, one, { terminationMessagePolicy: 'File' }));
    await here.namespace.apply('quiet', { containers: quiet, backoffLimit: 0 });
    await here.namespace.untilFinished('loud');
    await here.namespace.untilFinished('quiet');
  });

  it.each([['pods'], ['jobs'], ['events'], ['secrets']])('may not read %s', async (plural) => {
    expect(await as('reader', ['get', plural])).toMatchObject(FORBIDDEN);
  });

  it('may not read a log', async () => {
    const [pod] = await here.namespace.podNames();
    expect(await as('reader', ['logs', String(pod)])).toMatchObject(FORBIDDEN);
  });

  it('reads the end of it all the same, where a container failed', async () => {
    const { stdout } = await as('reader', ['get', 'sequentialjob', 'loud', '-o', 'jsonpath={.status}']);
    expect(stdout).toContain('password: hunter2');
  });

  it('does not, where the container keeps its log for itself', async () => {
    const { stdout } = await as('reader', ['get', 'sequentialjob', 'quiet', '-o', 'jsonpath={.status}']);
    expect(stdout).toContain('"state":"Failed"');
    expect(stdout).not.toContain('hunter2');
  });
});

describe('who may create Pods and nothing else', () => {
  const LABEL = 'batch.kubernetes.io/controller-uid';

  /** A Pod that runs and says that it is this Job's, with all that the Job controller writes but the owner. */
  async function forge(
    name: string,
    labels: Readonly<Record<string, string>> | undefined,
    jobUID: string,
  ): Promise<void> {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        labels: { ...labels, [LABEL]: jobUID, 'controller-uid': jobUID },
        finalizers: ['batch.kubernetes.io/job-tracking'],
      },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        containers: sequence(1, { 0: FOREVER }).containers,
      },
    };
    await here.namespace.createObject(PODS, pod);
    await eventually('the Pod runs', async () => {
      const pods = (await here.namespace.pods()) as readonly {
        metadata: { name: string };
        status?: { phase?: string };
      }[];
      return pods.some(({ metadata, status }) => metadata.name === name && status?.phase === 'Running');
    });
  }

  const release = async (name: string): Promise<void> => {
    const patch = ['patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'];
    await kubectl('-n', here.namespace.name, ...patch);
    await kubectl('-n', here.namespace.name, 'delete', 'pod', name, '--grace-period=0', '--force');
  };

  it('holds no resume back with the labels of a failed step, also after a restart of the controller', async () => {
    await here.namespace.apply('victim', sequence(1, { 0: 'exit 3' }));
    const { status } = await here.namespace.untilFinished('victim');
    const [job] = await here.namespace.jobs('victim');
    await forge('forged', job?.metadata.labels, String(status?.steps?.[0]?.jobUID));
    await here.crash();
    await here.restart();
    await here.namespace.patch('victim', { spec: { resume: 1 } });
    await here.namespace.until('victim', (one) => one.status?.steps?.[0]?.jobName === 'victim-0-s0-r1');
    const after = await here.namespace.untilFinished('victim');
    expect(JSON.stringify(after.status)).not.toContain('forged');
    await release('forged');
  });
});

describe('who may write statuses', () => {
  it("has nobody else's Job suspended or ended", async () => {
    const { name } = here.namespace;
    const spec = { template: { spec: { restartPolicy: 'Never', containers: sequence(1, { 0: FOREVER }).containers } } };
    await here.namespace.createObject(JOBS, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'nightly' },
      spec,
    });
    const uid = await kubectl('-n', name, 'get', 'job', 'nightly', '-o', 'jsonpath={.metadata.uid}');
    await here.crash();
    await here.namespace.apply('liar', sequence(1, {}, { activeDeadlineSeconds: 5 }));
    const step = { index: 0, name: 's0', jobName: 'nightly', jobUID: uid, state: 'Running' };
    await here.client.request({
      method: 'PATCH',
      path: `/apis/batch.example.com/v1alpha1/namespaces/${name}/sequentialjobs/liar/status`,
      contentType: PATCH_TYPE.merge,
      body: {
        status: { startTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'), phase: 'Running', steps: [step] },
      },
    });
    await here.restart();
    const { status } = await here.namespace.untilFinished('liar');
    expect(status?.progress?.failureMessage).toContain(
      'Job "nightly" is not controlled by this SequentialJob, so the operator does not change it',
    );
    const { stdout } = await tryKubectl(['-n', name, 'get', 'job', 'nightly', '-o', 'json']);
    const job = JSON.parse(stdout) as { spec: object; metadata: { annotations?: object } };
    expect(job.spec).not.toHaveProperty('activeDeadlineSeconds');
    expect(job.spec).not.toHaveProperty('suspend', true);
    await kubectl('-n', name, 'delete', 'job', 'nightly');
  });
});

it('what a container says obeys nobody’s terminal: it stands in status and Events without its escape sequences', async () => {
  const words = String.raw`printf '\033]0;pwned\007\033[31mbad\302\2332J\342\200\256txt' > /dev/termination-log; exit 1`;
  await here.namespace.apply('loud-escapes', sequence(1, { 0: words }));
  const { status } = await here.namespace.untilFinished('loud-escapes');
  expect(status?.steps?.[0]?.message).toBe('badtxt');
  expect(harmfulIn(status)).toEqual([]);
  expect(await here.namespace.describe('loud-escapes')).toContain('badtxt');
});
