import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import { truncateStatus, MAX_TRUNCATIONS } from '../../../../controller/decide/status-size.ts';
import type { Context, Snapshot } from '../../../../controller/decide/types.ts';
import { blockingDependencies, obstacle, retryMs } from '../../../../controller/decide/resources-unavailable.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { Condition, SequentialJobStatus } from '../../../../shared/api/types.ts';
import type { Dependency } from '../../../../shared/jobs/dependencies.ts';
import { at, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';
import { eventLook, jobWarning, JOB_UID, observedPod, POD_NAME } from '../../../support/pods.ts';

function condition(more: Partial<Condition> = {}): Condition {
  const message = 'Secret "db" not found';
  const type = 'ResourcesUnavailable';
  return { type, status: 'True', reason: 'SecretNotFound', message, lastTransitionTime: at(0), ...more };
}

function context(seconds: number, status: SequentialJobStatus = {}, more: Partial<Snapshot> = {}): Context {
  const nowMs = NOW_MS + seconds * 1000;
  const object = sequentialJob({ status: { startTime: at(0), ...status } });
  const snapshot: Snapshot = { object, jobs: [], findings: {}, ...more };
  return { snapshot, draft: recordedDraft(snapshot), now: toTimestamp(nowMs), nowMs };
}

const SECRET: Dependency = { kind: 'Secret', name: 'db' };
const CLAIM: Dependency = { kind: 'PersistentVolumeClaim', name: 'data' };
const MAP: Dependency = { kind: 'ConfigMap', name: 'rules' };
const needs = (...missing: readonly Dependency[]): Snapshot['findings'] => ({
  'etl-0-extract': { type: 'dependencies', missing },
});

describe('recheckMs', () => {
  it.each<readonly [string, number, readonly Condition[], number]>([
    ['no condition is recorded: 5 s', 0, [], 5_000],
    ['the condition is False: 5 s', 900, [condition({ status: 'False' })], 5_000],
    ['it became missing just now: 5 s', 0, [condition()], 5_000],
    ['it has been missing for 20 s: still 5 s', 20, [condition()], 5_000],
    ['it has been missing for 40 s: 10 s', 40, [condition()], 10_000],
    ['it has been missing for 100 s: 25 s', 100, [condition()], 25_000],
    ['it has been missing for two minutes: 30 s', 120, [condition()], 30_000],
    ['it has been missing for a day: 30 s', 86_400, [condition()], 30_000],
    ['the clock was set back: 5 s', -3600, [condition()], 5_000],
  ])('%s', (_says, seconds, conditions, expected) => {
    expect(retryMs(context(seconds, { conditions }))).toBe(expected);
  });

  it('checks at most 20 times in the first five minutes', () => {
    let looks = 0;
    for (let seconds = 0; seconds < 300; looks++)
      seconds += retryMs(context(seconds, { conditions: [condition()] })) / 1000;
    expect(looks).toBeLessThanOrEqual(20);
  });
});

describe('an object that an init container of the step may create', () => {
  const mayBeCreated = { ...SECRET, mayBeCreated: true } as const;

  it.each<readonly [string, number, readonly Condition[], boolean]>([
    ['is waited for at first', 0, [], true],
    ['is waited for, for 15 s', 14, [condition()], true],
    ['is not waited for any longer', 15, [condition()], false],
    [
      'is not waited for again if a full quota has rejected the Job since',
      1,
      [condition({ reason: 'QuotaExceeded' })],
      false,
    ],
    ['is not waited for again if a permission is missing', 1, [condition({ reason: 'PermissionDenied' })], false],
  ])('%s', (_says, seconds, conditions, isAwaited) => {
    expect(blockingDependencies([mayBeCreated], context(seconds, { conditions }))).toEqual(
      isAwaited ? [mayBeCreated] : [],
    );
  });

  it('is waited for while another object is missing', () => {
    const missing = [mayBeCreated, MAP];
    expect(blockingDependencies(missing, context(3600, { conditions: [condition()] }))).toEqual(missing);
  });
});

describe('obstacle, before the Job exists', () => {
  it.each<readonly [string, Snapshot['findings'], unknown]>([
    ['the dependencies were not checked', {}, undefined],
    ['nothing is missing', needs(), undefined],
    ['the Job was rejected', { 'etl-0-extract': { type: 'rejected', message: 'no' } }, undefined],
    [
      'a missing dependency of another step',
      { 'etl-1-transform': { type: 'dependencies', missing: [SECRET] } },
      undefined,
    ],
    ['a Secret', needs(SECRET), { reason: 'SecretNotFound', message: 'Secret "db" not found' }],
    ['a ConfigMap', needs(MAP), { reason: 'ConfigMapNotFound', message: 'ConfigMap "rules" not found' }],
    [
      'a claim',
      needs(CLAIM),
      { reason: 'PersistentVolumeClaimNotFound', message: 'PersistentVolumeClaim "data" not found' },
    ],
    [
      'two objects: the reason is that of the first',
      needs(MAP, CLAIM),
      { reason: 'ConfigMapNotFound', message: 'ConfigMap "rules", PersistentVolumeClaim "data" not found' },
    ],
  ])('%s', (_says, findings, expected) => {
    const found = obstacle(context(0, {}, { findings }));
    expect(found).toEqual(expected === undefined ? undefined : { ...(expected as object), isRecorded: false });
  });

  it.each<readonly [string, readonly Condition[], boolean]>([
    ['is recorded if the condition has the same message', [condition()], true],
    [
      'is not recorded if the condition has another message',
      [condition({ message: 'Secret "other" not found' })],
      false,
    ],
    ['is not recorded if the condition is False', [condition({ status: 'False' })], false],
  ])('%s', (_says, conditions, expected) => {
    expect(obstacle(context(0, { conditions }, { findings: needs(SECRET) }))?.isRecorded).toBe(expected);
  });
});

describe('obstacle, in a truncated status', () => {
  const many = Array.from({ length: 3 }, (_, i) => ({ ...SECRET, name: `secret-${i}`.padEnd(200, 'x') }));

  it('is recognized again', () => {
    const whole = context(0, {}, { findings: needs(...many) });
    const message = obstacle(whole)?.message ?? '';
    const cut = truncateStatus({ conditions: [condition({ message })] }, MAX_TRUNCATIONS);
    expect(cut.conditions?.[0]?.message).toHaveLength(256);
    expect(obstacle(context(0, cut, { findings: needs(...many) }))?.isRecorded).toBe(true);
  });
});

describe('obstacle, while the step runs', () => {
  const running: SequentialJobStatus = {
    steps: [
      { index: 0, name: 'extract', state: 'Succeeded' },
      { index: 1, name: 'transform', jobName: 'etl-1-transform', jobUID: JOB_UID, state: 'Running' },
    ],
  };
  const waiting = observedJob(1, { status: { startTime: at(0) } });

  it('is what prevents its Pod from starting, even if an object is missing as well', () => {
    const pods = [observedPod({ obstacle: { reason: 'ErrImagePull', message: 'not found' } })];
    expect(obstacle(context(0, running, { jobs: [waiting], pods, findings: needs(SECRET) }))).toEqual({
      reason: 'ErrImagePull',
      message: `Pod "${POD_NAME}": not found`,
      isRecorded: false,
    });
  });

  it('is what the Job controller reports', () => {
    expect(obstacle(context(0, running, { jobs: [waiting], eventLookup: eventLook([jobWarning()]) }))?.reason).toBe(
      'FailedCreate',
    );
  });

  it('is absent if the Job is not cached, or there are no cached Pods', () => {
    expect(
      obstacle(context(0, running, { pods: [observedPod({ obstacle: { reason: 'x', message: 'x' } })] })),
    ).toBeUndefined();
    expect(obstacle(context(0, running, { jobs: [waiting] }))).toBeUndefined();
  });

  it('is truncated to the limit of the status, and recognized again', () => {
    const pods = [observedPod({ obstacle: { reason: 'Unschedulable', message: 'm'.repeat(9999) } })];
    const first = obstacle(context(0, running, { jobs: [waiting], pods }));
    expect(Buffer.byteLength(first?.message ?? '')).toBe(2048);
    const conditions = [condition({ message: first?.message ?? '' })];
    expect(obstacle(context(0, { ...running, conditions }, { jobs: [waiting], pods }))?.isRecorded).toBe(true);
  });
});
