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
  ['no node has room', unscheduled('Unschedulable', NO_NODE), { reason: 'Unschedulable', message: NO_NODE }],
  [
    'a gate is closed',
    unscheduled('SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates'),
    { reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
  ],
  [
    'the scheduler says no more',
    unscheduled('Unschedulable'),
    { reason: 'Unschedulable', message: 'no node takes the Pod' },
  ],
  ['an unknown reason', unscheduled('Thinking', 'x'), undefined],
  [
    'it has a node',
    { status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True', reason: 'Unschedulable' }] } },
    undefined,
  ],
  [
    'another condition with that reason',
    { status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False', reason: 'Unschedulable' }] } },
    undefined,
  ],
];

const BACK_OFF_120 = `Back-off pulling image "${IMAGE}"`;
const CONTAINERS: readonly Row[] = [
  [
    'an image that is not there, on 1.20',
    pending(waits('ImagePullBackOff', BACK_OFF_120)),
    { reason: 'ImagePullBackOff', message: BACK_OFF_120 },
  ],
  [
    'a kubelet that gives no message: the image is named as the spec has it',
    pending({ ...waits('ErrImagePull', ' '), image: '' }),
    { reason: 'ErrImagePull', message: `the container "transform" cannot start, its image is "${IMAGE}"` },
  ],
  ['a container that is being created', pending(waits('ContainerCreating')), undefined],
  ['a container that waits for its init containers', pending(waits('PodInitializing')), undefined],
  ['a reason that nobody knows', pending(waits('Thinking', 'x')), undefined],
  [
    'a status that has no phase yet',
    { status: { containerStatuses: [waits('ErrImagePull', 'x')] } },
    { reason: 'ErrImagePull', message: 'x' },
  ],
  [
    'an init container comes before the step',
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
    'a container of the Pod that is not the step',
    pending(waits('ContainerCreating'), containerStatus(waiting('ErrImagePull', 'x'), {}, 'proxy')),
    { reason: 'ErrImagePull', message: 'x' },
  ],
  [
    'a Pod that runs: its container is started again',
    { status: { phase: 'Running', containerStatuses: [waits('CrashLoopBackOff', 'x')] } },
    undefined,
  ],
  [
    'a Pod that has failed',
    { status: { phase: 'Failed', containerStatuses: [waits('ErrImagePull', 'x')] } },
    undefined,
  ],
  [
    'a Pod that is being deleted',
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
    ['its own container runs', runs(running), undefined],
    ['its own container has ended, and it is alone', runs(terminated(0), []), undefined],
    [
      'its own container has ended, and another runs',
      runs(terminated(0)),
      {
        reason: 'ContainerStillRunning',
        message: `the container "transform" has ended (exit code 0); ${PROXY_RUNS}`,
        isAtEnd: true,
      },
    ],
    [
      'its own container has failed, and another runs',
      runs(terminated(7)),
      {
        reason: 'ContainerStillRunning',
        message: `the container "transform" has ended (exit code 7); ${PROXY_RUNS}`,
        isAtEnd: true,
      },
    ],
    ['its own container has failed, and is run again', runs(terminated(7), [proxy], onFailure), undefined],
    ['another has ended too', runs(terminated(0), [containerStatus(terminated(0), {}, 'mesh-proxy')]), undefined],
  ])('%s', (_says, pod, expected) => {
    expect(obstacleIn(pod)).toEqual(expected);
  });
});

describe('since when a Pod waits for its first container', () => {
  const scheduled = [{ type: 'PodScheduled', status: 'True', lastTransitionTime: at(3) }];
  const preparing = waiting('ContainerCreating');

  it.each<readonly [string, unknown, string | undefined]>([
    ['from its creation, without a node', { phase: 'Pending' }, at(0)],
    [
      'from when it has one',
      { phase: 'Pending', conditions: scheduled, containerStatuses: [containerStatus(preparing)] },
      at(3),
    ],
    [
      'not while its status says why',
      { phase: 'Pending', conditions: scheduled, containerStatuses: [waits('ErrImagePull')] },
      undefined,
    ],
    [
      'not when an init container runs',
      { phase: 'Pending', conditions: scheduled, initContainerStatuses: [containerStatus(running, {}, 'init')] },
      undefined,
    ],
    [
      'not when an init container has ended',
      { phase: 'Pending', conditions: scheduled, initContainerStatuses: [containerStatus(terminated(0), {}, 'init')] },
      undefined,
    ],
    ['not when it runs', { phase: 'Running', conditions: scheduled }, undefined],
  ])('%s', (_says, status, expected) => {
    expect(toObservedPod(rawPod({ status: status as Readonly<Record<string, unknown>> })).waitingSince).toBe(expected);
  });

  it('not if it is being deleted; then its node counts', () => {
    const metadata = { deletionTimestamp: at(9) };
    const pod = toObservedPod(rawPod({ metadata, spec: { nodeName: 'worker-1' }, status: { phase: 'Pending' } }));
    expect(pod).toMatchObject({ node: 'worker-1' });
    expect(pod.waitingSince).toBeUndefined();
  });
});
