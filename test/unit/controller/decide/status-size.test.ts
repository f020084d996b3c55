import { describe, expect, it } from '@jest/globals';
import { truncateStatus, fitSteps, MAX_TRUNCATIONS } from '../../../../controller/decide/status-size.ts';
import { decide } from '../../../../controller/decide/index.ts';
import { MAX_RESULT_BYTES, MAX_RESULTS, RESULT_PREFIX } from '../../../../shared/api/group.ts';
import type { SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import { getCondition } from '../../../../shared/conditions.ts';
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
const skipped = (from: number, to: number): readonly StepStatus[] =>
  Array.from({ length: to - from }, (_, i) => ({ index: from + i, name: LONGEST, state: 'Skipped' }));
/** The same with this result in as many steps as may have one, each so far behind the one before. */
function withResults(given: readonly StepStatus[], result: string, distance = 1): readonly StepStatus[] {
  return deepFreeze(
    Array.from({ length: MAX_RESULTS }, (_, i) => i * distance).reduce((all, i) => {
      const one = all[i];
      return one === undefined ? all : all.with(i, { ...one, result });
    }, given),
  );
}
const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const last = step(999, { state: 'Failed', reason: 'Error', message: '€'.repeat(341) });

describe('fitSteps', () => {
  it.each<readonly [string, readonly StepStatus[]]>([
    ['none', []],
    ['78 steps with the longest messages', steps(78, { message: 'm'.repeat(1024) })],
    ['500 steps with short names', steps(500, { name: 'a', jobName: 'b' })],
  ])('does not change steps within the limit: %s', (_says, given) => {
    expect(fitSteps(given)).toBe(given);
  });

  it.each<readonly [string, readonly StepStatus[]]>([
    ['with the longest names', steps(1000)],
    ['with the longest messages', steps(1000, { message: 'm'.repeat(1024), reason: 'Completed' })],
    ['with messages of three bytes a character', steps(1000, { message: '€'.repeat(341) })],
    ['the last of which failed', deepFreeze([...steps(999), last])],
    ['all of which failed', steps(1000, { state: 'Failed', reason: 'Error', message: 'm'.repeat(1024) })],
    [
      'that failed with messages of three bytes a character',
      steps(1000, { state: 'Failed', message: '€'.repeat(341) }),
    ],
    [
      'every other of which failed',
      deepFreeze(
        Array.from({ length: 1000 }, (_, i) =>
          step(i, i % 2 === 0 ? {} : { state: 'Failed', message: 'm'.repeat(1024) }),
        ),
      ),
    ],
    ['all but the first of which were skipped', deepFreeze([step(0), ...skipped(1, 1000)])],
  ])('reduces 1000 steps %s below the limit', (_says, given) => {
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

  it('truncates messages first, the oldest first, and no more than necessary', () => {
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
  ])('does not change %s', (_says, index, change) => {
    const given = deepFreeze([...steps(1000)].with(index, step(index, change)));
    expect(fitSteps(given)[index]).toBe(given[index]);
    expect(fitSteps(given)[index === 5 ? 6 : 5]).not.toHaveProperty('exitCode');
  });

  it('truncates succeeded steps before failed ones', () => {
    const failedStep = step(0, { state: 'Failed', reason: 'Error', message: 'm'.repeat(1024) });
    const given = deepFreeze([failedStep, ...steps(1000).slice(1)]);
    expect(fitSteps(given)[0]).toBe(failedStep);
  });

  it('truncates failed steps if necessary, the oldest first, and always keeps the message of the last one', () => {
    const fitted = fitSteps(steps(1000, { state: 'Failed', reason: 'Error', message: 'm'.repeat(1024) }));
    const cut = fitted.map(({ message }) => message === undefined);
    expect(cut[0]).toBe(true);
    expect(fitted.at(-1)?.message).toHaveLength(1024);
    expect(cut.slice(cut.indexOf(false))).not.toContain(true);
  });

  it.each(['Succeeded', 'Failed'] as const)(
    'does not change the failed step before the skipped ones, even after many steps with the state %s',
    (state) => {
      const ended = step(800, { state: 'Failed', reason: 'Error', message: 'why' });
      const before = steps(800, { state, reason: 'Error', message: 'm'.repeat(1024) });
      const fitted = fitSteps(deepFreeze([...before, ended, ...skipped(801, 1000)]));
      expect(size(fitted)).toBeLessThan(224 * 1024);
      expect(fitted[800]).toBe(ended);
      expect(fitted[799]).not.toHaveProperty('message');
    },
  );

  it.each<readonly [string, string]>([
    ['of one byte a character', 'x'.repeat(MAX_RESULT_BYTES)],
    ['of three bytes a character', '€'.repeat(MAX_RESULT_BYTES / 3)],
    ['of characters that JSON escapes', '"\\\n\t'.repeat(MAX_RESULT_BYTES / 4)],
  ])('keeps all results %s, and what is needed of 1000 steps with them', (_says, result) => {
    const given = withResults(steps(1000), result, 60);
    expect(given.filter((one) => one.result !== undefined)).toHaveLength(MAX_RESULTS);
    const fitted = fitSteps(given);
    expect(size(fitted)).toBeLessThan(236 * 1024);
    for (const [i, one] of fitted.entries()) {
      expect(one).toMatchObject({ index: i, name: LONGEST, state: 'Succeeded' });
      expect(one.result).toBe(given[i]?.result);
    }
    expect(fitted.at(-1)).toBe(given.at(-1));
    expect(fitSteps(fitted)).toEqual(fitted);
  });

  it('truncates a few steps that have results', () => {
    const result = '"'.repeat(MAX_RESULT_BYTES);
    const message = 'm'.repeat(1024);
    const fitted = fitSteps(withResults(steps(100, { message }), result));
    expect(size(fitted)).toBeLessThan(224 * 1024);
    expect(fitted.slice(0, MAX_RESULTS).every((one) => one.result === result)).toBe(true);
    expect(fitted.at(-1)?.message).toBe(message);
  });

  it('is idempotent, so the status is stable', () => {
    const fitted = fitSteps(steps(1000, { message: 'm'.repeat(100) }));
    expect(fitSteps(fitted)).toEqual(fitted);
  });
});

describe('the whole status', () => {
  const containers = Array.from({ length: 1000 }, (_, i) =>
    container(`${LONGEST.slice(4)}${String(i).padStart(4, '0')}`),
  );
  const object = sequentialJob({ metadata: { name: LONGEST }, spec: { steps: containers } });
  const ran = (more: Partial<StepStatus> = {}): readonly StepStatus[] =>
    containers.slice(0, 999).map(({ name }, i) => step(i, { name, jobName: stepJobName(object, i, 0), ...more }));

  it.each<readonly [string, readonly StepStatus[]]>([
    ['succeeded', ran()],
    ['failed with onFailure: Continue', ran({ state: 'Failed', reason: 'Error', message: 'm'.repeat(1024) })],
  ])(
    'of 1000 steps with the longest names, the last of which failed and the others %s, stays below 256 KiB',
    (_says, before) => {
      const jobName = stepJobName(object, 999, 0);
      const status = {
        observedGeneration: 1,
        startTime: at(0),
        steps: [...before, { ...last, jobName, state: 'Running' as const }],
      };
      const conditions = [
        { type: 'Failed', status: 'True', reason: 'Error', message: 'm'.repeat(1024), lastTransitionTime: at(0) },
      ];
      const job = observedJob(999, { metadata: { name: jobName }, status: { failed: 4, conditions } });
      const findings = { [jobName]: { type: 'inspected' } } as const;
      const decision = decide(deepFreeze({ object: { ...object, status }, jobs: [job], findings }), NOW_MS);
      expect(decision.status?.phase).toBe('Failed');
      expect(size(decision.status)).toBeLessThan(LIMIT);
    },
  );

  it('of 1000 steps with the longest names and results that JSON escapes stays below 256 KiB', () => {
    const result = '"'.repeat(MAX_RESULT_BYTES);
    const before = withResults(ran(), result);
    const names = before.slice(0, MAX_RESULTS).map(({ name }) => `metadata.annotations['${RESULT_PREFIX}${name}']`);
    const env = names.map((fieldPath) => ({ name: 'V', valueFrom: { fieldRef: { fieldPath } } }));
    const spec = { ...object.spec, steps: [...containers.slice(0, 999), { ...container(LONGEST), env }] };
    const findings = {
      [stepJobName({ ...object, spec }, 999, 0)]: { type: 'rejected', message: '€'.repeat(4096) },
    } as const;
    const status = { observedGeneration: 1, startTime: at(0), steps: before };
    const decision = decide(deepFreeze({ object: { ...object, spec, status }, jobs: [], findings }), NOW_MS);
    expect(decision.status?.phase).toBe('Failed');
    expect(decision.status?.steps?.filter((one) => one.result === result)).toHaveLength(MAX_RESULTS);
    expect(size(decision.status)).toBeLessThan(LIMIT);
    for (const step of truncateStatus(decision.status ?? {}, MAX_TRUNCATIONS).steps?.slice(0, MAX_RESULTS) ?? [])
      expect(step.result).toBe(result);
  });

  it('of 1000 steps with the longest names, the first of which failed, stays below 256 KiB', () => {
    const findings = { [stepJobName(object, 0, 0)]: { type: 'rejected', message: '€'.repeat(4096) } } as const;
    const status = { observedGeneration: 1, startTime: at(0) };
    const decision = decide(deepFreeze({ object: { ...object, status }, jobs: [], findings }), NOW_MS);
    expect(decision.status?.steps?.filter(({ state }) => state === 'Skipped')).toHaveLength(999);
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it('of 1000 steps with onFailure: Continue that all failed stays below 256 KiB, although it names them', () => {
    const failedSteps = containers.map(({ name }, i) =>
      step(i, { name, jobName: stepJobName(object, i, 0), state: 'Failed' }),
    );
    const status = { observedGeneration: 1, startTime: at(0), steps: failedSteps };
    const spec = { ...object.spec, steps: containers.map((one) => ({ ...one, onFailure: 'Continue' as const })) };
    const decision = decide(deepFreeze({ object: { ...object, spec, status }, jobs: [], findings: {} }), NOW_MS);
    expect(decision.status?.phase).toBe('Completed');
    expect(getCondition(decision.status?.conditions, 'Complete')?.message).toMatch(/^0 of 1000 .* and 995 more$/);
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it('stays below 256 KiB for any number of missing objects', () => {
    const missing = Array.from(
      { length: 500 },
      (_, i) => ({ kind: 'Secret', name: `${'s'.repeat(240)}${i}` }) as const,
    );
    const findings = { 'etl-0-extract': { type: 'dependencies', missing } } as const;
    const decision = decide(deepFreeze({ object: sequentialJob(), jobs: [], findings }), NOW_MS);
    expect(getCondition(decision.status?.conditions, 'ResourcesUnavailable')?.message).toMatch(
      / and 495 more not found$/,
    );
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it('stays below 256 KiB for any number of errors in the spec', () => {
    const broken = containers.map(({ name }) => container(name, { image: ' ', env: [{ name: '=' }, { name: '' }] }));
    const decision = decide(
      deepFreeze({ object: sequentialJob({ spec: { steps: broken } }), jobs: [], findings: {} }),
      NOW_MS,
    );
    expect(decision.status?.progress?.failureReason).toBe('InvalidSpec');
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it.each<readonly [string, 'trouble' | 'finding']>([
    ['if the error is transient', 'trouble'],
    ['if the Job was rejected', 'finding'],
  ])("stays below 256 KiB for any length of the API server's message, %s", (_says, where) => {
    const message = '€'.repeat(200_000);
    const more =
      where === 'trouble'
        ? { findings: {}, trouble: message }
        : { findings: { 'etl-0-extract': { type: 'rejected', message } as const } };
    const decision = decide(deepFreeze({ object: sequentialJob(), jobs: [], ...more }), NOW_MS);
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });

  it("stays below 256 KiB for any length of a Job's messages", () => {
    const conditions = [{ type: 'Failed', status: 'True', reason: 'Error', message: '€'.repeat(32_768) }];
    const status = {
      observedGeneration: 1,
      startTime: at(0),
      steps: [{ ...step(0), name: 'extract', jobName: 'etl-0-extract', state: 'Running' as const }],
    };
    const job = observedJob(0, { status: { conditions } });
    const findings = { 'etl-0-extract': { type: 'inspected' } } as const;
    const decision = decide(deepFreeze({ object: sequentialJob({ status }), jobs: [job], findings }), NOW_MS);
    expect(decision.status?.phase).toBe('Failed');
    expect(size(decision.status)).toBeLessThan(LIMIT);
  });
});

describe('cutStatus', () => {
  const LONG = 'm'.repeat(1024);
  const failing = (index: number): StepStatus => step(index, { state: 'Failed', reason: 'Error', message: LONG });
  const status: SequentialJobStatus = deepFreeze({
    observedGeneration: 1,
    phase: 'Failed',
    conditions: [{ type: 'Failed', status: 'True', reason: 'X', message: LONG, lastTransitionTime: at(9) }],
    progress: { completedIndices: [], failedIndex: 1, failureReason: 'X', failureMessage: LONG, summary: '0/3' },
    steps: [failing(0), failing(1), { index: 2, name: 's2', state: 'Skipped' }],
    startTime: at(0),
    resumes: 2,
  });
  const times = { startTime: at(0), completionTime: at(1) };
  const bare = { index: 0, name: LONGEST, state: 'Failed' };
  const { message: _, ...lastStep } = failing(1);
  const shortened = `${'m'.repeat(255)}…`;

  it('does not change a status within the limit', () => {
    expect(truncateStatus(status, 0)).toBe(status);
  });

  it('first drops the messages of all steps, and nothing else', () => {
    const { message: __, ...first } = failing(0);
    expect(truncateStatus(status, 1)).toEqual({ ...status, steps: [first, lastStep, status.steps?.[2]] });
  });

  it('then all details of the steps, except for the last started one', () => {
    expect(truncateStatus(status, 2)).toEqual({
      ...status,
      steps: [{ ...bare, ...times }, lastStep, status.steps?.[2]],
    });
  });

  it('then the ends of other long texts', () => {
    const cut = truncateStatus(status, 3);
    expect(cut.conditions?.map(({ message }) => message)).toEqual([shortened]);
    expect(cut.progress).toEqual({ ...status.progress, failureMessage: shortened });
  });

  it('then the times of the steps, except for the last one; the sequence can continue with the remaining fields', () => {
    expect(truncateStatus(status, MAX_TRUNCATIONS)).toMatchObject({
      steps: [bare, lastStep, status.steps?.[2]],
      resumes: 2,
    });
    expect(truncateStatus(status, MAX_TRUNCATIONS).steps?.[0]).toEqual(bare);
  });

  it('makes the status smaller each time, and does not truncate a truncated text again', () => {
    for (let cut = 0; cut < MAX_TRUNCATIONS; cut++) {
      const [before, after] = [truncateStatus(status, cut), truncateStatus(status, cut + 1)];
      expect(size(after)).toBeLessThan(size(before));
      expect(truncateStatus(after, cut + 1)).toEqual(after);
    }
    expect(truncateStatus(status, MAX_TRUNCATIONS + 1)).toEqual(truncateStatus(status, MAX_TRUNCATIONS));
  });

  it('accepts an empty status', () => {
    expect(truncateStatus({ resumes: 0 }, MAX_TRUNCATIONS)).toEqual({ conditions: [], resumes: 0 });
  });
});
