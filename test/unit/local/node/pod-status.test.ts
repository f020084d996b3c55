import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../../../local/node/objects.ts';
import { lostStatus, wasStarted } from '../../../../local/node/pod-manager.ts';
import {
  podPhase,
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
    ['Pending while an init container runs', facts({ init: [running], main: [waiting] }), 'Pending'],
    [
      'Pending when a failed init container may run again',
      facts({ pod: pod('OnFailure'), init: [bad], main: [waiting] }),
      'Pending',
    ],
    ['Running while one backs off', facts({ pod: pod('OnFailure'), main: [backingOff] }), 'Running'],
    ['Running when a failed one will run again', facts({ pod: pod('OnFailure'), main: [bad] }), 'Running'],
    ['Running when all ended and will run again', facts({ pod: pod('Always'), main: [good] }), 'Running'],
    ['Failed when it was stopped before it succeeded', facts({ main: [waiting], stopped: true }), 'Failed'],
    ['Succeeded when it had succeeded before it was stopped', facts({ main: [good], stopped: true }), 'Succeeded'],
  ])('is %s', (_, given, expected) => {
    expect(podPhase(given)).toBe(expected);
  });
});

describe('a Pod of a previous node process', () => {
  it('counts as started if any container had started', () => {
    const base = { name: 'c', image: '', imageID: '', ready: false, restartCount: 0 };
    expect(wasStarted(pod())).toBe(false);
    expect(
      wasStarted({ ...pod(), status: { containerStatuses: [{ ...base, state: { waiting: { reason: 'x' } } }] } }),
    ).toBe(false);
    expect(wasStarted({ ...pod(), status: { containerStatuses: [{ ...base, state: { running: {} } }] } })).toBe(true);
  });

  it('is failed', () => {
    expect(lostStatus(pod(), 1000)).toMatchObject({
      phase: 'Failed',
      reason: 'NodeLost',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
  });
});
