/** Waiting that explains itself: what is missing, and Pods that cannot start; cleared when it is there. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import type { Condition, SequentialJob } from '../../shared/api/types.ts';
import { CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS, SECRETS } from '../../shared/kube/resources.ts';
import { kubectl } from '../support/cluster.ts';
import { withController } from '../support/with-controller.ts';
import { QUOTA, withoutRoomFor } from '../support/quota.ts';
import { setSuspend } from '../support/suspend-job.ts';
import { gated, sequence, step, waitsOrStops, withConfigMap, withSecret } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('waiting');

const unavailable = (object: SequentialJob): Condition | undefined =>
  getCondition(object.status?.conditions, 'ResourcesUnavailable');

const untilWaiting = (name: string, reason: string): Promise<SequentialJob> =>
  here.namespace.until(
    name,
    (object) => unavailable(object)?.status === 'True' && unavailable(object)?.reason === reason,
  );

async function expectCompleted(name: string): Promise<void> {
  const object = await here.namespace.untilFinished(name);
  expect(object.status?.phase).toBe('Completed');
  expect(unavailable(object)).toMatchObject({
    status: 'False',
    reason: 'ResourcesAvailable',
    message: 'All objects referenced by the current step exist',
  });
}

const create = (resource: typeof SECRETS, name: string, contents: object): Promise<void> =>
  here.namespace.create(resource, { metadata: { name }, ...contents });

const TOKEN = { stringData: { token: 'x' } };

describe('a first step that needs a ConfigMap which is not there', () => {
  it('waits, and says for what', async () => {
    await here.namespace.apply('first', { containers: [withConfigMap(step('s0'), 'early'), step('s1')] });
    const object = await untilWaiting('first', 'ConfigMapNotFound');
    expect(unavailable(object)?.message).toBe('ConfigMap "early" not found');
    expect(getCondition(object.status?.conditions, 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ResourcesUnavailable',
      message: 'Step 0 (s0) cannot start: ConfigMap "early" not found',
    });
    expect(await here.namespace.jobNames('first')).toEqual([]);
    expect((await here.namespace.columns('first')).slice(0, 4)).toEqual(['first', 'Pending', '0/2', 's0']);
    expect(await kubectl('get', 'sj', 'first', '-n', here.namespace.name, '-o', 'wide')).toContain(
      'Step 0 (s0) cannot start: ConfigMap "early" not found',
    );
    await here.namespace.untilEvent('first', 'DependencyMissing');
    const message = 'Step 0 (s0) cannot start: ConfigMap "early" not found';
    expect(await here.namespace.recordedEvents('first')).toEqual([['DependencyMissing', message, 1]]);
  });

  it('has not started: its time does not run, and its spec may change', async () => {
    const { status } = await here.namespace.get('first');
    expect(status?.startTime).toBeUndefined();
    await here.namespace.patch('first', {
      spec: { containers: [withConfigMap(step('renamed'), 'other'), step('s1')], activeDeadlineSeconds: 60 },
    });
    const object = await here.namespace.until('first', (one) => one.status?.observedGeneration === 2);
    expect(unavailable(object)).toMatchObject({ status: 'True', message: 'ConfigMap "other" not found' });
    expect(object.status?.startTime).toBeUndefined();
  });

  it('goes on by itself when it comes, also with a controller that was started since', async () => {
    await here.crash();
    await here.restart();
    await create(CONFIG_MAPS, 'other', { data: { token: 'x' } });
    await expectCompleted('first');
    expect(await here.namespace.jobNames('first')).toEqual(['first-0-renamed', 'first-1-s1']);
  });
});

describe('a later step that needs what is not there', () => {
  const configMap = { ...step('s1'), envFrom: [{ configMapRef: { name: 'settings' } }] };
  const claim = { ...step('s1', 'touch /data/x'), volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }];

  beforeAll(async () => {
    await here.namespace.apply('variable', { containers: [step('s0'), withConfigMap(step('s1'), 'late')] });
    await here.namespace.apply('config', { containers: [step('s0'), configMap] });
    await here.namespace.apply('claim', {
      containers: [step('s0'), claim],
      template: { spec: { containers: [], volumes } },
    });
  });

  it('waits where it is, and the steps before have run', async () => {
    const object = await untilWaiting('variable', 'ConfigMapNotFound');
    expect(object.status).toMatchObject({ phase: 'Running', progress: { currentIndex: 1, completedIndices: [0] } });
    expect(object.status?.startTime).toBeDefined();
    expect(getCondition(object.status?.conditions, 'Progressing')).toMatchObject({
      status: 'True',
      message: 'Step 1 (s1) cannot start: ConfigMap "late" not found',
    });
    expect(unavailable(await untilWaiting('config', 'ConfigMapNotFound'))?.message).toBe(
      'ConfigMap "settings" not found',
    );
  });

  it('goes on by itself when it comes', async () => {
    await create(CONFIG_MAPS, 'late', { data: { token: 'x' } });
    await create(CONFIG_MAPS, 'settings', { data: { a: 'b' } });
    await expectCompleted('variable');
    await expectCompleted('config');
  });

  it('may need a claim, and the steps before, which do not mount it, have run without it', async () => {
    const object = await untilWaiting('claim', 'PersistentVolumeClaimNotFound');
    expect(unavailable(object)?.message).toBe('PersistentVolumeClaim "disk" not found');
    expect(object.status?.progress).toMatchObject({ currentIndex: 1, completedIndices: [0] });
    const [first] = await here.namespace.jobs('claim');
    expect(first?.spec.template.spec.volumes).toBeUndefined();
    const resources = { requests: { storage: '1Mi' } };
    await create(PERSISTENT_VOLUME_CLAIMS, 'disk', { spec: { accessModes: ['ReadWriteOnce'], resources } });
    await expectCompleted('claim');
  });
});

describe('a Secret that is not there', () => {
  it("is not asked for: the step's Pod waits for it, and the kubelet says so", async () => {
    await here.namespace.apply('secret', { containers: [step('s0'), withSecret(step('s1'), 'unmade')] });
    const object = await untilWaiting('secret', 'CreateContainerConfigError');
    const pods = await here.namespace.pods('secret');
    const pod = pods.find(({ metadata }) => metadata.name.startsWith('secret-1-s1'));
    expect(unavailable(object)?.message).toBe(`Pod "${pod?.metadata.name}": secret "unmade" not found`);
    expect(await here.namespace.jobNames('secret')).toEqual(['secret-0-s0', 'secret-1-s1']);
    expect(await here.namespace.recordedEvents('secret', 'DependencyMissing')).toEqual([]);
    expect(here.operator.says('no permission to get')).toBe(false);
    await create(SECRETS, 'unmade', TOKEN);
    await expectCompleted('secret');
  });
});

describe('what is optional', () => {
  it('holds nothing up', async () => {
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    const fromMap = { ...step('s1'), envFrom: [{ configMapRef: { name: 'nowhere', optional: true } }], volumeMounts };
    const volumes = [{ name: 'v', secret: { secretName: 'nowhere', optional: true } }];
    await here.namespace.apply('optional', {
      containers: [withConfigMap(step('s0'), 'nowhere', true), fromMap],
      template: { spec: { containers: [], volumes } },
    });
    await expectCompleted('optional');
    expect(await here.namespace.recordedEvents('optional', 'DependencyMissing')).toEqual([]);
  });
});

describe('a pull secret that is missing', () => {
  it('holds nothing up: images are pulled without it', async () => {
    const spec = { containers: [], imagePullSecrets: [{ name: 'nowhere' }] };
    await here.namespace.apply('unsecret', { ...sequence(1), template: { spec } });
    await expectCompleted('unsecret');
    const [job] = await here.namespace.jobs('unsecret');
    expect(job?.spec.template.spec.imagePullSecrets).toEqual([{ name: 'nowhere' }]);
    expect(await here.namespace.recordedEvents('unsecret', 'DependencyMissing')).toEqual([]);
  });
});

describe('a volume that no container mounts', () => {
  it('holds nothing up, and is not in the Pod', async () => {
    const volumes = [{ name: 'v', secret: { secretName: 'nowhere' } }];
    await here.namespace.apply('unmounted', { ...sequence(2), template: { spec: { containers: [], volumes } } });
    await expectCompleted('unmounted');
    for (const job of await here.namespace.jobs('unmounted')) expect(job.spec.template.spec.volumes).toBeUndefined();
  });
});

describe('a Pod that no node takes', () => {
  /** In seconds: how long after the Pod says so the sequence may, with what whole seconds and a busy machine add. */
  const SOON = 2 + 3;
  const label = { name: 'tests.example.com/disk', node: '' };

  beforeAll(async () => {
    label.node = (await kubectl('get', 'nodes', '-o', 'name')).trim();
  });

  afterAll(async () => {
    await kubectl('label', label.node, `${label.name}-`);
  });

  it("is told of in the scheduler's words, soon", async () => {
    const nodeSelector = { [label.name]: here.namespace.name };
    await here.namespace.apply('unplaced', { ...sequence(2), template: { spec: { containers: [], nodeSelector } } });
    const object = await untilWaiting('unplaced', 'Unschedulable');
    const [pod] = await here.namespace.pods('unplaced');
    expect(unavailable(object)?.message).toBe(
      `Pod "${pod?.metadata.name}": 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.`,
    );
    const visible = pod?.status.conditions?.find(({ type }) => type === 'PodScheduled')?.lastTransitionTime;
    const told = unavailable(object)?.lastTransitionTime;
    expect((Date.parse(told ?? '') - Date.parse(visible ?? '')) / 1000).toBeLessThanOrEqual(SOON);
    expect(object.status).toMatchObject({ phase: 'Running', progress: { currentIndex: 0 } });
    expect(await here.namespace.describe('unplaced')).toContain("didn't match Pod's node affinity/selector");
  });

  it('is forgotten when one does', async () => {
    await kubectl('label', label.node, `${label.name}=${here.namespace.name}`);
    await expectCompleted('unplaced');
  });
});

describe('a container that cannot be made', () => {
  it("is told of in the kubelet's words, until it can", async () => {
    await create(SECRETS, 'keyless', { stringData: { other: 'x' } });
    await here.namespace.apply('keyless', { containers: [withSecret(step('s0'), 'keyless')] });
    const object = await untilWaiting('keyless', 'CreateContainerConfigError');
    const [pod] = await here.namespace.pods('keyless');
    const words = `couldn't find key token in Secret ${here.namespace.name}/keyless`;
    expect(unavailable(object)?.message).toBe(`Pod "${pod?.metadata.name}": ${words}`);
    expect(getCondition(object.status?.conditions, 'Progressing')?.message).toBe(
      `Step 0 (s0) cannot start: Pod "${pod?.metadata.name}": ${words}`,
    );
    const patch = JSON.stringify(TOKEN);
    await kubectl('patch', 'secret', 'keyless', '-n', here.namespace.name, '--type=merge', '-p', patch);
    await expectCompleted('keyless');
  });
});

describe('a quota that lets no Pod in', () => {
  /** What the Job controller says of the Pods that it cannot create. */
  async function saidOf(job: string): Promise<readonly string[]> {
    const events = await here.namespace.events(job, 'Job');
    return events.filter(({ reason }) => reason === 'FailedCreate').map(({ message }) => message);
  }

  it("is told of in the API server's words, until it does", async () => {
    await withoutRoomFor('pods', here.namespace, async () => {
      await here.namespace.apply('crowded', sequence(1));
      const object = await untilWaiting('crowded', 'FailedCreate');
      const { message = '' } = unavailable(object) ?? {};
      expect(await saidOf('crowded-0-s0')).toContain(message);
      expect(message).toContain(QUOTA);
      expect(object.status).toMatchObject({ phase: 'Running', steps: [{ state: 'Running', jobName: 'crowded-0-s0' }] });
    });
    await expectCompleted('crowded');
  });
});

onServersWhere(suspendsJobs)('a Job that somebody else suspends', () => {
  it('is said to wait, and for whom, until it is let go on', async () => {
    await here.namespace.apply('queued', gated(here.folder, sequence(1, { 0: waitsOrStops('queued') })));
    await here.namespace.untilRunning('queued', 0);
    await setSuspend(here, 'queued-0-s0', true);
    const object = await untilWaiting('queued', 'JobSuspended');
    const message = 'Job "queued-0-s0" was suspended by someone else (field manager "queue")';
    expect(unavailable(object)).toMatchObject({ message });
    expect(getCondition(object.status?.conditions, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'ResourcesUnavailable',
      message: `Step 0 (s0) is waiting: ${message}`,
    });
    expect(getCondition(object.status?.conditions, 'Suspended')).toMatchObject({ status: 'False' });
    await here.open('queued');
    await setSuspend(here, 'queued-0-s0', false);
    await expectCompleted('queued');
  });
});
