/** `finally`: steps that run after the others have ended, whatever their end. */
import { describe, expect, it } from '@jest/globals';
import { OUTCOME_ANNOTATIONS } from '../../shared/api/group.ts';
import type { FinallyStep, SequentialJob, SequentialJobStatus, Step } from '../../shared/api/types.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { condition, type RawPod } from '../support/cluster.ts';
import { expectOneAfterAnother } from '../support/job-order.ts';
import { withJobPolicy } from '../support/job-policy.ts';
import { FOREVER, gated, needs, sequence, step, waitsFor, waitsOrStops } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const LABELS = { 'tests.example.com/policy': 'finally' };
const here = withController('finally', { labels: LABELS });
const { namespace } = here;

/** Reads how the steps have ended, as a user does, and fails if it is something else. */
function expectsOutcome(
  name: string,
  wanted: Readonly<Partial<Record<keyof typeof OUTCOME_ANNOTATIONS, string>>>,
): FinallyStep {
  const env = Object.keys(wanted).map((key) => ({
    name: key,
    valueFrom: {
      fieldRef: {
        fieldPath: `metadata.annotations['${OUTCOME_ANNOTATIONS[key as keyof typeof OUTCOME_ANNOTATIONS]}']`,
      },
    },
  }));
  const script = Object.entries(wanted).map(([key, value]) => `[ "$${key}" = "${value}" ]`);
  return { ...step(name, script.join(' && ')), env };
}

const untilFinallyRuns = async (name: string, index: number): Promise<SequentialJob> =>
  namespace.until(name, ({ status }) => status?.finally?.[index]?.state === 'Running');

const states = (status: SequentialJobStatus | undefined): readonly string[] =>
  (status?.finally ?? []).map(({ name, state }) => `${name} ${state}`);

describe('after the last step', () => {
  it('its steps run in order, and the sequence completes with the last of them', async () => {
    const last = [
      step('unlock', waitsFor('unlock')),
      { ...step('alarm'), when: 'Failed' as const },
      expectsOutcome('report', { outcome: 'Succeeded' }),
    ];
    await namespace.apply('success', gated(here.folder, { ...sequence(2), finally: last }));
    const running = await untilFinallyRuns('success', 0);
    expect(running.status).toMatchObject({ phase: 'Finishing', progress: { summary: '2/2', currentStep: 'unlock' } });
    expect(running.status).not.toHaveProperty('completionTime');
    expect(condition(running, 'Complete')).toMatchObject({ status: 'False' });
    expect(condition(running, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'Finishing',
      message: 'Running step 0 (unlock) of finally, 1 of 3. All 2 steps completed',
    });
    expect(await namespace.columns('success')).toEqual(['success', 'Finishing', '2/2', 'unlock']);

    await here.open('unlock');
    const status = await namespace.untilCompleted('success');
    expect(states(status)).toEqual(['unlock Succeeded', 'alarm Skipped', 'report Succeeded']);
    expect(status.state).toEqual({ active: 0, succeeded: 2, failed: 0 });
    const jobs = await namespace.jobs('success');
    expect(jobs.map(({ metadata }) => metadata.name)).toEqual([
      'success-0-s0',
      'success-1-s1',
      'success-finally-0-unlock',
      'success-finally-2-report',
    ]);
    expectOneAfterAnother(jobs);
    await namespace.untilEvent('success', 'SequenceCompleted');
    const reasons = (await namespace.recordedEvents('success')).map(([reason]) => reason);
    const job = ['JobStarted', 'JobCompleted'];
    expect(reasons.slice(-7)).toEqual(['FinallyStarted', ...job, ...job, 'FinallyCompleted', 'SequenceCompleted']);
  });

  it('a sequence without a step that applies completes at once', async () => {
    await namespace.apply('none', { ...sequence(1), finally: [{ ...step('alarm'), when: 'Failed' }] });
    const status = await namespace.untilCompleted('none');
    expect(status).not.toHaveProperty('finally');
  });

  it('a step that fails fails the sequence, and the others still run', async () => {
    await namespace.apply('broken', { ...sequence(1), finally: [step('unlock', 'exit 7'), step('report')] });
    const object = await namespace.untilFinished('broken');
    expect(object.status).toMatchObject({
      phase: 'Failed',
      progress: { failureReason: 'FinallyFailed', summary: '1/1' },
    });
    expect(states(object.status)).toEqual(['unlock Failed', 'report Succeeded']);
    expect(condition(object, 'Failed')?.message).toContain('step 0 (unlock) of finally failed');
  });

  it('a step with onFailure: Continue does not', async () => {
    const last = [{ ...step('unlock', 'exit 7'), onFailure: 'Continue' as const }, step('report')];
    await namespace.apply('tolerant', { ...sequence(1), finally: last });
    expect(states(await namespace.untilCompleted('tolerant'))).toEqual(['unlock Failed', 'report Succeeded']);
  });
});

describe('after a failure', () => {
  it('they learn by the downward API which step failed, and why', async () => {
    const wanted = { outcome: 'Failed', failedStep: 's1', failureReason: 'BackoffLimitExceeded' };
    const last = [expectsOutcome('report', wanted), { ...step('publish'), when: 'Succeeded' as const }];
    await namespace.apply('failure', { ...sequence(3, { 1: 'exit 3' }), finally: last });
    const object = await namespace.untilFinished('failure');
    expect(object.status).toMatchObject({ phase: 'Failed', progress: { failedIndex: 1 } });
    expect(states(object.status)).toEqual(['report Succeeded', 'publish Skipped']);
    expect(object.status?.steps?.map(({ state }) => state)).toEqual(['Succeeded', 'Failed', 'Skipped']);
    const pod = (await namespace.pods('failure')).find(({ metadata }) => metadata.name.includes('finally'));
    expect(pod?.metadata.annotations?.[OUTCOME_ANNOTATIONS.failureMessage]).toBe(
      object.status?.progress?.failureMessage,
    );
  });

  it('by the deadline of the sequence, which does not cover them', async () => {
    const last = [
      expectsOutcome('report', { outcome: 'Failed', failureReason: 'DeadlineExceeded' }),
      step('slow', 'sleep 3'),
    ];
    await namespace.apply('late', { ...sequence(1, { 0: FOREVER }, { activeDeadlineSeconds: 2 }), finally: last });
    const { status } = await namespace.untilFinished('late');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'DeadlineExceeded' } });
    expect(states(status)).toEqual(['report Succeeded', 'slow Succeeded']);
  });

  it('by a lost Job', async () => {
    const last = [expectsOutcome('report', { outcome: 'Failed', failureReason: 'JobDeleted' })];
    await namespace.apply('lost', { ...sequence(2, { 0: FOREVER }), finally: last });
    await namespace.untilRunning('lost', 0);
    await namespace.deleteObject(JOBS, 'lost-0-s0');
    const { status } = await namespace.untilFinished('lost');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobDeleted' } });
    expect(states(status)).toEqual(['report Succeeded']);
  });

  it('before anything has run, none of them runs', async () => {
    await withJobPolicy(namespace, LABELS, async () => {
      const steps = [step('s0'), { ...step('s1'), image: 'forbidden:1' }];
      await namespace.apply('refused', { steps, finally: [step('unlock')] });
      const { status } = await namespace.untilFinished('refused');
      expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobRejected' } });
      expect(status).not.toHaveProperty('finally');
      expect(await namespace.jobNames('refused')).toEqual([]);
    });
  });

  it('a step of finally that the API server would refuse is refused before anything runs', async () => {
    await withJobPolicy(namespace, LABELS, async () => {
      await namespace.apply('refused-last', { ...sequence(1), finally: [{ ...step('unlock'), image: 'forbidden:1' }] });
      const { status } = await namespace.untilFinished('refused-last');
      expect(status?.progress?.failureReason).toBe('JobRejected');
      expect(status?.progress?.failureMessage).toContain('0 (unlock) of finally');
      expect(await namespace.jobNames('refused-last')).toEqual([]);
    });
  });

  it('a rejected later Job lets them run, and again after the spec was corrected', async () => {
    const spec = {
      ...sequence(2, { 0: waitsFor('rejected') }),
      finally: [step('unlock')],
      updatePolicy: 'FutureSteps' as const,
    };
    await namespace.apply('rejected', gated(here.folder, spec));
    await namespace.untilRunning('rejected', 0);
    const { spec: stored } = await namespace.get('rejected');
    const change = (image: string): readonly Step[] => stored.steps.with(1, { ...step('s1'), image });
    await withJobPolicy(namespace, LABELS, async () => {
      await namespace.patch('rejected', { spec: { steps: change('forbidden:1') } });
      await here.open('rejected');
      const { status } = await namespace.untilFinished('rejected');
      expect(status).toMatchObject({ phase: 'Failed', progress: { failedIndex: 1, failureReason: 'JobRejected' } });
      expect(states(status)).toEqual(['unlock Succeeded']);
    });
    await namespace.patch('rejected', { spec: { steps: change('busybox:1.36') } });
    const status = await namespace.until('rejected', (object) => object.status?.phase === 'Completed');
    expect(states(status.status)).toEqual(['unlock Succeeded']);
    expect(await namespace.jobNames('rejected')).toEqual([
      'rejected-0-s0',
      'rejected-1-s1-r1',
      'rejected-finally-0-unlock',
      'rejected-finally-0-unlock-r1',
    ]);
  });
});

describe('while they run', () => {
  it('suspend lets none of them run, and they go on afterwards', async () => {
    const last = [step('first', waitsOrStops('paused')), step('second')];
    await namespace.apply('paused', gated(here.folder, { ...sequence(1), finally: last }));
    await untilFinallyRuns('paused', 0);
    await namespace.setSuspend('paused', true);
    // Before Kubernetes 1.22 the first one runs to its end.
    await here.open('paused');
    await namespace.untilPhase('paused', 'Suspended');
    const isRunning = ({ status }: RawPod): boolean => status.phase === 'Running';
    expect((await namespace.pods('paused')).filter(isRunning)).toEqual([]);
    expect(await namespace.jobNames('paused')).toEqual(['paused-0-s0', 'paused-finally-0-first']);
    await namespace.setSuspend('paused', false);
    expect(states(await namespace.untilCompleted('paused'))).toEqual(['first Succeeded', 'second Succeeded']);
  });

  it('a crash of the controller starts none of them twice', async () => {
    const last = [step('first', waitsFor('crash')), step('second')];
    await namespace.apply('crash', gated(here.folder, { ...sequence(1), finally: last }));
    const { status: before } = await untilFinallyRuns('crash', 0);
    await here.crash();
    await here.open('crash');
    await here.restart();
    const status = await namespace.untilCompleted('crash');
    expect(status.finally?.[0]?.jobUID).toBe(before?.finally?.[0]?.jobUID);
    expect(await namespace.jobNames('crash')).toEqual([
      'crash-0-s0',
      'crash-finally-0-first',
      'crash-finally-1-second',
    ]);
  });

  it('a deletion ends them, and starts none', async () => {
    const last = [step('first', waitsOrStops('never')), step('second')];
    await namespace.apply('deleted', gated(here.folder, { ...sequence(1), finally: last }));
    await untilFinallyRuns('deleted', 0);
    await namespace.delete('deleted');
    await namespace.untilGone('deleted');
    expect(await namespace.jobNames('deleted')).toEqual([]);
    await namespace.untilNoPods('deleted');
  });
});

it('a deletion while a step runs starts none of them', async () => {
  await namespace.apply('gone', { ...sequence(1, { 0: FOREVER }), finally: [step('unlock')] });
  await namespace.untilRunning('gone', 0);
  await namespace.delete('gone');
  await namespace.untilGone('gone');
  expect(await namespace.jobNames('gone')).toEqual([]);
});

it('after a resume they run again, under other Job names', async () => {
  const spec = { ...sequence(2, { 1: needs('resumed') }), finally: [expectsOutcome('report', { outcome: 'Failed' })] };
  await namespace.apply('resumed', gated(here.folder, spec));
  await namespace.untilPhase('resumed', 'Failed');
  await here.open('resumed');
  await namespace.resume('resumed', 1);
  // Now it fails, because the outcome is another one.
  const object = await namespace.until(
    'resumed',
    ({ status }) => status?.progress?.failureReason === 'FinallyFailed' && status.phase === 'Failed',
  );
  expect(object.status?.steps).toMatchObject([
    { state: 'Succeeded' },
    { state: 'Succeeded', jobName: 'resumed-1-s1-r1' },
  ]);
  await namespace.resume('resumed', 2);
  const again = await namespace.until('resumed', ({ status }) => status?.resumes === 2 && status.phase === 'Failed');
  expect(again.status?.steps).toEqual(object.status?.steps);
  expect(await namespace.jobNames('resumed')).toEqual([
    'resumed-0-s0',
    'resumed-1-s1',
    'resumed-1-s1-r1',
    'resumed-finally-0-report',
    'resumed-finally-0-report-r1',
    'resumed-finally-0-report-r2',
  ]);
});
