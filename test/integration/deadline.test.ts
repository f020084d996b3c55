/** activeDeadlineSeconds: of the sequence, counted from its start without the time spent suspended, and of a step. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJobStatus } from '../../shared/api/types.ts';
import { condition, endCondition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FOREVER, gated, sequence, step, waitsFor, withConfigMap } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('deadline');
const { namespace } = here;

/**
 * How much later than its time a sequence may end, in seconds: the Job controller and two watches come between, times in
 * a status are whole seconds, and other tests share the machine. Never earlier: the limit is a promise.
 */
const LATE = 5;

const seconds = (time: string | undefined): number => Date.parse(time ?? '') / 1000;

/** Resolves when so many seconds have passed since then. */
async function passed(since: string | undefined, count: number): Promise<void> {
  await eventually(`${count} s after ${since}`, () => Date.now() / 1000 >= seconds(since) + count);
}

function expectEndedAt(status: SequentialJobStatus | undefined, since: string | undefined, limit: number): void {
  const active = seconds(status?.completionTime) - seconds(since);
  expect(active).toBeGreaterThanOrEqual(limit);
  expect(active).toBeLessThanOrEqual(limit + LATE);
}

/** The status of a sequence that has failed at this step because its time was up. */
async function untilExceeded(name: string, failedIndex: number): Promise<SequentialJobStatus> {
  const { status } = await namespace.untilFinished(name);
  const progress = { failedIndex, failureReason: 'DeadlineExceeded' };
  expect(status).toMatchObject({ phase: 'Failed', progress });
  return status ?? {};
}

describe('the deadline of a sequence', () => {
  it('fails the sequence when it passes, not before and not much later; the Job is kept, without a Pod', async () => {
    await namespace.apply('limited', sequence(3, { 1: FOREVER }, { activeDeadlineSeconds: 4 }));
    await namespace.untilRunning('limited', 1);
    const status = await untilExceeded('limited', 1);
    expectEndedAt(status, status.startTime, 4);
    expect(status).toMatchObject({
      progress: { completedIndices: [0], summary: '1/3' },
      steps: [{ state: 'Succeeded' }, { state: 'Failed', reason: 'DeadlineExceeded' }, { state: 'Skipped' }],
    });
    const { message } = condition(await namespace.get('limited'), 'Failed') ?? {};
    expect(message).toContain(status.progress?.failureMessage);
    expect((await namespace.untilEvent('limited', 'SequenceFailed')).message).toBe(message);
    expect(await namespace.columns('limited')).toEqual(['limited', 'Failed', '1/3', 's1']);

    const jobs = await namespace.jobs('limited');
    expect(jobs.map(({ metadata }) => metadata.uid)[1]).toBe(status.steps?.[1]?.jobUID);
    expect(jobs[1]?.spec.activeDeadlineSeconds).toBe(0);
    // 1.20 asks for failed Pods before it asks for the deadline (syncJob): a second sync of a stale Job finds the Pod that it
    // has ended itself.
    const reason = expect.stringMatching(/^(DeadlineExceeded|BackoffLimitExceeded)$/);
    expect(jobs.map(endCondition)).toMatchObject([{ type: 'Complete' }, { type: 'Failed', reason }]);
    await eventually('no running Pod', async () =>
      (await namespace.pods('limited')).every((pod) => pod.status.phase === 'Succeeded'),
    );
  });

  it('counts even while no step runs', async () => {
    const steps = [step('s0'), withConfigMap(step('s1'), 'nowhere')];
    await namespace.apply('between', { steps, activeDeadlineSeconds: 3 });
    const status = await untilExceeded('between', 1);
    expect(status.progress?.failureMessage).toContain('ConfigMap "nowhere" not found');
    expectEndedAt(status, status.startTime, 3);
    expect(await namespace.jobNames('between')).toEqual(['between-0-s0']);
  });

  it('passes while no controller runs: the next controller fails the sequence at once', async () => {
    await namespace.apply('overdue', sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 3 }));
    const { status: before } = await namespace.untilRunning('overdue', 0);
    await here.crash();
    await passed(before?.startTime, 5);
    await here.restart();
    const restarted = Date.now() / 1000;
    const status = await untilExceeded('overdue', 0);
    expect(status.startTime).toBe(before?.startTime);
    expect(seconds(status.completionTime)).toBeLessThanOrEqual(restarted + LATE);
  });

  it('does not count the time spent suspended, even if the controller is killed meanwhile', async () => {
    const LIMIT = 6;
    const scripts = { 0: waitsFor('suspended'), 1: FOREVER };
    await namespace.apply('suspended', gated(here.folder, sequence(2, scripts, { activeDeadlineSeconds: LIMIT })));
    await namespace.untilRunning('suspended', 0);
    await namespace.setSuspend('suspended', true);
    await namespace.untilObserved('suspended', 2);
    await here.open('suspended');
    const before = await namespace.untilPhase('suspended', 'Suspended');
    await here.crash();
    await passed(before.status?.startTime, LIMIT + 2);
    await here.restart();
    await namespace.setSuspend('suspended', false);

    const running = await namespace.untilRunning('suspended', 1);
    expect(running.status?.startTime).toBe(before.status?.startTime);
    const suspendedAt = seconds(condition(before, 'Suspended')?.lastTransitionTime);
    const spent = seconds(condition(running, 'Suspended')?.lastTransitionTime) - suspendedAt;
    expect(seconds(running.status?.activeStartTime) - seconds(running.status?.startTime)).toBe(spent);
    const status = await untilExceeded('suspended', 1);
    expectEndedAt(status, status.activeStartTime, LIMIT);
  });

  it('applies if it is set while a step runs', async () => {
    await namespace.apply('shortened', sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 600 }));
    await namespace.untilRunning('shortened', 0);
    await namespace.patch('shortened', { spec: { activeDeadlineSeconds: 3 } });
    const status = await untilExceeded('shortened', 0);
    expectEndedAt(status, status.startTime, 3);
  });

  it('no longer applies after it is removed', async () => {
    const spec = sequence(2, { 0: waitsFor('freed') }, { activeDeadlineSeconds: 4 });
    await namespace.apply('freed', gated(here.folder, spec));
    const { status } = await namespace.untilRunning('freed', 0);
    await namespace.patch('freed', { spec: { activeDeadlineSeconds: null } });
    await passed(status?.startTime, 6);
    await here.open('freed');
    await namespace.untilCompleted('freed');
  });
});

describe('the deadline of a step', () => {
  it('is set only on the Job of the step, and fails the step with the message of the Job controller', async () => {
    const settings = { 1: { job: { activeDeadlineSeconds: 2 } } };
    await namespace.apply('own', sequence(2, { 1: FOREVER }, { activeDeadlineSeconds: 600 }, settings));
    const status = await untilExceeded('own', 1);
    // In the Job itself a later sync may overwrite it, as above.
    const { message } = await eventually('the end of the Job', async () =>
      (await namespace.events('own-1-s1', 'Job')).find(({ reason }) => reason === 'DeadlineExceeded'),
    );
    expect(status.progress?.failureMessage).toContain(message);
    expectEndedAt(status, status.steps?.[1]?.startTime, 2);
    const jobs = await namespace.jobs('own');
    expect(jobs.map((job) => job.spec.activeDeadlineSeconds)).toEqual([undefined, 2]);
  });
});
