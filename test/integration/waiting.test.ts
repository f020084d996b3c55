/** A sequence that waits says for what: missing objects, and Pods that cannot start. It goes on when that is resolved. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PodTemplateSpec, SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS, type Resource, SECRETS } from '../../shared/kube/resources.ts';
import { condition, kubectl } from '../support/cluster.ts';
import { QUOTA, withoutRoomFor } from '../support/quota.ts';
import { gated, sequence, step, waitsOrStops, withConfigMap, withSecret } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('waiting');
const { namespace } = here;

/** The sequence, once it waits for that reason, with the message of its condition. */
async function untilWaiting(name: string, reason: string): Promise<SequentialJob & { readonly message: string }> {
  const object = await namespace.untilCondition(name, 'ResourcesUnavailable', reason);
  const message = condition(object, 'ResourcesUnavailable')?.message ?? '';
  expect(condition(object, 'Progressing')?.message).toContain(message);
  return { ...object, message };
}

async function expectCompleted(name: string): Promise<void> {
  await namespace.untilCompleted(name);
  const cleared = { status: 'False', reason: 'ResourcesAvailable' };
  expect(condition(await namespace.get(name), 'ResourcesUnavailable')).toMatchObject(cleared);
}

const create = (resource: Resource, name: string, contents: object): Promise<void> =>
  namespace.createObject(resource, { metadata: { name }, ...contents });

const DATA = { data: { token: 'x' } };
const SECRET = { stringData: { token: 'x' } };
const CLAIM = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } };

describe('a first step whose ConfigMap does not exist', () => {
  it('waits, and the condition names the ConfigMap', async () => {
    await namespace.apply('first', { steps: [withConfigMap(step('s0'), 'early'), step('s1')] });
    const { message, ...object } = await untilWaiting('first', 'ConfigMapNotFound');
    expect(message).toBe('ConfigMap "early" not found');
    expect(condition(object, 'Progressing')).toMatchObject({ status: 'False', reason: 'ResourcesUnavailable' });
    expect(await namespace.jobNames('first')).toEqual([]);
    expect(await namespace.columns('first')).toEqual(['first', 'Pending', '0/2', 's0']);
    expect((await namespace.kubectl(['get', 'sj', 'first', '-o', 'wide'])).stdout).toContain(message);
    await namespace.untilEvent('first', 'DependencyMissing');
    const event = ['DependencyMissing', expect.stringContaining(message), 1];
    expect(await namespace.recordedEvents('first')).toEqual([event]);
  });

  it('has not started: its deadline does not count, and its spec is mutable', async () => {
    const steps = [withConfigMap(step('renamed'), 'other'), step('s1')];
    await namespace.patch('first', { spec: { steps, activeDeadlineSeconds: 60 } });
    const object = await namespace.untilObserved('first', 2);
    expect(condition(object, 'ResourcesUnavailable')?.message).toBe('ConfigMap "other" not found');
    expect(object.status?.startTime).toBeUndefined();
  });

  it('starts when the ConfigMap is created, even with a new controller', async () => {
    await here.restart();
    await create(CONFIG_MAPS, 'other', DATA);
    await expectCompleted('first');
    expect(await namespace.jobNames('first')).toEqual(['first-0-renamed', 'first-1-s1']);
  });
});

describe('a later step whose dependency does not exist', () => {
  const mounted = { ...step('s1', 'touch /data/x'), volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }];

  it.each<[string, SequentialJobSpec, string, string, Resource, object]>([
    ['variable', { steps: [step('s0'), withConfigMap(step('s1'), 'late')] }, 'ConfigMap', 'late', CONFIG_MAPS, DATA],
    [
      'variables',
      { steps: [step('s0'), { ...step('s1'), envFrom: [{ configMapRef: { name: 'settings' } }] }] },
      'ConfigMap',
      'settings',
      CONFIG_MAPS,
      DATA,
    ],
    [
      'volume',
      { steps: [step('s0'), mounted], template: { spec: { containers: [], volumes } } },
      'PersistentVolumeClaim',
      'disk',
      PERSISTENT_VOLUME_CLAIMS,
      CLAIM,
    ],
  ])(
    'waits after the steps before it, and starts when the dependency exists: a %s',
    async (name, spec, kind, ...missing) => {
      const [object, resource, contents] = missing;
      await namespace.apply(name, spec);
      const { status, message } = await untilWaiting(name, `${kind}NotFound`);
      expect(message).toBe(`${kind} "${object}" not found`);
      expect(status).toMatchObject({ phase: 'Running', progress: { currentIndex: 1, completedIndices: [0] } });
      // The first step does not mount the volume.
      const [first] = await namespace.jobs(name);
      expect(first?.spec.template.spec.volumes).toBeUndefined();
      await create(resource, object, contents);
      await expectCompleted(name);
    },
  );

  it("starts although a Secret is missing, which the controller does not read: its Pod waits, and the status has the kubelet's message", async () => {
    await namespace.apply('secret', { steps: [step('s0'), withSecret(step('s1'), 'unmade')] });
    const { message } = await untilWaiting('secret', 'CreateContainerConfigError');
    expect(message).toMatch(/^Pod "secret-1-s1-\w+": secret "unmade" not found$/);
    expect(await namespace.recordedEvents('secret', 'DependencyMissing')).toEqual([]);
    expect(here.operator.says('no permission to get')).toBe(false);
    await create(SECRETS, 'unmade', SECRET);
    await expectCompleted('secret');
  });
});

describe('an object that a step does not need for its start', () => {
  const inTemplate = (spec: object): PodTemplateSpec => ({ spec: { containers: [], ...spec } });
  const volume = (more: object): object => ({ volumes: [{ name: 'v', secret: { secretName: 'nowhere', ...more } }] });
  const optional = { ...withConfigMap(step('s0'), 'nowhere', true), volumeMounts: [{ name: 'v', mountPath: '/v' }] };

  it.each<[string, string, SequentialJobSpec]>([
    ['is optional', 'optional', { steps: [optional], template: inTemplate(volume({ optional: true })) }],
    ['is a pull secret', 'unsecret', { ...sequence(1), template: inTemplate({ imagePullSecrets: [{ name: 'no' }] }) }],
    ['is a volume that the step does not mount', 'unmounted', { ...sequence(1), template: inTemplate(volume({})) }],
  ])('does not delay the step: it %s', async (_what, name, spec) => {
    await namespace.apply(name, spec);
    await expectCompleted(name);
    expect(await namespace.recordedEvents(name, 'DependencyMissing')).toEqual([]);
    const { volumes, imagePullSecrets } = (await namespace.jobs(name))[0]?.spec.template.spec ?? {};
    expect(volumes?.length ?? 0).toBe(name === 'optional' ? 1 : 0);
    expect(imagePullSecrets?.length ?? 0).toBe(name === 'unsecret' ? 1 : 0);
  });
});

describe('an unschedulable Pod', () => {
  /** In seconds: how long after the Pod the sequence may say so: 2 s, whole seconds and a busy machine. */
  const SOON = 2 + 3;
  const LABEL = 'tests.example.com/disk';
  let node: string;

  beforeAll(async () => {
    node = (await kubectl('get', 'nodes', '-o', 'name')).trim();
  });
  afterAll(() => kubectl('label', node, `${LABEL}-`));

  it('is reported soon with the message of the scheduler, until a node fits', async () => {
    const template = { spec: { containers: [], nodeSelector: { [LABEL]: namespace.name } } };
    await namespace.apply('unplaced', { ...sequence(2), template });
    const { message, ...object } = await untilWaiting('unplaced', 'Unschedulable');
    const [pod] = await namespace.pods('unplaced');
    expect(message).toContain(`Pod "${pod?.metadata.name}": 0/1 nodes are available`);
    const scheduled = pod?.status.conditions?.find(({ type }) => type === 'PodScheduled')?.lastTransitionTime ?? '';
    const said = condition(object, 'ResourcesUnavailable')?.lastTransitionTime ?? '';
    expect((Date.parse(said) - Date.parse(scheduled)) / 1000).toBeLessThanOrEqual(SOON);
    expect(object.status).toMatchObject({ phase: 'Running', progress: { currentIndex: 0 } });
    await kubectl('label', node, `${LABEL}=${namespace.name}`);
    await expectCompleted('unplaced');
  });
});

describe('a container that cannot be created', () => {
  it('is reported with the message of the kubelet, until it is created', async () => {
    await create(SECRETS, 'keyless', { stringData: { other: 'x' } });
    await namespace.apply('keyless', { steps: [withSecret(step('s0'), 'keyless')] });
    const { message } = await untilWaiting('keyless', 'CreateContainerConfigError');
    const words = `couldn't find key token in Secret ${namespace.name}/keyless`;
    const [pod] = await namespace.pods('keyless');
    expect(message).toBe(`Pod "${pod?.metadata.name}": ${words}`);
    await namespace.patchObject(SECRETS, 'keyless', SECRET);
    await expectCompleted('keyless');
  });
});

describe('a quota that allows no Pod', () => {
  it('is reported with the message of the API server, until the quota admits a Pod', async () => {
    await withoutRoomFor('pods', namespace, async () => {
      await namespace.apply('crowded', sequence(1));
      const { message, status } = await untilWaiting('crowded', 'FailedCreate');
      const events = await namespace.events('crowded-0-s0', 'Job');
      expect(events.map((event) => event.message)).toContain(message);
      expect(message).toContain(QUOTA);
      expect(status).toMatchObject({ phase: 'Running', steps: [{ state: 'Running', jobName: 'crowded-0-s0' }] });
    });
    await expectCompleted('crowded');
  });
});

onServersWhere(suspendsJobs)('a Job that somebody else suspends', () => {
  it('is reported with its field manager, until it is unsuspended', async () => {
    await namespace.apply('queued', gated(here.folder, sequence(1, { 0: waitsOrStops('queued') })));
    await namespace.untilRunning('queued', 0);
    await namespace.setJobSuspend('queued-0-s0', true);
    const { message, ...object } = await untilWaiting('queued', 'JobSuspended');
    expect(message).toContain('"queued-0-s0" was suspended by someone else (field manager "queue")');
    expect(condition(object, 'Suspended')).toMatchObject({ status: 'False' });
    await here.open('queued');
    await namespace.setJobSuspend('queued-0-s0', false);
    await expectCompleted('queued');
  });
});
