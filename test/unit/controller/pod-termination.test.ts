import { describe, expect, it } from '@jest/globals';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import type { ObservedPod, PodTermination } from '../../../shared/api/pod.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at } from '../../support/objects.ts';
import { containerStatus, rawPod, type RawPodOptions, terminated, waiting } from '../../support/pods.ts';

type Ended = Pick<ObservedPod, 'failed' | 'termination'>;
type Row = readonly [string, RawPodOptions, Partial<PodTermination> | undefined];

function endingOf(pod: RawPodOptions): Ended {
  const { failed, termination } = toObservedPod(deepFreeze(rawPod(pod)));
  return { failed, ...(termination === undefined ? {} : { termination }) };
}

const running = { running: { startedAt: at(21) } };
const inPhase = (phase: string, ...containerStatuses: readonly unknown[]): RawPodOptions => ({
  status: { phase, containerStatuses },
});
const failedPod = (...statuses: readonly unknown[]): RawPodOptions => inPhase('Failed', ...statuses);
const runningPod = (...statuses: readonly unknown[]): RawPodOptions => inPhase('Running', ...statuses);
const succeededPod = (...statuses: readonly unknown[]): RawPodOptions => inPhase('Succeeded', ...statuses);
const RUNS = containerStatus(running);
const ended = (exitCode: number, more: object = {}): unknown => containerStatus(terminated(exitCode, { ...more }));
const endedAs = (name: string, exitCode: number, more: object = {}): unknown =>
  containerStatus(terminated(exitCode, { ...more }), {}, name);
const LOG = 'Traceback (most recent call last):\n  File "/etl.py", line 3\nValueError: no such table: orders\n\n';
const OOM = { reason: 'OOMKilled' };
const transform = { container: 'transform', exitCode: 1, reason: 'Error', message: '', at: at(20) };

const STEP: readonly Row[] = [
  ['exit 1 with the end of its log', failedPod(ended(1, { message: LOG })), { ...transform, message: LOG.trimEnd() }],
  ['OOMKilled', failedPod(ended(137, OOM)), { ...transform, exitCode: 137, reason: 'OOMKilled' }],
  ['no reason', failedPod(ended(2, { reason: '' })), { ...transform, exitCode: 2 }],
  [
    'no finish time',
    failedPod(ended(1, { finishedAt: null })),
    { container: 'transform', exitCode: 1, reason: 'Error', message: '' },
  ],
  [
    'failed twice: the last termination is reported',
    runningPod(containerStatus(terminated(3, { finishedAt: at(40) }), terminated(1))),
    { ...transform, exitCode: 3, at: at(40) },
  ],
  [
    'only another container failed',
    failedPod(endedAs('proxy', 2), ended(0)),
    { ...transform, container: 'proxy', exitCode: 2 },
  ],
  ['failed while the Pod has the phase Running', runningPod(ended(1)), transform],
  [
    'failed, and waiting for its restart',
    runningPod(containerStatus(waiting('CrashLoopBackOff'), terminated(1))),
    { ...transform, restarting: true },
  ],
  [
    'restarted after a failure',
    runningPod(containerStatus(running, terminated(137, OOM))),
    { ...transform, exitCode: 137, reason: 'OOMKilled', restarting: true },
  ],
  [
    'waiting for a restart when the Pod failed',
    failedPod(containerStatus(waiting('CrashLoopBackOff'), terminated(1))),
    transform,
  ],
  [
    'succeeded at the second attempt while the Pod has the phase Running',
    runningPod(containerStatus(terminated(0), terminated(1))),
    undefined,
  ],
  ['the container of the step is preferred to an injected one', failedPod(endedAs('proxy', 2), ended(1)), transform],
  [
    'a current failure is preferred to one before a restart',
    runningPod(containerStatus(running, terminated(1)), endedAs('proxy', 2)),
    { ...transform, container: 'proxy', exitCode: 2 },
  ],
];

const sidecar = { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] };
const withInit = (
  phase: string,
  init: unknown,
  main: unknown = containerStatus(waiting('PodInitializing')),
): RawPodOptions => ({
  status: { phase, initContainerStatuses: [init], containerStatuses: [main] },
});
const init = { ...transform, container: 'init' };

const INIT: readonly Row[] = [
  ['an init container failed', withInit('Failed', endedAs('init', 1)), init],
  [
    'an init container failed and waits for its restart',
    withInit('Pending', containerStatus(waiting('CrashLoopBackOff'), terminated(1), 'init')),
    { ...init, restarting: true },
  ],
  [
    'an init container failed, then succeeded: the step runs',
    withInit('Running', containerStatus(terminated(0), terminated(1), 'init'), RUNS),
    undefined,
  ],
  [
    'an init container failed, then succeeded: the step failed',
    withInit('Failed', containerStatus(terminated(0), terminated(2), 'init'), ended(1)),
    transform,
  ],
  [
    'a sidecar was killed after the step had failed',
    {
      spec: sidecar,
      ...withInit('Failed', endedAs('proxy', 137), ended(1)),
    },
    transform,
  ],
  [
    'a sidecar was restarted while the step runs',
    {
      spec: sidecar,
      ...withInit('Running', containerStatus(running, terminated(2), 'proxy'), RUNS),
    },
    undefined,
  ],
];

const LOW = 'The node was low on resource: memory. Container transform was using 1Gi, which exceeds its request of 0.';
const evicted = (...containerStatuses: readonly unknown[]): RawPodOptions => ({
  status: { phase: 'Failed', reason: 'Evicted', message: LOW, containerStatuses },
});
const preempted = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'PreemptionByScheduler',
  message: 'preempting',
  lastTransitionTime: at(15),
};
const disrupted = (phase: string, condition: unknown, ...containerStatuses: readonly unknown[]): RawPodOptions => ({
  status: { phase, conditions: [condition], containerStatuses },
});
const preemption = { reason: 'PreemptionByScheduler', message: 'preempting', at: at(15) };

const WHOLE: readonly Row[] = [
  [
    'evicted on 1.20, without container statuses',
    { status: { phase: 'Failed', reason: 'Evicted', message: LOW } },
    { reason: 'Evicted', message: LOW },
  ],
  ['evicted: the eviction killed the container', evicted(ended(137)), { reason: 'Evicted', message: LOW, at: at(20) }],
  [
    'evicted: the end of the container is unknown',
    evicted(ended(137, { reason: 'ContainerStatusUnknown', finishedAt: null })),
    { reason: 'Evicted', message: LOW },
  ],
  [
    'evicted after the container was OOMKilled',
    evicted(ended(137, OOM)),
    { ...transform, exitCode: 137, reason: 'OOMKilled' },
  ],
  ['evicted: the container exited with 0 on SIGTERM', evicted(ended(0)), { reason: 'Evicted', message: LOW }],
  [
    'the activeDeadlineSeconds of the Pod have passed',
    { status: { phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' } },
    { reason: 'DeadlineExceeded', message: 'too long' },
  ],
  ['preempted, and deleted with its node', disrupted('Failed', preempted), preemption],
  ['evicted after the container had failed itself', evicted(ended(1)), transform],
  ['preempted: the preemption killed the container', disrupted('Running', preempted, ended(143)), preemption],
  ['preempted after the container had failed itself', disrupted('Failed', preempted, ended(1)), transform],
  ['being preempted, and still running', disrupted('Running', preempted, RUNS), undefined],
  [
    'being preempted, killed once before, and running',
    disrupted('Running', preempted, containerStatus(running, terminated(137))),
    { ...transform, exitCode: 137, restarting: true },
  ],
  [
    'no longer being preempted: killed for another reason',
    disrupted('Failed', { ...preempted, status: 'False' }, ended(137)),
    { ...transform, exitCode: 137 },
  ],
  ['failed without any details', { status: { phase: 'Failed' } }, { reason: 'Failed', message: '' }],
  ['not failed: the node does not respond', { status: { phase: 'Unknown', reason: 'NodeLost' } }, undefined],
];

const proxy = (exitCode: number, more = {}): unknown => endedAs('mesh-proxy', exitCode, more);
const done = ended(0, { message: '42 rows' });
const completed = { container: 'transform', exitCode: 0, reason: 'Completed', message: '42 rows', at: at(20) };

/** Containers that a webhook of the cluster adds. */
const INJECTED: readonly Row[] = [
  [
    'completed, and the injected container that kept the Pod running was killed',
    failedPod(proxy(137), done),
    completed,
  ],
  [
    'completed, the injected container was killed, and the Pod has a reason',
    {
      status: {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'too long',
        containerStatuses: [proxy(137), done],
      },
    },
    { reason: 'DeadlineExceeded', message: 'too long', at: at(20) },
  ],
  [
    'completed, and the injected container is being killed',
    {
      ...runningPod(containerStatus(running, {}, 'mesh-proxy'), done),
      metadata: { deletionTimestamp: at(30) },
    },
    completed,
  ],
  ['failed, and the injected container was killed', failedPod(proxy(137), ended(7)), { ...transform, exitCode: 7 }],
  [
    'completed, and the injected container is still running, because the Pod may be gone when it is read next',
    runningPod(containerStatus(running, {}, 'mesh-proxy'), done),
    completed,
  ],
  [
    'completed, and the injected container failed itself',
    failedPod(proxy(3), done),
    { ...transform, container: 'mesh-proxy', exitCode: 3 },
  ],
];

describe('how a Pod failed', () => {
  it.each<Row>([...STEP, ...INIT, ...WHOLE, ...INJECTED])('%s', (_says, pod, termination) => {
    expect(endingOf(pod)).toStrictEqual(termination === undefined ? { failed: false } : { failed: true, termination });
  });

  it('keeps the beginning and the end of a long termination message, truncated between two characters', () => {
    const message = `panic: €${'é'.repeat(1500)}\nValueError: no such table\n`;
    const { termination } = endingOf(failedPod(ended(1, { message })));
    expect(termination?.message).toMatch(/^panic: €é+…é+\nValueError: no such table$/);
    expect(Buffer.byteLength(termination?.message ?? '')).toBeGreaterThan(1000);
    expect(Buffer.byteLength(termination?.message ?? '')).toBeLessThanOrEqual(1024);
  });
});

const success = { container: 'transform', exitCode: 0, reason: 'Completed', message: '', at: at(20) };

describe('how a Pod succeeded', () => {
  it.each<Row>([
    [
      'with a termination message',
      succeededPod(ended(0, { message: '42 rows\n' })),
      { ...success, message: '42 rows', result: '42 rows\n' },
    ],
    ['at the second attempt', succeededPod(containerStatus(terminated(0), terminated(1))), success],
    [
      'with another container: the container of the step is reported',
      inPhase('Succeeded', endedAs('proxy', 0, { message: 'x' }), ended(0)),
      success,
    ],
    [
      'without our label: the first container is reported',
      {
        metadata: { labels: {} },
        ...succeededPod(endedAs('a', 0), endedAs('b', 0)),
      },
      { ...success, container: 'a' },
    ],
    [
      'with a sidecar that was killed at the end',
      {
        spec: sidecar,
        ...withInit('Succeeded', endedAs('proxy', 137), ended(0)),
      },
      success,
    ],
    ['without any details', { status: { phase: 'Succeeded' } }, { reason: 'Completed', message: '' }],
  ])('%s', (_says, pod, termination) => {
    expect(endingOf(pod)).toStrictEqual(termination === undefined ? { failed: false } : { failed: false, termination });
  });
});

describe('the result of a step, its whole termination message,', () => {
  const resultOf = (pod: RawPodOptions): unknown => endingOf(pod).termination?.result;
  const own = (message: unknown, exitCode = 0): RawPodOptions => succeededPod(ended(exitCode, { message }));

  it.each<readonly [string, RawPodOptions, string | undefined]>([
    ['is kept with its line ends', own(' 4711\trows\n\n'), ' 4711\trows\n\n'],
    ['is kept whole up to 4096 bytes', own('x'.repeat(4096)), 'x'.repeat(4096)],
    ['is cut at 4096 bytes', own('x'.repeat(5000)), 'x'.repeat(4096)],
    ['is never cut within a character', own('€'.repeat(2000)), '€'.repeat(1365)],
    ['keeps what stands for bytes that are no UTF-8', own('\uFFFDPNG\uFFFD'), '\uFFFDPNG\uFFFD'],
    ['loses control characters', own('a\u0000b\u001B[31mc\r\nd\u202E'), 'abc\nd'],
    ['loses half a character', own('a\uD800b'), 'a\uFFFDb'],
    ['is none if it is empty', own(''), undefined],
    ['is none if only control characters are in it', own('\u0000\u0001'), undefined],
    ['is none of the wrong type', own({}), undefined],
    [
      'is that of its own container',
      succeededPod(endedAs('proxy', 0, { message: 'no' }), ended(0, { message: 'yes' })),
      'yes',
    ],
    ['is none of another container', succeededPod(endedAs('proxy', 0, { message: 'no' })), undefined],
    ['is none with another exit code', own('no', 3), undefined],
    ['is none without an exit code', succeededPod(ended(0, { message: 'no', exitCode: null })), undefined],
    ['is none while its Pod runs', runningPod(ended(0, { message: 'no' })), undefined],
    ['is none if its Pod failed', failedPod(ended(1, { message: 'no' })), undefined],
    ['is none if the Pod failed behind it', failedPod(ended(0, { message: 'no' }), endedAs('proxy', 1)), undefined],
    ['is none if the Pod says nothing of its containers', inPhase('Succeeded'), undefined],
  ])('%s', (_says, pod, result) => {
    expect(resultOf(pod)).toBe(result);
  });

  it('leaves the message that the status shows as it was', () => {
    expect(endingOf(own(`${'x'.repeat(4000)}\n`)).termination?.message).toBe(
      endingOf(failedPod(ended(1, { message: `${'x'.repeat(4000)}\n` }))).termination?.message,
    );
  });
});
