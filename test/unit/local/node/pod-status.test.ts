import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../../../local/node/objects.ts';
import { lostStatus, wasStarted } from '../../../../local/node/pod-manager.ts';
import {
  podPhase,
  podStatus,
  type ContainerRecord,
  type ContainerState,
  type PodPhaseInput,
  type Terminated,
} from '../../../../local/node/pod-status.ts';

const pod = (restartPolicy = 'Never'): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1' },
  spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy },
});
const ended = (exitCode: number): Terminated => ({
  kind: 'terminated',
  exitCode,
  reason: 'x',
  startedAt: 0,
  finishedAt: 1000,
});
const record = (state: ContainerState, last?: Terminated): ContainerRecord => ({
  name: 'c',
  image: 'i',
  state,
  restarts: 0,
  ...(last === undefined ? {} : { last }),
});
const waiting = record({ kind: 'waiting', reason: 'ContainerCreating' });
const running = record({ kind: 'running', startedAt: 0 });
const backingOff = record({ kind: 'waiting', reason: 'CrashLoopBackOff' }, ended(1));
const good = record(ended(0));
const bad = record(ended(1));
const facts = (part: Partial<PodPhaseInput>): PodPhaseInput => ({
  pod: pod(),
  init: [],
  main: [],
  stopped: false,
  ...part,
});

describe('podPhase', () => {
  it.each<[string, PodPhaseInput, string]>([
    ['Pending while a container waits', facts({ main: [running, waiting] }), 'Pending'],
    ['Pending while an init container runs', facts({ init: [running], main: [waiting] }), 'Pending'],
    ['Failed when an init container failed for good', facts({ init: [bad], main: [waiting] }), 'Failed'],
    [
      'Pending when a failed init container may run again',
      facts({ pod: pod('OnFailure'), init: [bad], main: [waiting] }),
      'Pending',
    ],
    ['Running while one runs', facts({ init: [good], main: [running, bad] }), 'Running'],
    ['Running while one backs off', facts({ pod: pod('OnFailure'), main: [backingOff] }), 'Running'],
    ['Succeeded when all succeeded', facts({ main: [good, good] }), 'Succeeded'],
    ['Failed when one failed', facts({ main: [good, bad] }), 'Failed'],
    ['Running when a failed one will run again', facts({ pod: pod('OnFailure'), main: [bad] }), 'Running'],
    ['Running when all ended and will run again', facts({ pod: pod('Always'), main: [good] }), 'Running'],
    ['Failed when it was stopped before it succeeded', facts({ main: [waiting], stopped: true }), 'Failed'],
    ['Succeeded when it had succeeded before it was stopped', facts({ main: [good], stopped: true }), 'Succeeded'],
    ['Failed for a reason of its own', facts({ main: [running], failure: { reason: 'r', message: 'm' } }), 'Failed'],
  ])('is %s', (_, given, expected) => {
    expect(podPhase(given)).toBe(expected);
  });
});

describe('podStatus', () => {
  const status = (main: readonly ContainerRecord[], given = pod(), now = 5000) =>
    podStatus({ pod: given, init: [], main, startTime: 0, stopped: false, now });

  it('says Ready while the containers run', () => {
    expect(status([running]).conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
  });

  it('moves a transition time only when the condition flips', () => {
    const first = status([running]);
    const later = status([running], { ...pod(), status: first }, 9000);
    const end = status([good], { ...pod(), status: later }, 9000);
    const time = (of: typeof first) => of.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    expect([time(first), time(later), time(end)]).toEqual([
      '1970-01-01T00:00:05Z',
      '1970-01-01T00:00:05Z',
      '1970-01-01T00:00:09Z',
    ]);
  });

  it('tells how the run before ended', () => {
    expect(status([backingOff]).containerStatuses?.[0]).toMatchObject({
      state: { waiting: {} },
      lastState: { terminated: { exitCode: 1 } },
    });
  });
});

describe('a Pod of an earlier node', () => {
  it('had started if any container had', () => {
    const base = { name: 'c', image: '', imageID: '', ready: false, restartCount: 0 };
    expect(wasStarted(pod())).toBe(false);
    expect(
      wasStarted({ ...pod(), status: { containerStatuses: [{ ...base, state: { waiting: { reason: 'x' } } }] } }),
    ).toBe(false);
    expect(wasStarted({ ...pod(), status: { containerStatuses: [{ ...base, state: { running: {} } }] } })).toBe(true);
  });

  it('has failed', () => {
    expect(lostStatus(pod(), 1000)).toMatchObject({
      phase: 'Failed',
      reason: 'NodeLost',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
  });
});
