/** The virtual node on a real control plane: what a Pod may expect of it, seen through the API and kubectl. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { CONFIG_MAPS, JOBS, PERSISTENT_VOLUME_CLAIMS, type Resource, SECRETS } from '../../shared/kube/resources.ts';
import { kubectl, PODS } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withNamespace } from '../support/with-controller.ts';

const { namespace } = withNamespace('node');

interface State {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message?: string };
}

interface Pod {
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly state: State }[];
  };
}

/** Creates a Job whose container runs a script. With `restartPolicy: OnFailure` it may fail twice, else not at all. */
async function run(name: string, script: string, container: object = {}, pod: object = {}): Promise<void> {
  const main = { name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script], ...container };
  const backoffLimit = 'restartPolicy' in pod ? 2 : 0;
  const template = { spec: { restartPolicy: 'Never', containers: [main], ...pod } };
  await namespace.createObject(JOBS, { metadata: { name }, spec: { backoffLimit, template } });
}

const logs = (...args: readonly string[]): Promise<string> => kubectl('logs', `--namespace=${namespace.name}`, ...args);
const podOf = async (job: string): Promise<Pod | undefined> =>
  (await namespace.list<Pod>(PODS, { labelSelector: `job-name=${job}` }))[0];
const stateOf = ({ status }: Pod): State => status.containerStatuses?.[0]?.state ?? {};
const create = (resource: Resource, name: string, more: object): Promise<void> =>
  namespace.createObject(resource, { metadata: { name }, ...more });

async function until(job: string, wanted: (pod: Pod) => boolean): Promise<Pod> {
  return eventually(`the Pod of ${job} as wanted`, async () => {
    const pod = await podOf(job);
    return pod !== undefined && wanted(pod) && pod;
  });
}

const untilEnded = (job: string): Promise<Pod> =>
  until(job, ({ status }) => ['Succeeded', 'Failed'].includes(status.phase));

/** The output of a Job that has succeeded. */
async function outputOf(job: string): Promise<string> {
  expect((await untilEnded(job)).status.phase).toBe('Succeeded');
  return logs(`job/${job}`);
}

async function deleteAndWait(job: string): Promise<void> {
  await kubectl('delete', 'job', job, `--namespace=${namespace.name}`);
  await eventually('the Pod deleted', async () => (await podOf(job)) === undefined, 10);
}

describe('a container', () => {
  it('that succeeds has a log, and is Completed', async () => {
    await run('good', 'echo to stdout; echo to stderr >&2; echo last');
    expect(await outputOf('good')).toBe('to stdout\nto stderr\nlast\n');
    expect(stateOf(await untilEnded('good')).terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(await logs('job/good', '--tail=1')).toBe('last\n');
    await expect(logs('job/good', '--previous')).rejects.toThrow(/previous terminated container "main".*not found/);
  });

  it('that fails has an exit code, and the end of its log as termination message', async () => {
    await run('bad', 'echo "no such table" >&2; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' });
    const pod = await untilEnded('bad');
    expect(pod.status.phase).toBe('Failed');
    const terminated = { exitCode: 3, reason: 'Error', message: 'no such table\n' };
    expect(stateOf(pod).terminated).toMatchObject(terminated);
  });

  it('may write a termination message', async () => {
    await run('message', 'echo "42 rows" > /dev/termination-log');
    expect(stateOf(await untilEnded('message')).terminated?.message).toBe('42 rows\n');
  });

  it('is followed by kubectl logs until it ends', async () => {
    await run('slow', 'for i in 1 2 3; do echo $i; sleep 0.3; done');
    await until('slow', ({ status }) => status.phase === 'Running');
    expect(await logs('--follow', 'job/slow')).toBe('1\n2\n3\n');
  });

  it('writes to its own copy of the file system, which is deleted with it', async () => {
    await run('writer', 'mkdir /made-by-test && echo x > /etc/made-by-test && ls -d /made-by-test');
    await outputOf('writer');
    await expect(readFile('/etc/made-by-test')).rejects.toThrow('ENOENT');
  });

  it('without a command cannot be created', async () => {
    await run('image-only', '', { command: [] });
    const pod = await until('image-only', (one) => stateOf(one).waiting?.reason === 'CreateContainerError');
    expect(stateOf(pod).waiting?.message).toContain('the local node has no images');
  });

  it('is restarted when it fails, if the restartPolicy says so', async () => {
    const volumeMounts = [{ name: 'w', mountPath: '/w' }];
    const pod = { restartPolicy: 'OnFailure', volumes: [{ name: 'w', emptyDir: {} }] };
    await run('retry', 'test -e /w/again || { touch /w/again; exit 1; }', { volumeMounts }, pod);
    const { status } = await untilEnded('retry');
    expect(status).toMatchObject({ phase: 'Succeeded', containerStatuses: [{ restartCount: 1 }] });
    expect(await logs('job/retry', '--previous')).toBe('');
  });
});

describe('a Pod', () => {
  it('that is deleted leaves no process, not even in the background', async () => {
    // Process ids as the machine sees them, through the volume of the host.
    const script = 'sleep 300 & read -r pid rest < /host/self/stat; echo $pid; wait';
    const volumeMounts = [{ name: 'proc', mountPath: '/host' }];
    await run('endless', script, { volumeMounts }, { volumes: [{ name: 'proc', hostPath: { path: '/proc' } }] });
    await until('endless', ({ status }) => status.phase === 'Running');
    const processId = await eventually('the process id', async () => (await logs('job/endless')).trim() || false);
    await readFile(`/proc/${processId}/stat`);
    await deleteAndWait('endless');
    await expect(readFile(`/proc/${processId}/stat`)).rejects.toThrow('ENOENT');
  });

  it('that ignores SIGTERM is killed after its grace period', async () => {
    const script = 'trap "" TERM; echo up; while :; do sleep 0.1; done';
    await run('stubborn', script, {}, { terminationGracePeriodSeconds: 1 });
    await eventually('its output', async () => (await logs('job/stubborn')) === 'up\n');
    await deleteAndWait('stubborn');
  });

  it('whose deadline passes fails with DeadlineExceeded', async () => {
    await run('late', 'sleep 300', {}, { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 });
    expect((await untilEnded('late')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('whose node selector matches no node stays Pending, with a message of the scheduler', async () => {
    await run('nowhere', 'true', {}, { nodeSelector: { disk: 'ssd' } });
    const isTried = ({ status }: Pod): boolean =>
      status.conditions?.some(({ type }) => type === 'PodScheduled') === true;
    const { status } = await until('nowhere', isTried);
    expect(status.phase).toBe('Pending');
    const message = expect.stringContaining('0/1 nodes are available');
    const unschedulable = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    expect(status.conditions).toContainEqual(expect.objectContaining(unschedulable));
  });
});

describe('volumes', () => {
  it('an emptyDir keeps data from an init container to a container', async () => {
    const volumeMounts = [{ name: 'work', mountPath: '/work/deep' }];
    const initContainers = ['echo one > /work/deep/f', 'echo two >> /work/deep/f'].map((script, i) => ({
      name: `init-${i}`,
      image: 'busybox:1.36',
      command: ['sh', '-c', script],
      volumeMounts,
    }));
    const pod = { initContainers, volumes: [{ name: 'work', emptyDir: {} }] };
    await run('init', 'cat /work/deep/f', { volumeMounts }, pod);
    expect(await outputOf('init')).toBe('one\ntwo\n');
  });

  it('a claim keeps data from one Job to the next', async () => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } };
    await create(PERSISTENT_VOLUME_CLAIMS, 'shared', { spec });
    const pod = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'shared' } }] };
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    await run('claim-writer', 'echo kept > /data/f', { volumeMounts }, pod);
    await outputOf('claim-writer');
    await run('claim-reader', 'cat /data/f', { volumeMounts }, pod);
    expect(await outputOf('claim-reader')).toBe('kept\n');
  });
});

describe('the environment', () => {
  it('comes from values, ConfigMaps, Secrets and fields', async () => {
    await create(CONFIG_MAPS, 'settings', { data: { MODE: 'fast', SIZE: '3' } });
    await create(SECRETS, 'login', { stringData: { password: "it's" } });
    const env = [
      { name: 'GREETING', value: 'hello $(MODE)' },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
      { name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ];
    const envFrom = [{ configMapRef: { name: 'settings' } }];
    await run('env', 'echo "$GREETING,$SIZE,$PASSWORD,$WHERE,$(GREETING)"', { env, envFrom });
    expect(await outputOf('env')).toBe(`hello fast,3,it's,${namespace.name},hello fast\n`);
  });

  it.each<[string, string, readonly [object, object?], string]>([
    [
      'file',
      'cat /key/token',
      [
        { volumeMounts: [{ name: 'key', mountPath: '/key', readOnly: true }] },
        { volumes: [{ name: 'key', secret: { secretName: 'late-file' } }] },
      ],
      'MountVolume.SetUp failed for volume "key" : secret "late-file" not found',
    ],
    [
      'variable',
      'printf %s $TOKEN',
      [{ env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'late-variable', key: 'token' } } }] }],
      'secret "late-variable" not found',
    ],
  ])('a missing Secret keeps a Pod waiting until it exists: as a %s', async (kind, script, more, message) => {
    await run(`secret-${kind}`, script, ...more);
    const waiting = await until(`secret-${kind}`, (one) => stateOf(one).waiting?.message !== undefined);
    expect(stateOf(waiting).waiting?.message).toBe(message);
    await create(SECRETS, `late-${kind}`, { stringData: { token: 'abc' } });
    expect(await outputOf(`secret-${kind}`)).toBe('abc');
  });
});
