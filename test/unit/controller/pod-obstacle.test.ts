import { describe, expect, it } from '@jest/globals';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { Obstacle } from '../../../shared/api/pod.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at } from '../../support/objects.ts';
import { containerStatus, rawPod, type RawPodOptions, terminated, waiting } from '../../support/pods.ts';

const waits = (reason: string, message?: string): Readonly<Record<string, unknown>> =>
  containerStatus(waiting(reason, message));
const IMAGE = 'registry.example.com/etl:1.0';
const obstacleIn = (pod: RawPodOptions): Obstacle | undefined => toObservedPod(deepFreeze(rawPod(pod))).obstacle;

type Row = readonly [string, RawPodOptions, Obstacle | undefined];

const pending = (...containerStatuses: readonly unknown[]): RawPodOptions => ({
  status: { phase: 'Pending', containerStatuses },
});

const unscheduled = (reason: string, message?: string): RawPodOptions => ({
  status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason, message }] },
});

const NO_NODE = '0/3 nodes are available: 3 Insufficient memory.';
const SCHEDULING: readonly Row[] = [
  [
    'no node has enough resources',
    unscheduled('Unschedulable', NO_NODE),
    { reason: 'Unschedulable', message: NO_NODE },
  ],
  [
    'the Pod has a scheduling gate',
    unscheduled('SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates'),
    { reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
  ],
  [
    'the scheduler gives no message',
    unscheduled('Unschedulable'),
    { reason: 'Unschedulable', message: 'no node is available for the Pod' },
  ],
  ['an unknown reason of the scheduler', unscheduled('Thinking', 'x'), undefined],
  [
    'the Pod is scheduled',
    { status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True', reason: 'Unschedulable' }] } },
    undefined,
  ],
  [
    'another condition with the reason Unschedulable',
    { status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False', reason: 'Unschedulable' }] } },
    undefined,
  ],
];

const BACK_OFF_120 = `Back-off pulling image "${IMAGE}"`;
const CONTAINERS: readonly Row[] = [
  [
    'an image that does not exist, on Kubernetes 1.20',
    pending(waits('ImagePullBackOff', BACK_OFF_120)),
    { reason: 'ImagePullBackOff', message: BACK_OFF_120 },
  ],
  [
    'a kubelet that reports no message: the message names the image of the spec',
    pending({ ...waits('ErrImagePull', ' '), image: '' }),
    { reason: 'ErrImagePull', message: `the container "transform" cannot start, its image is "${IMAGE}"` },
  ],
  ['a container with ContainerCreating', pending(waits('ContainerCreating')), undefined],
  ['a container with PodInitializing', pending(waits('PodInitializing')), undefined],
  ['an unknown reason of a waiting container', pending(waits('Thinking', 'x')), undefined],
  [
    'a status without a phase',
    { status: { containerStatuses: [waits('ErrImagePull', 'x')] } },
    { reason: 'ErrImagePull', message: 'x' },
  ],
  [
    'an init container is reported before the container of the step',
    {
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          containerStatus(terminated(0), {}, 'first'),
          containerStatus(waiting('InvalidImageName', 'couldn\'t parse image name "A:B:C"'), {}, 'second'),
        ],
        containerStatuses: [waits('ErrImagePull', 'later')],
      },
    },
    { reason: 'InvalidImageName', message: 'couldn\'t parse image name "A:B:C"' },
  ],
  [
    'a container of the Pod other than that of the step',
    pending(waits('ContainerCreating'), containerStatus(waiting('ErrImagePull', 'x'), {}, 'proxy')),
    { reason: 'ErrImagePull', message: 'x' },
  ],
  [
    'a running Pod whose container is restarted',
    { status: { phase: 'Running', containerStatuses: [waits('CrashLoopBackOff', 'x')] } },
    undefined,
  ],
  ['a failed Pod', { status: { phase: 'Failed', containerStatuses: [waits('ErrImagePull', 'x')] } }, undefined],
  [
    'a Pod that is being deleted (deletionTimestamp)',
    { metadata: { deletionTimestamp: at(9) }, ...pending(waits('ErrImagePull', 'x')) },
    undefined,
  ],
];

describe('what prevents a Pod from starting', () => {
  it.each<Row>([...SCHEDULING, ...CONTAINERS])('%s', (_says, pod, expected) => {
    expect(obstacleIn(pod)).toEqual(expected);
  });

  it('has its message truncated to 1 KiB, at the end', () => {
    const found = obstacleIn(pending(waits('ErrImagePull', `failed: ${'é'.repeat(1000)}`)));
    expect(Buffer.byteLength(found?.message ?? '')).toBeLessThanOrEqual(1024);
    expect(found?.message).toMatch(/^failed: é+…$/);
  });

  const KUBELET = `ImagePullBackOff ErrImagePull ErrImageNeverPull ImageInspectError InvalidImageName RegistryUnavailable
    SignatureValidationFailed ImageVolumeMountFailed CreateContainerConfigError CreateContainerError PreCreateHookError
    PreStartHookError PostStartHookError RunContainerError CrashLoopBackOff`;

  it.each(KUBELET.split(/\s+/))('%s of an init container', (reason) => {
    const initContainerStatuses = [containerStatus(waiting(reason, 'why'), {}, 'init')];
    expect(obstacleIn({ status: { phase: 'Pending', initContainerStatuses } })).toEqual({ reason, message: 'why' });
  });
});

const running = { running: { startedAt: at(1) } };
const proxy = containerStatus(running, {}, 'mesh-proxy');
const PROXY_RUNS = 'the Pod runs on because of "mesh-proxy", which this sequence does not have';

describe('what prevents a Pod from terminating', () => {
  const runs = (own: Readonly<Record<string, unknown>>, others = [proxy], spec = {}): RawPodOptions => ({
    spec,
    status: { phase: 'Running', containerStatuses: [containerStatus(own), ...others] },
  });
  const onFailure = { restartPolicy: 'OnFailure' };

  it.each<Row>([
    ['the container of the step runs', runs(running), undefined],
    ['the container of the step has terminated, and there is no other container', runs(terminated(0), []), undefined],
    [
      'the container of the step has succeeded, and another container runs',
      runs(terminated(0)),
      {
        reason: 'ContainerStillRunning',
        message: `the container "transform" has ended (exit code 0); ${PROXY_RUNS}`,
        isAtEnd: true,
      },
    ],
    [
      'the container of the step has failed, and another container runs',
      runs(terminated(7)),
      {
        reason: 'ContainerStillRunning',
        message: `the container "transform" has ended (exit code 7); ${PROXY_RUNS}`,
        isAtEnd: true,
      },
    ],
    [
      'the container of the step has failed and will be restarted, and another container runs',
      runs(terminated(7), [proxy], onFailure),
      undefined,
    ],
    [
      'both containers have terminated',
      runs(terminated(0), [containerStatus(terminated(0), {}, 'mesh-proxy')]),
      undefined,
    ],
  ])('%s', (_says, pod, expected) => {
    expect(obstacleIn(pod)).toEqual(expected);
  });
});

describe('since when a Pod waits for its first container', () => {
  const scheduled = [{ type: 'PodScheduled', status: 'True', lastTransitionTime: at(3) }];
  const preparing = waiting('ContainerCreating');

  it.each<readonly [string, unknown, string | undefined]>([
    ['its creation, if it has no node', { phase: 'Pending' }, at(0)],
    [
      'its scheduling, if it has a node',
      { phase: 'Pending', conditions: scheduled, containerStatuses: [containerStatus(preparing)] },
      at(3),
    ],
    [
      'no time, if its status has the reason',
      { phase: 'Pending', conditions: scheduled, containerStatuses: [waits('ErrImagePull')] },
      undefined,
    ],
    [
      'no time, if an init container runs',
      { phase: 'Pending', conditions: scheduled, initContainerStatuses: [containerStatus(running, {}, 'init')] },
      undefined,
    ],
    [
      'no time, if an init container has terminated',
      { phase: 'Pending', conditions: scheduled, initContainerStatuses: [containerStatus(terminated(0), {}, 'init')] },
      undefined,
    ],
    ['no time, if the Pod runs', { phase: 'Running', conditions: scheduled }, undefined],
  ])('%s', (_says, status, expected) => {
    expect(toObservedPod(rawPod({ status: status as Readonly<Record<string, unknown>> })).waitingSince).toBe(expected);
  });

  it('no time, if it is being deleted; then the name of its node is kept', () => {
    const metadata = { deletionTimestamp: at(9) };
    const pod = toObservedPod(rawPod({ metadata, spec: { nodeName: 'worker-1' }, status: { phase: 'Pending' } }));
    expect(pod).toMatchObject({ node: 'worker-1' });
    expect(pod.waitingSince).toBeUndefined();
  });
});

describe('whether no container of a Pod has started', () => {
  const preparing = containerStatus(waiting('ContainerCreating'));
  const crashed = containerStatus(waiting('CrashLoopBackOff'), terminated(1), 'init');

  it.each<readonly [string, unknown, true | undefined]>([
    ['it has no status yet', undefined, true],
    ['no node takes it', { phase: 'Pending' }, true],
    ['its containers are being created', { phase: 'Pending', containerStatuses: [preparing] }, true],
    ['its image cannot be pulled', { phase: 'Pending', containerStatuses: [waits('ImagePullBackOff')] }, true],
    [
      'not if an init container runs',
      {
        phase: 'Pending',
        initContainerStatuses: [containerStatus(running, {}, 'init')],
        containerStatuses: [preparing],
      },
      undefined,
    ],
    [
      'not if an init container has terminated',
      { phase: 'Pending', initContainerStatuses: [containerStatus(terminated(0), {}, 'init')] },
      undefined,
    ],
    [
      'not if an init container waits to be restarted',
      { phase: 'Pending', initContainerStatuses: [crashed] },
      undefined,
    ],
    [
      'not if an init container was restarted, and its last state was lost',
      { phase: 'Pending', initContainerStatuses: [{ ...preparing, restartCount: 1 }] },
      undefined,
    ],
    ['not if it runs', { phase: 'Running' }, undefined],
    ['not if its node does not respond', { phase: 'Unknown' }, undefined],
    ['not if it has ended before it started', { phase: 'Failed', reason: 'OutOfcpu' }, undefined],
  ])('%s', (_says, status, expected) => {
    expect(toObservedPod({ ...rawPod(), status }).neverStarted).toBe(expected);
  });

  it('also if it is being deleted', () => {
    const pod = toObservedPod(rawPod({ metadata: { deletionTimestamp: at(9) }, status: { phase: 'Pending' } }));
    expect(pod.neverStarted).toBe(true);
  });
});
