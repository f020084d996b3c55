/** Time and the user's will on a real cluster: deadlines, suspension, time to live, changes, and a controller that dies. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { eventually } from '../support/eventually.ts';
import { condition } from '../support/cluster.ts';
import { gated, withRealPods } from '../support/real-pods.ts';
import { serverOfTests } from '../support/server-features.ts';
import { FOREVER, sequence, step } from '../support/sequences.ts';

/** How much later than due something may be done on a slow machine. */
const SLACK_S = 10;

const { suspendsJobs } = await serverOfTests();
const cluster = withRealPods('lifecycle');
const { namespace } = cluster;

beforeAll(async () => {
  await namespace.apply('overdue', sequence(2, { 0: FOREVER }, { activeDeadlineSeconds: 15 }));
  const settings = { 0: { job: { activeDeadlineSeconds: 12 } } };
  await namespace.apply('overdue-step', sequence(2, { 0: FOREVER }, {}, settings));
}, 120_000);

const seconds = (from: string | undefined, to: string | undefined): number =>
  (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;

/** A Job past its deadline takes its Pod along: the kubelet has stopped the container before the Pod is gone. */
async function expectKilled(name: string): Promise<void> {
  await eventually(`the Pod of ${name} gone`, async () => (await namespace.pods(name)).length === 0);
  const shown = 'jsonpath={range .items[*]}{.involvedObject.name}{"\\n"}{end}';
  const wanted = new RegExp(`^${name}-0-s0-\\w+$`, 'm');
  await eventually(`the kubelet says that it stops ${name}`, async () => {
    const said = await cluster.kubectl('get', 'events', '--field-selector=reason=Killing', '-o', shown);
    return wanted.test(said);
  });
}

async function expectOverdue(name: string, message: string): Promise<SequentialJob> {
  const object = await namespace.untilFinished(name);
  expect(object.status).toMatchObject({
    phase: 'Failed',
    progress: { failedIndex: 0, failureReason: 'DeadlineExceeded', failureMessage: expect.stringContaining(message) },
    steps: [{ state: 'Failed', reason: 'DeadlineExceeded' }, { state: 'Skipped' }],
  });
  expect(await namespace.jobNames(name)).toEqual([`${name}-0-s0`]);
  return object;
}

describe('suspend', () => {
  it('before the start: nothing starts until it is unsuspended', async () => {
    await namespace.apply('held', { ...sequence(1), suspend: true });
    const held = await namespace.untilPhase('held', 'Suspended');
    expect(held.status?.startTime).toBeUndefined();
    expect(await namespace.jobNames('held')).toEqual([]);
    await namespace.setSuspend('held', false);
    await namespace.untilCompleted('held');
  });

  it('during a step: no new step starts, and it continues when it is unsuspended', async () => {
    await namespace.apply('paused', sequence(2, { 0: gated() }));
    const first = await cluster.untilPodRuns('paused');
    await namespace.setSuspend('paused', true);
    if (!suspendsJobs) {
      await namespace.until('paused', (one) => condition(one, 'Suspended')?.reason === 'Suspending');
      await cluster.open('paused');
    }
    const paused = await namespace.untilPhase('paused', 'Suspended');
    expect(condition(paused, 'Suspended')).toMatchObject({ status: 'True', reason: 'Suspended' });
    expect(paused.status).toMatchObject({
      state: { active: 0 },
      steps: [{ state: suspendsJobs ? 'Running' : 'Succeeded' }],
    });
    expect(await namespace.jobNames('paused')).toEqual(['paused-0-s0']);
    await namespace.untilEvent('paused', 'Suspended');

    await namespace.setSuspend('paused', false);
    if (suspendsJobs) {
      expect((await cluster.untilPodRuns('paused')).metadata.uid).not.toBe(first.metadata.uid);
      await cluster.open('paused');
    }
    const done = await namespace.untilFinished('paused');
    expect(done.status).toMatchObject({ phase: 'Completed', progress: { summary: '2/2' } });
    const resumedAt = condition(done, 'Suspended')?.lastTransitionTime;
    expect(seconds(resumedAt, done.status?.steps?.[1]?.startTime)).toBeGreaterThanOrEqual(0);
    await namespace.untilEvent('paused', 'Resumed');
  });
});

describe('a time limit', () => {
  it('of the sequence ends the running step, and its Pod is killed', async () => {
    const { status } = await expectOverdue('overdue', 'the sequence was active for longer than');
    const lasted = seconds(status?.startTime, status?.completionTime);
    expect(lasted).toBeGreaterThanOrEqual(15);
    expect(lasted).toBeLessThanOrEqual(15 + SLACK_S);
    await expectKilled('overdue');
  });

  it('of a step ends that step, and its Pod is killed', async () => {
    const { status } = await expectOverdue('overdue-step', await cluster.untilJobEnds('overdue-step-0-s0'));
    const [failed] = status?.steps ?? [];
    expect(seconds(failed?.startTime, failed?.completionTime)).toBeGreaterThanOrEqual(12);
    await expectKilled('overdue-step');
  });
});

describe('ttlSecondsAfterFinished', () => {
  it('deletes the sequence, its Jobs and their Pods, and not before its time', async () => {
    const ttl = 4;
    await namespace.apply('short-lived', sequence(2, {}, { ttlSecondsAfterFinished: ttl }));
    const { status } = await namespace.untilFinished('short-lived');
    expect(await namespace.jobNames('short-lived')).toHaveLength(2);
    await namespace.untilGone('short-lived');
    const after = (Date.now() - Date.parse(status?.completionTime ?? '')) / 1000;
    expect(after).toBeGreaterThanOrEqual(ttl);
    expect(after).toBeLessThanOrEqual(ttl + SLACK_S);
    expect(await namespace.jobNames('short-lived')).toEqual([]);
    expect(await namespace.pods('short-lived')).toEqual([]);
  });
});

describe('updatePolicy: FutureSteps', () => {
  it('applies a changed spec to the remaining steps', async () => {
    await namespace.apply('changing', { ...sequence(2, { 0: gated() }), updatePolicy: 'FutureSteps' });
    const { spec } = await namespace.get('changing');
    await cluster.untilPodRuns('changing');
    const steps = [...spec.steps.slice(0, 1), step('s1', 'echo "the new one"'), step('added')];
    await namespace.patch('changing', { spec: { steps } });
    await namespace.untilEvent('changing', 'SpecChanged');
    await cluster.open('changing');
    const { status } = await namespace.untilFinished('changing');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '3/3' } });
    expect(await cluster.kubectl('logs', 'job/changing-1-s1')).toContain('the new one');
  });
});

describe('a controller that is killed during a sequence', () => {
  it('continues with everything that happened while it was down', async () => {
    const gate = (rest?: string): ReturnType<typeof sequence> => sequence(2, { 0: gated(rest) });
    await namespace.apply('fails', gate('echo "the disk is full"; exit 5'));
    await namespace.apply('goes-on', gate());
    await namespace.apply('stops', gate());
    await namespace.apply('late', { ...gate(), activeDeadlineSeconds: 20 });
    await namespace.apply('expires', sequence(1));
    await namespace.apply('tries-again', sequence(2, { 0: 'exit 1' }));
    const gates = ['fails', 'goes-on', 'stops', 'late'];
    await Promise.all(gates.map(async (name) => cluster.untilPodRuns(name)));
    await Promise.all(
      [...gates, 'expires', 'tries-again'].map(async (name) =>
        namespace.until(name, ({ status }) => status?.steps !== undefined && status.steps.length > 0),
      ),
    );
    await namespace.untilFinished('expires');
    await namespace.untilFinished('tries-again');
    const { status: before } = await namespace.get('late');

    await cluster.kill();
    await namespace.setSuspend('stops', true);
    await namespace.patch('expires', { spec: { ttlSecondsAfterFinished: 1 } });
    await namespace.resume('tries-again', 1);
    await Promise.all(['fails', 'goes-on', 'stops'].map(async (name) => cluster.open(name)));
    await Promise.all(['fails', 'goes-on', 'stops'].map(async (name) => cluster.untilJobEnds(`${name}-0-s0`)));
    const due = Date.parse(before?.startTime ?? '') + 20_000;
    await eventually('the deadline', () => Date.now() > due);
    await cluster.startAgain();

    const fails = await namespace.untilFinished('fails');
    expect(fails.status?.steps?.[0]).toMatchObject({ attempts: 1, exitCode: 5, message: 'the disk is full' });
    const late = await expectOverdue('late', 'the sequence was active for longer than');
    expect(late.status?.startTime).toBe(before?.startTime);
    await expectKilled('late');
    const stops = await namespace.until('stops', ({ status }) => status?.phase === 'Suspended');
    expect(stops.status?.steps).toEqual([expect.objectContaining({ state: 'Succeeded' })]);
    expect(await namespace.jobNames('stops')).toEqual(['stops-0-s0']);
    await namespace.untilCompleted('goes-on');
    const again = await namespace.until(
      'tries-again',
      ({ status }) => status?.resumes === 1 && status.phase === 'Failed',
    );
    expect(again.status?.steps?.[0]?.jobName).toBe('tries-again-0-s0-r1');
    await namespace.untilGone('expires');
    for (const name of ['fails', 'goes-on', 'stops']) expect(await cluster.podsOf(`${name}-0-s0`)).toHaveLength(1);
  });
});
