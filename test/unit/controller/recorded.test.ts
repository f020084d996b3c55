/**
 * What a sequence tells on a real Kubernetes 1.36.3: recorded watch events of its sequences (test/fixtures/recorded/v1.36.3/watch),
 * brought to the whole controller. The stories are in test/golden/recorded.yaml:
 *
 *     UPDATE_GOLDEN=1 make test-unit && git diff test/golden
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { toObservedPod } from '../../../controller/transform-pod.ts';
import { recordedSequences, recordingOf } from '../../support/recording.ts';
import { replay } from '../../support/replay.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/recorded.yaml', import.meta.url));
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

const stories = (): Readonly<Record<string, unknown>> =>
  parse(readFileSync(GOLDEN, 'utf8')) as Readonly<Record<string, unknown>>;

/** The requests about Jobs, where there is more than one creation. */
const JOB_REQUESTS: Readonly<Record<string, readonly string[]>> = {
  success: ['POST jobs', 'POST jobs'],
  suspended: ['POST jobs', 'PATCH jobs', 'PATCH jobs'],
  deadline: ['POST jobs', 'PATCH jobs'],
};

const COMPLETE = ['SuccessCriteriaMet', 'Complete'];
const FAILED = ['FailureTarget', 'Failed'];
/** The conditions of the Jobs when their steps were told to be over, where the sequence did not fail by its Job. */
const JOB_ENDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  success: [COMPLETE, COMPLETE],
  suspended: [COMPLETE],
  evicted: [COMPLETE],
  'pod-deleted': [COMPLETE],
  sidecar: [COMPLETE],
  'no-image': [],
  unschedulable: [],
  'no-mount': [],
  'job-deleted': [[]],
};

describe('a sequence on a recorded Kubernetes 1.36.3', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  it.each(recordedSequences())('%s has the recorded status changes, requests and Events', async (sequence) => {
    const { story, log } = await replay(sequence);
    if (UPDATE) {
      const all = recordedSequences().map((one) => [one, one === sequence ? story : stories()[one]] as const);
      writeFileSync(GOLDEN, stringify(Object.fromEntries(all), { lineWidth: 0 }));
    }
    expect(log.filter(({ err }) => err !== undefined)).toEqual([]);
    expect(story).toStrictEqual(stories()[sequence]);
  });

  it('every golden case belongs to a recording', () => {
    expect(Object.keys(stories())).toEqual(recordedSequences());
  });

  it.each(recordedSequences())('the attempts of %s never decrease', async (sequence) => {
    const { statuses } = await replay(sequence);
    const attempts = statuses.map(({ steps = [] }) => steps.reduce((sum, step) => sum + (step.attempts ?? 0), 0));
    expect(attempts.at(-1)).toBeGreaterThan(0);
    expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
  });

  it('receives watch events of its Jobs and Pods; the recorded Events are not watched', async () => {
    const recorded = recordingOf('failure').map(({ object }) => object.kind);
    const count = (kind: string): number => recorded.filter((one) => one === kind).length;
    const { heard, statuses } = await replay('failure');
    expect(heard).toEqual({ sequentialjobs: 1 + statuses.length, jobs: count('Job'), pods: count('Pod') });
    expect(count('Event')).toBeGreaterThan(0);
  });

  it.each(recordedSequences())('%s changes only its own Jobs, and a step ends after its Job', async (sequence) => {
    const { jobRequests, ends } = await replay(sequence);
    expect(jobRequests).toEqual(JOB_REQUESTS[sequence] ?? ['POST jobs']);
    expect([...ends.values()]).toEqual(JOB_ENDS[sequence] ?? [FAILED]);
  });

  it.each([
    ['no-image', true],
    ['unschedulable', true],
    ['no-mount', true],
    ['success', false],
    ['sidecar', false],
    ['failure', false],
  ])('of the Pods of %s it is known whether none has ever started: %p', (sequence, isExpected) => {
    const pods = recordingOf(sequence).filter(({ object }) => object.kind === 'Pod');
    const seen = pods.map(({ object }) => toObservedPod(object).neverStarted === true);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every(Boolean)).toBe(isExpected);
    expect(seen[0]).toBe(true);
  });
});
