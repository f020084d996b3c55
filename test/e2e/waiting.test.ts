/** Steps that cannot start on a real cluster: the sequence says why in Kubernetes' own words, and goes on once it can. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { eventually } from '../support/eventually.ts';
import { condition } from '../support/cluster.ts';
import { withRealPods } from '../support/real-pods.ts';
import { sequence, step } from '../support/sequences.ts';

/** How long the condition may be behind what the Pod says; the contract's 2 s, and room for a slow machine. */
const LAG_S = 5;

const NODE_LABEL = `e2e.example.com/${process.pid}`;

/** All run side by side. */
const SEQUENCES: Readonly<Record<string, SequentialJobSpec>> = {
  config: {
    steps: [
      step('first'),
      {
        ...step('second', 'test "$ADDRESS" = here'),
        env: [{ name: 'ADDRESS', valueFrom: { configMapKeyRef: { name: 'late', key: 'address' } } }],
      },
    ],
  },
  secret: {
    steps: [
      {
        ...step('second', 'test "$PASSWORD" = swordfish'),
        env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'late', key: 'password' } } }],
      },
    ],
  },
  image: {
    steps: [{ name: 's0', image: 'registry.invalid/nobody/has-this:1.0' }],
    template: { spec: { containers: [], terminationGracePeriodSeconds: 1 } },
  },
  'image-overdue': {
    activeDeadlineSeconds: 20,
    steps: [{ name: 's0', image: 'registry.invalid/nobody/has-this:1.0' }],
    template: { spec: { containers: [], terminationGracePeriodSeconds: 1 } },
  },
  node: sequence(1, {}, { template: { spec: { containers: [], nodeSelector: { [NODE_LABEL]: 'wanted' } } } }),
  key: {
    steps: [
      {
        ...step('s0', 'test "$USER_NAME" = alice'),
        env: [{ name: 'USER_NAME', valueFrom: { configMapKeyRef: { name: 'users', key: 'first' } } }],
      },
    ],
  },
  mount: {
    steps: [{ ...step('s0'), volumeMounts: [{ name: 'gone', mountPath: '/gone' }] }],
    template: { spec: { containers: [], volumes: [{ name: 'gone', nfs: { server: '127.0.0.1', path: '/gone' } }] } },
  },
  refused: {
    steps: [{ ...step('s0'), resources: { limits: { memory: '2Gi' } } }],
  },
};

const cluster = withRealPods('waiting');
const { namespace } = cluster;

beforeAll(async () => {
  await cluster.kubectl('create', 'configmap', 'users', '--from-literal=second=bob');
  const limits = { metadata: { name: 'limits' }, spec: { limits: [{ type: 'Container', max: { memory: '1Gi' } }] } };
  await namespace.createObject({ root: '/api/v1', plural: 'limitranges' }, limits);
  await Promise.all(Object.entries(SEQUENCES).map(async ([name, spec]) => namespace.apply(name, spec)));
}, 120_000);

/** The sequence once it waits for one of these reasons, with the same sentence where people look. */
async function untilWaiting(name: string, reasons: RegExp, seconds?: number): Promise<SequentialJob> {
  const object = await namespace.until(
    name,
    (one) => {
      const found = condition(one, 'ResourcesUnavailable');
      return found?.status === 'True' && reasons.test(found.reason);
    },
    seconds,
  );
  const { message = '' } = condition(object, 'ResourcesUnavailable') ?? {};
  expect(object.status?.phase).toMatch(/^(Running|Pending)$/);
  expect(condition(object, 'Progressing')?.message).toContain(`cannot start: ${message}`);
  return object;
}

/** What the kubelet says that the Pod's container waits for, or what the scheduler says. */
async function untilPodWaits(name: string, reasons: RegExp): Promise<string> {
  return eventually(`the Pod of ${name} waits`, async () => {
    const [pod] = await namespace.pods(name);
    const waiting = pod?.status.containerStatuses?.[0]?.state.waiting;
    const unscheduled = pod?.status.conditions?.find(
      ({ type, status }) => type === 'PodScheduled' && status === 'False',
    );
    return [waiting, unscheduled].find((one) => reasons.test(one?.reason ?? ''))?.message;
  });
}

/** Resolves when the sequence tells of it in the words of the Pod, which may change while it waits. */
async function untilQuoted(name: string, reasons: RegExp): Promise<void> {
  await eventually(`the words of the Pod of ${name} in its sequence`, async () => {
    const theirs = await untilPodWaits(name, reasons);
    const { message = '' } = condition(await namespace.get(name), 'ResourcesUnavailable') ?? {};
    return theirs !== '' && message.includes(theirs);
  });
}

async function untilCompleted(name: string): Promise<void> {
  const object = await namespace.untilFinished(name, 110);
  expect(object.status?.phase).toBe('Completed');
  expect(condition(object, 'ResourcesUnavailable')).toMatchObject({ status: 'False', reason: 'ResourcesAvailable' });
}

describe('a step whose dependency is missing', () => {
  it('waits for a ConfigMap without a Job, and runs when the ConfigMap is created', async () => {
    const object = await untilWaiting('config', /^ConfigMapNotFound$/);
    expect(condition(object, 'ResourcesUnavailable')?.message).toBe('ConfigMap "late" not found');
    expect((await namespace.untilEvent('config', 'DependencyMissing')).message).toContain('ConfigMap "late" not found');
    expect(await namespace.jobNames('config')).toEqual(['config-0-first']);

    await cluster.kubectl('create', 'configmap', 'late', '--from-literal=address=here');
    await untilCompleted('config');
  });

  it("reports the kubelet's message about a missing Secret, and runs when the Secret is created", async () => {
    await untilPodWaits('secret', /^CreateContainerConfigError$/);
    const object = await untilWaiting('secret', /^CreateContainerConfigError$/, LAG_S);
    expect(condition(object, 'ResourcesUnavailable')?.message).toContain('secret "late" not found');

    await cluster.kubectl('create', 'secret', 'generic', 'late', '--from-literal=password=swordfish');
    await untilCompleted('secret');
  });

  it("reports the kubelet's message about a missing key, and runs when it is added", async () => {
    await untilPodWaits('key', /^CreateContainerConfigError$/);
    await untilWaiting('key', /^CreateContainerConfigError$/, LAG_S);
    await untilQuoted('key', /^CreateContainerConfigError$/);

    await cluster.kubectl('patch', 'configmap', 'users', '--type=merge', '--patch={"data":{"first":"alice"}}');
    await untilCompleted('key');
  });

  it("reports the kubelet's message about an image that cannot be pulled", async () => {
    const reasons = /^(ErrImagePull|ImagePullBackOff)$/;
    await untilPodWaits('image', reasons);
    const object = await untilWaiting('image', reasons, LAG_S);
    expect(condition(object, 'ResourcesUnavailable')?.message).toContain('registry.invalid/nobody/has-this:1.0');
  });

  it('still reports why it did not start when its deadline passes', async () => {
    // That it waits for its image is only told for 20 s, and the tests before this one may take longer.
    const { status } = await namespace.untilFinished('image-overdue');
    expect(status?.progress?.failureReason).toBe('DeadlineExceeded');
    expect(status?.progress?.failureMessage).toContain('registry.invalid/nobody/has-this:1.0');
  });

  it("reports the scheduler's message if its Pod is unschedulable, and runs when a node fits", async () => {
    await untilPodWaits('node', /^Unschedulable$/);
    await untilWaiting('node', /^Unschedulable$/, LAG_S);
    await untilQuoted('node', /^Unschedulable$/);

    const [node] = (await cluster.kubectl('get', 'nodes', '-o', 'name')).split('\n');
    await cluster.kubectl('label', node ?? '', `${NODE_LABEL}=wanted`);
    try {
      await untilCompleted('node');
    } finally {
      await cluster.kubectl('label', node ?? '', `${NODE_LABEL}-`);
    }
  });

  it("reports the kubelet's message about a volume that cannot be mounted", async () => {
    const object = await untilWaiting('mount', /^FailedMount$/, 60);
    const { message = '' } = condition(object, 'ResourcesUnavailable') ?? {};
    expect(message).toMatch(/^Pod "mount-0-s0-\w{5}": (MountVolume\.SetUp failed|Unable to (attach or )?mount)/);
  });

  it("reports the API server's refusal of its Pod", async () => {
    const object = await untilWaiting('refused', /^FailedCreate$/);
    const { message } = condition(object, 'ResourcesUnavailable') ?? {};
    const theirs = 'jsonpath={range .items[*]}{.involvedObject.name} {.message}{"\\n"}{end}';
    const said = await cluster.kubectl('get', 'events', '--field-selector=reason=FailedCreate', '-o', theirs);
    expect(said).toContain(`refused-0-s0 ${message}\n`);
    expect(await namespace.pods('refused')).toEqual([]);
  });
});
