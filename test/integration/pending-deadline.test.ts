/** pendingDeadlineSeconds: a step of which no container starts in time fails with the reason of what keeps it from starting. */
import { describe, expect, it } from '@jest/globals';
import { ENDED_BECAUSE_ANNOTATION } from '../../shared/api/group.ts';
import type { SequentialJobSpec, SequentialJobStatus } from '../../shared/api/types.ts';
import { CONFIG_MAPS } from '../../shared/kube/resources.ts';
import { endCondition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { QUOTA, withoutRoomFor } from '../support/quota.ts';
import { gated, sequence, step, waitsOrStops, withConfigMap } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('pending');
const { namespace } = here;

/** In seconds. */
const LIMIT = 3;
/** How much later a step may fail, in seconds: it is on the Job controller, and other tests share the machine. */
const LATE = 7;

const limited = (spec: SequentialJobSpec): SequentialJobSpec => ({
  ...spec,
  job: { ...spec.job, pendingDeadlineSeconds: LIMIT },
});
const unplaced = { template: { spec: { containers: [], nodeSelector: { 'tests.example.com/no': 'node' } } } };
const within = `no container started within ${LIMIT} s (pendingDeadlineSeconds): `;

const seconds = (time: string | undefined): number => Date.parse(time ?? '') / 1000;

async function untilFailed(name: string, index: number, reason: string): Promise<SequentialJobStatus> {
  const { status = {} } = await namespace.untilFinished(name);
  expect(status).toMatchObject({ phase: 'Failed', progress: { failedIndex: index, failureReason: reason } });
  expect(status.progress?.failureMessage).toContain(within);
  return status;
}

describe('a step whose Pod no node takes', () => {
  it('fails in time, with the reason of the scheduler; its Job stays and says why, without a Pod', async () => {
    await namespace.apply('unplaced', limited(sequence(2, {}, unplaced)));
    const { steps, progress } = await untilFailed('unplaced', 0, 'Unschedulable');
    expect(progress?.failureMessage).toMatch(/Pod "unplaced-0-s0-\w+": 0\/1 nodes are available/);
    expect(steps).toMatchObject([{ state: 'Failed', reason: 'Unschedulable' }, { state: 'Skipped' }]);
    expect(steps?.[0]?.exitCode).toBeUndefined();
    const waited = seconds(steps?.[0]?.completionTime) - seconds(steps?.[0]?.startTime);
    expect(waited).toBeGreaterThanOrEqual(LIMIT);
    expect(waited).toBeLessThanOrEqual(LIMIT + LATE);
    const [job] = await namespace.jobs('unplaced');
    expect(job?.metadata.annotations?.[ENDED_BECAUSE_ANNOTATION]).toBe(`Unschedulable: ${progress?.failureMessage}`);
    expect(job?.spec.activeDeadlineSeconds).toBe(0);
    expect(job === undefined ? undefined : endCondition(job)).toMatchObject({ type: 'Failed' });
    await namespace.untilNoPods('unplaced');
  });

  it('fails with that reason although the controller was killed meanwhile', async () => {
    await namespace.apply('killed', limited(sequence(1, {}, unplaced)));
    await namespace.untilCondition('killed', 'ResourcesUnavailable', 'Unschedulable');
    await here.crash();
    await new Promise((resolve) => setTimeout(resolve, LIMIT * 1000));
    await here.restart();
    await untilFailed('killed', 0, 'Unschedulable');
  });

  it('does not keep the next step from being started with onFailure: Continue', async () => {
    const steps = [{ ...step('s0'), onFailure: 'Continue' as const }, step('s1')];
    await namespace.apply('passed', limited({ ...sequence(0), steps, ...unplaced }));
    await untilFailed('passed', 1, 'Unschedulable');
    const { steps: ended } = (await namespace.get('passed')).status ?? {};
    expect(ended).toMatchObject([{ state: 'Failed', reason: 'Unschedulable' }, { state: 'Failed' }]);
  });
});

describe('a step whose container has started', () => {
  it('is not limited', async () => {
    await namespace.apply('started', gated(here.folder, limited(sequence(1, { 0: waitsOrStops('started') }))));
    await namespace.untilRunning('started', 0);
    await eventually('a running Pod', async () => (await namespace.pods('started'))[0]?.status.phase === 'Running');
    await new Promise((resolve) => setTimeout(resolve, (LIMIT + 2) * 1000));
    await here.open('started');
    await namespace.untilCompleted('started');
  });
});

describe('a step that waits for an object', () => {
  const spec = (name: string): SequentialJobSpec => limited({ steps: [withConfigMap(step('s0'), name), step('s1')] });

  it('fails without a Job, and the sequence has started; it runs after a resume', async () => {
    await namespace.apply('missing', spec('early'));
    const status = await untilFailed('missing', 0, 'ConfigMapNotFound');
    expect(status.progress?.failureMessage).toBe(`${within}ConfigMap "early" not found`);
    expect(status.startTime).toBeDefined();
    expect(status.steps).toMatchObject([{ index: 1, state: 'Skipped' }]);
    expect(await namespace.jobNames('missing')).toEqual([]);
    await namespace.createObject(CONFIG_MAPS, { metadata: { name: 'early' }, data: { token: 'x' } });
    // For 3 s an object that was missing counts as missing: as long as this deadline.
    await new Promise((resolve) => setTimeout(resolve, LIMIT * 1000));
    await namespace.resume('missing', 1);
    await namespace.until('missing', ({ status: now }) => now?.phase === 'Completed');
    expect(await namespace.jobNames('missing')).toEqual(['missing-0-s0-r1', 'missing-1-s1-r1']);
  });

  it('waits anew after a resume, and fails again', async () => {
    await namespace.apply('again', spec('never'));
    const { completionTime } = await untilFailed('again', 0, 'ConfigMapNotFound');
    await namespace.resume('again', 1);
    const { status } = await namespace.until(
      'again',
      (one) => one.status?.resumes === 1 && one.status.phase === 'Failed',
    );
    expect(seconds(status?.completionTime) - seconds(completionTime)).toBeGreaterThanOrEqual(LIMIT);
  });

  it('is recorded as Failed with onFailure: Continue, and the next step runs', async () => {
    const steps = [{ ...withConfigMap(step('s0'), 'never'), onFailure: 'Continue' as const }, step('s1')];
    await namespace.apply('ignored', limited({ steps }));
    const { steps: ended } = await namespace.untilCompleted('ignored');
    const failed = {
      index: 0,
      state: 'Failed',
      reason: 'ConfigMapNotFound',
      message: `${within}ConfigMap "never" not found`,
    };
    expect(ended).toMatchObject([failed, { index: 1, state: 'Succeeded' }]);
    expect(await namespace.jobNames('ignored')).toEqual(['ignored-1-s1']);
    expect((await namespace.untilEvent('ignored', 'JobFailed')).message).toContain(
      'Step 0 (s0) failed: ConfigMapNotFound',
    );
  });
});

describe('a step that a quota holds up', () => {
  it('fails with QuotaExceeded where the quota admits no Job', async () => {
    await withoutRoomFor('jobs', namespace, async () => {
      await namespace.apply('jobless', limited(sequence(1)));
      const { progress } = await untilFailed('jobless', 0, 'QuotaExceeded');
      expect(progress?.failureMessage).toContain(QUOTA);
    });
  });

  it('fails with FailedCreate where the quota admits no Pod', async () => {
    await withoutRoomFor('pods', namespace, async () => {
      await namespace.apply('podless', limited(sequence(1)));
      const { progress } = await untilFailed('podless', 0, 'FailedCreate');
      expect(progress?.failureMessage).toContain(QUOTA);
    });
  });
});

onServersWhere(suspendsJobs)('a suspended step', () => {
  it('is not limited while the sequence is suspended', async () => {
    await namespace.apply('suspended', limited(sequence(1, {}, unplaced)));
    await namespace.untilRunning('suspended', 0);
    await namespace.setSuspend('suspended', true);
    await namespace.untilPhase('suspended', 'Suspended');
    await new Promise((resolve) => setTimeout(resolve, (LIMIT + 1) * 1000));
    expect((await namespace.get('suspended')).status?.phase).toBe('Suspended');
    await namespace.setSuspend('suspended', false);
    await untilFailed('suspended', 0, 'Unschedulable');
  });

  it('fails with JobSuspended if another client holds its Job', async () => {
    await namespace.apply('queued', gated(here.folder, limited(sequence(1, { 0: waitsOrStops('queued') }))));
    await namespace.untilRunning('queued', 0);
    await namespace.setJobSuspend('queued-0-s0', true);
    const { progress } = await untilFailed('queued', 0, 'JobSuspended');
    expect(progress?.failureMessage).toContain('"queued-0-s0" was suspended by someone else');
  });
});
