/** The virtual node on a real control plane: what a Pod may expect of it, seen through the API and kubectl. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { type ApiClient } from '../../shared/kube/client.ts';
import { create, createJob, podOf, shell, type RawPod } from '../support/batch-jobs.ts';
import { connect, kubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';

let client: ApiClient;
let namespace: Namespace;

beforeAll(() => {
  client = connect();
});
afterAll(() => client.close());
beforeEach(async () => {
  namespace = await Namespace.create(client, 'node');
});
afterEach(() => namespace.remove());

const job = (name: string, podSpec: object): Promise<void> => createJob(client, namespace.name, name, podSpec);
const logs = (...args: readonly string[]): Promise<string> => kubectl('logs', `--namespace=${namespace.name}`, ...args);

function pod(name: string, wanted: (pod: RawPod) => boolean): Promise<RawPod> {
  return eventually(`the pod of ${name} as wanted`, async () => {
    const found = await podOf(client, namespace.name, name);
    return found !== undefined && wanted(found) ? found : undefined;
  });
}
const ended = ({ status }: RawPod): boolean => ['Succeeded', 'Failed'].includes(status.phase);
const stateOf = ({ status }: RawPod): NonNullable<RawPod['status']['containerStatuses']>[number]['state'] | undefined =>
  status.containerStatuses?.[0]?.state;

async function isRunning(processId: string): Promise<boolean> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined;
}

describe('a container', () => {
  it('that succeeds leaves its log and says Completed', async () => {
    await job('good', shell('echo to stdout; echo to stderr >&2; echo last'));
    const done = await pod('good', ended);
    expect(done.status.phase).toBe('Succeeded');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(await logs('job/good')).toBe('to stdout\nto stderr\nlast\n');
    expect(await logs('job/good', '--tail=1')).toBe('last\n');
    await expect(logs('job/good', '--previous')).rejects.toThrow(/previous terminated container "main".*not found/);
  });

  it('that fails tells its exit code and its last words', async () => {
    await job('bad', shell('echo "no such table" >&2; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' }));
    const done = await pod('bad', ended);
    expect(done.status.phase).toBe('Failed');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'no such table\n' });
  });

  it('may leave a message in its termination message file', async () => {
    await job('message', shell('echo "42 rows" > /dev/termination-log'));
    expect(stateOf(await pod('message', ended))?.terminated?.message).toBe('42 rows\n');
  });

  it('is followed by kubectl logs until it ends', async () => {
    await job('slow', shell('for i in 1 2 3; do echo $i; sleep 0.3; done'));
    await pod('slow', ({ status }) => status.phase === 'Running');
    expect(await logs('--follow', 'job/slow')).toBe('1\n2\n3\n');
  });

  it('writes to its own copy of the machine, which goes with it', async () => {
    await job('writer', shell('mkdir /made-by-test && echo x > /etc/made-by-test && ls -d /made-by-test'));
    expect((await pod('writer', ended)).status.phase).toBe('Succeeded');
    await expect(readFile('/etc/made-by-test')).rejects.toThrow('ENOENT');
  });

  it('without a command cannot be known', async () => {
    await job('image-only', shell('', { command: [] }));
    const stuck = await pod('image-only', (found) => stateOf(found)?.waiting?.reason === 'CreateContainerError');
    expect(stateOf(stuck)?.waiting?.message).toContain('the local node has no images');
  });

  it('is restarted when it fails and the policy says so', async () => {
    const podSpec = shell('test -e /w/again || { touch /w/again; exit 1; }', {
      volumeMounts: [{ name: 'w', mountPath: '/w' }],
    });
    await job('retry', { ...podSpec, restartPolicy: 'OnFailure', volumes: [{ name: 'w', emptyDir: {} }] });
    expect((await pod('retry', ended)).status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ restartCount: 1 }],
    });
    expect(await logs('job/retry', '--previous')).toBe('');
  });
});

describe('deletion', () => {
  it('ends the processes, also those in the background, and removes the object', async () => {
    // Process ids as the machine sees them, through the volume of the host.
    const script = 'sleep 300 & read -r pid rest < /host/self/stat; echo $pid; wait';
    const volume = { volumes: [{ name: 'proc', hostPath: { path: '/proc' } }] };
    await job('endless', shell(script, { volumeMounts: [{ name: 'proc', mountPath: '/host' }] }, volume));
    await pod('endless', ({ status }) => status.phase === 'Running');
    const processId = await eventually('the process id', async () => (await logs('job/endless')).trim() || undefined);
    expect(await isRunning(processId)).toBe(true);
    await kubectl('delete', 'job', 'endless', `--namespace=${namespace.name}`);
    await eventually('the pod gone', async () => (await podOf(client, namespace.name, 'endless')) === undefined, 10);
    expect(await isRunning(processId)).toBe(false);
  });

  it('gives a container that ignores SIGTERM its grace period and no more', async () => {
    await job(
      'stubborn',
      shell('trap "" TERM; echo up; while :; do sleep 0.1; done', {}, { terminationGracePeriodSeconds: 1 }),
    );
    await eventually('its first words', async () => (await logs('job/stubborn')) === 'up\n');
    await kubectl('delete', 'job', 'stubborn', `--namespace=${namespace.name}`);
    await eventually('the pod gone', async () => (await podOf(client, namespace.name, 'stubborn')) === undefined, 10);
  });
});

describe('the deadline of a pod', () => {
  it('ends it as DeadlineExceeded', async () => {
    await job('late', shell('sleep 300', {}, { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 }));
    expect((await pod('late', ended)).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });
});

describe('volumes', () => {
  it('an emptyDir carries data from an init container to a container', async () => {
    const volumeMounts = [{ name: 'work', mountPath: '/work/deep' }];
    const initContainers = [
      { name: 'first', image: 'busybox:1.36', command: ['sh', '-c', 'echo one > /work/deep/f'], volumeMounts },
      { name: 'second', image: 'busybox:1.36', command: ['sh', '-c', 'echo two >> /work/deep/f'], volumeMounts },
    ];
    await job(
      'init',
      shell('cat /work/deep/f', { volumeMounts }, { initContainers, volumes: [{ name: 'work', emptyDir: {} }] }),
    );
    await pod('init', ended);
    expect(await logs('job/init')).toBe('one\ntwo\n');
  });

  it('a claim carries data from one job to the next', async () => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } };
    await create(client, namespace.name, 'persistentvolumeclaims', { metadata: { name: 'shared' }, spec });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'shared' } }];
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    await job('writer', shell('echo kept > /data/f', { volumeMounts }, { volumes }));
    expect((await pod('writer', ended)).status.phase).toBe('Succeeded');
    await job('reader', shell('cat /data/f', { volumeMounts }, { volumes }));
    await pod('reader', ended);
    expect(await logs('job/reader')).toBe('kept\n');
  });

  it('a missing secret holds the pod until it is there', async () => {
    const volumes = [{ name: 'key', secret: { secretName: 'late' } }];
    await job(
      'secret-file',
      shell('cat /key/token', { volumeMounts: [{ name: 'key', mountPath: '/key', readOnly: true }] }, { volumes }),
    );
    const stuck = await pod('secret-file', (found) => stateOf(found)?.waiting?.message !== undefined);
    expect(stateOf(stuck)?.waiting?.message).toBe(
      'MountVolume.SetUp failed for volume "key" : secret "late" not found',
    );
    await create(client, namespace.name, 'secrets', { metadata: { name: 'late' }, stringData: { token: 'abc' } });
    await pod('secret-file', ended);
    expect(await logs('job/secret-file')).toBe('abc');
  });
});

describe('the environment', () => {
  it('comes from values, config maps, secrets and fields', async () => {
    await create(client, namespace.name, 'configmaps', {
      metadata: { name: 'settings' },
      data: { MODE: 'fast', SIZE: '3' },
    });
    await create(client, namespace.name, 'secrets', { metadata: { name: 'login' }, stringData: { password: "it's" } });
    const env = [
      { name: 'GREETING', value: 'hello $(MODE)' },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
      { name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ];
    const envFrom = [{ configMapRef: { name: 'settings' } }];
    await job('env', shell('echo "$GREETING,$SIZE,$PASSWORD,$WHERE,$(GREETING)"', { env, envFrom }));
    await pod('env', ended);
    expect(await logs('job/env')).toBe(`hello fast,3,it's,${namespace.name},hello fast\n`);
  });

  it('a missing secret is a configuration error until it is there', async () => {
    const env = [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'later', key: 'password' } } }];
    await job('secret-env', shell('echo $PASSWORD', { env }));
    const stuck = await pod('secret-env', (found) => stateOf(found)?.waiting?.reason === 'CreateContainerConfigError');
    expect(stateOf(stuck)?.waiting?.message).toBe('secret "later" not found');
    await create(client, namespace.name, 'secrets', { metadata: { name: 'later' }, stringData: { password: 'open' } });
    await pod('secret-env', ended);
    expect(await logs('job/secret-env')).toBe('open\n');
  });
});

describe('placement', () => {
  it('a pod whose node selector matches nothing stays Pending, with the reason', async () => {
    await job('nowhere', shell('true', {}, { nodeSelector: { disk: 'ssd' } }));
    const stuck = await pod(
      'nowhere',
      ({ status }) => status.conditions?.some(({ type }) => type === 'PodScheduled') === true,
    );
    expect(stuck.status.phase).toBe('Pending');
    expect(stuck.status.conditions?.find(({ type }) => type === 'PodScheduled')).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message: expect.stringContaining('0/1 nodes are available'),
    });
  });
});
