import { describe, expect, it } from '@jest/globals';
import { fitSteps } from '../../../../controller/decide/size.ts';
import { decide } from '../../../../controller/decide/index.ts';
import type { StepStatus } from '../../../../shared/api/types.ts';
import { stepJobName } from '../../../../shared/jobs/job.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at, container, jobUid, NOW_MS, observedJob, sequentialJob } from '../../../support/objects.ts';

const LIMIT = 256 * 1024;
const LONGEST = 'x'.repeat(63);

function step(index: number, more: Partial<StepStatus> = {}): StepStatus {
  return {
    index,
    name: LONGEST,
    jobName: LONGEST,
    jobUID: jobUid(index),
    state: 'Succeeded',
    startTime: at(index),
    completionTime: at(index + 1),
    attempts: 4,
    exitCode: 0,
    ...more,
  };
}

const steps = (count: number, more: Partial<StepStatus> = {}): readonly StepStatus[] =>
  deepFreeze(Array.from({ length: count }, (_, i) => step(i, more)));
const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const last = step(999, { state: 'Failed', reason: 'Error', message: '€'.repeat(341) });

describe('fitSteps', () => {
  it.each<readonly [string, readonly StepStatus[]]>([
    ['none', []],
    ['a few, whatever they say', steps(100, { message: 'm'.repeat(1024) })],
    ['many that are small', steps(500, { name: 'a', jobName: 'b' })],
  ])('leaves alone what fits: %s', (_says, given) => {
    expect(fitSteps(given)).toBe(given);
  });

  it.each<readonly [string, readonly StepStatus[]]>([
    ['of the longest names', steps(1000)],
    ['with the longest messages', steps(1000, { message: 'm'.repeat(1024), reason: 'Completed' })],
    ['with messages of three bytes a character', steps(1000, { message: '€'.repeat(341) })],
    ['of which the last failed', deepFreeze([...steps(999), last])],
  ])('brings 1000 steps %s below the limit', (_says, given) => {
    const fitted = fitSteps(given);
    expect(size(fitted)).toBeLessThan(224 * 1024);
    expect(fitted).toHaveLength(1000);
  });

  it('always keeps index, name, state and times', () => {
    for (const [i, { index, name, state, startTime, completionTime }] of fitSteps(steps(1000)).entries()) {
      expect({ index, name, state, startTime, completionTime }).toEqual({
        index: i,
        name: LONGEST,
        state: 'Succeeded',
        startTime: at(i),
        completionTime: at(i + 1),
      });
    }
  });

  it('cuts the messages first, the oldest first, and no more than it must', () => {
    const given = steps(300, { name: 'n', jobName: 'j', message: 'm'.repeat(1000) });
    const fitted = fitSteps(given);
    const cut = fitted.map(({ message }) => message === undefined);
    const kept = cut.indexOf(false);
    expect(kept).toBeGreaterThan(0);
    expect(cut.slice(kept)).not.toContain(true);
    expect(fitted.every(({ jobUID, exitCode }) => jobUID !== undefined && exitCode === 0)).toBe(true);
  });

  it.each<readonly [string, number, Partial<StepStatus>]>([
    ['a step that failed', 5, { state: 'Failed', reason: 'Error', message: 'why' }],
    ['a step that was skipped', 5, { state: 'Skipped' }],
    ['the last step', 999, {}],
  ])('leaves %s untouched', (_says, index, change) => {
    const given = deepFreeze([...steps(1000)].with(index, step(index, change)));
    expect(fitSteps(given)[index]).toBe(given[index]);
    expect(fitSteps(given)[index === 5 ? 6 : 5]).not.toHaveProperty('exitCode');
  });

  it('says the same when it is asked again: the status comes to rest', () => {
    const fitted = fitSteps(steps(1000, { message: 'm'.repeat(100) }));
    expect(fitSteps(fitted)).toEqual(fitted);
  });
});

describe('the whole status', () => {
  const containers = Array.from({ length: 1000 }, (_, i) =>
    container(`${LONGEST.slice(4)}${String(i).padStart(4, '0')}`),
  );
  const object = sequentialJob({ metadata: { name: LONGEST }, spec: { containers } });
  const done = containers.slice(0, 999).map(({ name }, i) => step(i, { name, jobName: stepJobName(object, i, 0) }));

  it.each<readonly [string, StepStatus]>([
    ['runs', step(999, { state: 'Running' })],
    ['failed', last],
  ])('of 1000 steps of the longest names, the last of which %s, stays below 256 KiB', (_says, end) => {
    const jobName = stepJobName(object, 999, 0);
    const status = {
      observedGeneration: 1,
      startTime: at(0),
      steps: [...done, { ...end, jobName, state: 'Running' as const }],
    };
    const conditions = [
      { type: 'Failed', status: 'True', reason: 'Error', message: 'm'.repeat(1024), lastTransitionTime: at(0) },
    ];
    const job = observedJob(999, { metadata: { name: jobName }, status: { failed: 4, conditions } });
    const decision = decide(deepFreeze({ object: { ...object, status }, jobs: [job], findings: {} }), NOW_MS);
    expect(decision.status?.phase).toBe('Failed');
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it('stays below 256 KiB however many faults the spec has', () => {
    const broken = containers.map(({ name }) => container(name, { image: ' ', env: [{ name: '=' }, { name: '' }] }));
    const decision = decide(
      deepFreeze({ object: sequentialJob({ spec: { containers: broken } }), jobs: [], findings: {} }),
      NOW_MS,
    );
    expect(decision.status?.progress?.failureReason).toBe('InvalidSpec');
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it.each<readonly [string, 'trouble' | 'finding']>([
    ['in passing', 'trouble'],
    ['for good', 'finding'],
  ])('stays below 256 KiB however much the API server has to say, %s', (_says, where) => {
    const message = '€'.repeat(200_000);
    const more =
      where === 'trouble'
        ? { findings: {}, trouble: message }
        : { findings: { 'etl-0-extract': { type: 'rejected', message } as const } };
    const decision = decide(deepFreeze({ object: sequentialJob(), jobs: [], ...more }), NOW_MS);
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it('stays below 256 KiB however long the words of a Job', () => {
    const conditions = [{ type: 'Failed', status: 'True', reason: 'Error', message: '€'.repeat(32_768) }];
    const status = {
      observedGeneration: 1,
      startTime: at(0),
      steps: [{ ...step(0), name: 'extract', state: 'Running' as const }],
    };
    const job = observedJob(0, { status: { conditions } });
    const decision = decide(deepFreeze({ object: sequentialJob({ status }), jobs: [job], findings: {} }), NOW_MS);
    expect(decision.status?.phase).toBe('Failed');
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });
});
