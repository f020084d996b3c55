/** activeDeadlineSeconds: the sequence's own, counted from its start without the time spent suspended, and a step's. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import type { SequentialJob, SequentialJobStatus } from '../../shared/api/types.ts';
import { endCondition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, gated, sequence, step, waitsFor, withConfigMap } from '../support/sequences.ts';

const here = withController('deadline');

/**
 * How much later than its time a sequence may end, in seconds: the Job controller and two watches come between, times in
 * a status are cut to whole seconds, and other tests share the machine. Never earlier: the limit is a promise.
 */
const LATE = 5;

const seconds = (time: string | undefined): number => Date.parse(time ?? '') / 1000;

/** Resolves when so many seconds have passed since then: the one thing that no request can tell. */
async function passed(since: string | undefined, count: number): Promise<void> {
  await eventually(`${count} s after ${since}`, () => Date.now() / 1000 >= seconds(since) + count);
}

function expectEndedAt(status: SequentialJobStatus | undefined, since: string | undefined, limit: number): void {
  const active = seconds(status?.completionTime) - seconds(since);
  expect(active).toBeGreaterThanOrEqual(limit);
  expect(active).toBeLessThanOrEqual(limit + LATE);
}

const exceeded = (limit: number): string =>
  `the sequence was active for longer than its activeDeadlineSeconds of ${limit} s`;

describe('the time limit of a sequence', () => {
  const LIMIT = 4;
  let ended: SequentialJob;

  beforeAll(async () => {
    await here.namespace.apply('limited', sequence(3, { 1: FOREVER }, { activeDeadlineSeconds: LIMIT }));
    await here.namespace.untilRunning('limited', 1);
    ended = await here.namespace.untilFinished('limited');
  });

  it('ends the sequence when it is over, not before and not much later', () => {
    expectEndedAt(ended.status, ended.status?.startTime, LIMIT);
  });

  it('is told of as the reason', async () => {
    const { status } = ended;
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 1, failureReason: 'DeadlineExceeded', completedIndices: [0], summary: '1/3' },
      steps: [{ state: 'Succeeded' }, { state: 'Failed', reason: 'DeadlineExceeded' }, { state: 'Skipped' }],
    });
    expect(status?.progress?.failureMessage).toContain(exceeded(LIMIT));
    const message = getCondition(status?.conditions, 'Failed')?.message;
    expect(message).toContain(`Step 1 (s1) failed: DeadlineExceeded: ${exceeded(LIMIT)}`);
    expect((await here.namespace.untilEvent('limited', 'SequenceFailed')).message).toBe(message);
    expect((await here.namespace.columns('limited')).slice(0, 4)).toEqual(['limited', 'Failed', '1/3', 's1']);
  });

  it('ends the Job, which stays, and its Pod', async () => {
    const jobs = await here.namespace.jobs('limited');
    expect(jobs.map(({ metadata }) => metadata.name)).toEqual(['limited-0-s0', 'limited-1-s1']);
    expect(jobs[1]?.metadata.uid).toBe(ended.status?.steps?.[1]?.jobUID);
    expect(jobs[1]?.spec.activeDeadlineSeconds).toBe(0);
    // The words are the Job controller's. In 1.20 it asks for failed Pods before it asks for the deadline (syncJob): a second
    // look at a Job of before its own first write finds the Pod that it ended itself.
    const reason = expect.stringMatching(/^(DeadlineExceeded|BackoffLimitExceeded)$/);
    expect(jobs.map(endCondition)).toMatchObject([{ type: 'Complete' }, { type: 'Failed', reason }]);
    await eventually('no Pod that runs', async () => {
      const pods = await here.namespace.pods('limited');
      return pods.every(({ status }) => status.phase === 'Succeeded');
    });
  });

  it('counts also while no step runs', async () => {
    const containers = [step('s0'), withConfigMap(step('s1'), 'nowhere')];
    await here.namespace.apply('between', { containers, activeDeadlineSeconds: 3 });
    const { status } = await here.namespace.untilFinished('between');
    expect(status?.progress).toMatchObject({
      failedIndex: 1,
      failureReason: 'DeadlineExceeded',
      failureMessage: `${exceeded(3)}; it could not start: ConfigMap "nowhere" not found`,
    });
    expectEndedAt(status, status?.startTime, 3);
    expect(await here.namespace.jobNames('between')).toEqual(['between-0-s0']);
  });
});

describe('with a controller that dies', () => {
  it('the limit is kept by the next one', async () => {
    await here.namespace.apply('orphaned', sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 8 }));
    await here.namespace.untilRunning('orphaned', 0);
    await here.crash();
    await here.restart();
    const before = await here.namespace.get('orphaned');
    expect(before.status?.phase).toBe('Running');
    const { status } = await here.namespace.untilFinished('orphaned');
    expect(status?.startTime).toBe(before.status?.startTime);
    expect(status?.progress?.failureMessage).toContain(exceeded(8));
    expectEndedAt(status, status?.startTime, 8);
  });

  it('the limit that has passed meanwhile is made up for at once', async () => {
    await here.namespace.apply('overdue', sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 3 }));
    const { status: before } = await here.namespace.untilRunning('overdue', 0);
    await here.crash();
    await passed(before?.startTime, 5);
    await here.restart();
    const restarted = new Date().toISOString();
    const { status } = await here.namespace.untilFinished('overdue');
    expect(status?.progress?.failureReason).toBe('DeadlineExceeded');
    expect(seconds(status?.completionTime)).toBeLessThanOrEqual(seconds(restarted) + LATE);
  });
});

describe('time spent suspended', () => {
  it('does not count, also with a controller that dies meanwhile', async () => {
    const LIMIT = 6;
    const scripts = { 0: waitsFor('suspended'), 1: FOREVER };
    await here.namespace.apply('suspended', gated(here.folder, sequence(2, scripts, { activeDeadlineSeconds: LIMIT })));
    await here.namespace.untilRunning('suspended', 0);
    await here.namespace.patch('suspended', { spec: { suspend: true } });
    await here.namespace.until('suspended', ({ status }) => status?.observedGeneration === 2);
    await here.open('suspended');
    const { status: before } = await here.namespace.untilPhase('suspended', 'Suspended');
    await here.crash();
    await passed(before?.startTime, LIMIT + 2);
    await here.restart();
    await here.namespace.patch('suspended', { spec: { suspend: false } });

    const { status: running } = await here.namespace.untilRunning('suspended', 1);
    expect(running?.startTime).toBe(before?.startTime);
    const left = seconds(running?.activeStartTime) - seconds(running?.startTime);
    const since = getCondition(before?.conditions, 'Suspended')?.lastTransitionTime;
    const until = getCondition(running?.conditions, 'Suspended')?.lastTransitionTime;
    expect(left).toBe(seconds(until) - seconds(since));

    const { status } = await here.namespace.untilFinished('suspended');
    expect(status?.progress).toMatchObject({ failedIndex: 1, failureReason: 'DeadlineExceeded' });
    expectEndedAt(status, status?.activeStartTime, LIMIT);
  });
});

describe('a limit that is changed while a step runs', () => {
  it('holds from then on', async () => {
    await here.namespace.apply('shortened', sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 600 }));
    await here.namespace.untilRunning('shortened', 0);
    await here.namespace.patch('shortened', { spec: { activeDeadlineSeconds: 3 } });
    const { status } = await here.namespace.untilFinished('shortened');
    expect(status?.progress?.failureMessage).toContain(exceeded(3));
    expectEndedAt(status, status?.startTime, 3);
  });

  it('holds no longer when it is taken away', async () => {
    const spec = sequence(2, { 0: waitsFor('freed') }, { activeDeadlineSeconds: 4 });
    await here.namespace.apply('freed', gated(here.folder, spec));
    const { status } = await here.namespace.untilRunning('freed', 0);
    await here.namespace.patch('freed', { spec: { activeDeadlineSeconds: null } });
    await passed(status?.startTime, 6);
    await here.open('freed');
    const end = await here.namespace.untilFinished('freed');
    expect(end.status).toMatchObject({ phase: 'Completed', progress: { summary: '2/2' } });
  });
});

describe('the time limit of a step', () => {
  it('is its own, and says so', async () => {
    const stepPolicies = [{ name: 's1', activeDeadlineSeconds: 2 }];
    await here.namespace.apply('own', sequence(2, { 1: FOREVER }, { stepPolicies, activeDeadlineSeconds: 600 }));
    const { status } = await here.namespace.untilFinished('own');
    expect(status?.progress).toMatchObject({ failedIndex: 1, failureReason: 'DeadlineExceeded' });
    const jobs = await here.namespace.jobs('own');
    // As the Job controller told it. In the Job itself it may be written over, as above.
    const told = await eventually('the end of the Job', async () =>
      (await here.namespace.eventsOf('Job', 'own-1-s1')).find(({ reason }) => reason === 'DeadlineExceeded'),
    );
    expect(told.message).not.toBe('');
    expect(status?.progress?.failureMessage).toContain(told.message);
    expect(status?.progress?.failureMessage).not.toContain('the sequence was active');
    expectEndedAt(status, status?.steps?.[1]?.startTime, 2);
    const [free, limited] = jobs;
    expect(free?.spec.activeDeadlineSeconds).toBeUndefined();
    expect(limited?.spec.activeDeadlineSeconds).toBe(2);
  });
});
