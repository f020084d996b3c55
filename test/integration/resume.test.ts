/** `resume`: a failed sequence goes on at its failed step, under a new Job name; what is done stays done. */
import { describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import type { SequentialJobStatus } from '../../shared/api/types.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { endCondition, kubectl, tryKubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { startJobPolicy } from '../support/job-policy.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, gated, needs, sequence, step, waitsFor } from '../support/sequences.ts';

const LABELS = { 'tests.example.com/policy': 'resume' };
const here = withController('resume', LABELS);

const resume = (count: number): object => ({ spec: { resume: count } });

const untilFailedAgain = (name: string, resumes: number) =>
  here.namespace.until(name, ({ status }) => status?.phase === 'Failed' && status.resumes === resumes);

const uids = (status: SequentialJobStatus | undefined): readonly unknown[] =>
  status?.steps?.map(({ jobUID }) => jobUID) ?? [];

describe('a sequence whose step failed', () => {
  let first: SequentialJobStatus | undefined;

  it('goes on at that step, and fails again as long as the cause is there', async () => {
    await here.namespace.apply('twice', gated(here.folder, sequence(3, { 1: `${needs('twice')} || exit 9` })));
    first = (await here.namespace.untilFinished('twice')).status;
    expect(first?.steps).toMatchObject([{ state: 'Succeeded' }, { exitCode: 9 }, { state: 'Skipped' }]);

    await here.namespace.patch('twice', resume(1));
    const { status } = await untilFailedAgain('twice', 1);
    expect(status?.steps).toMatchObject([
      { state: 'Succeeded', jobUID: uids(first)[0] },
      { state: 'Failed', jobName: 'twice-1-s1-r1', exitCode: 9 },
      { state: 'Skipped' },
    ]);
    expect(status?.startTime).toBe(first?.startTime);
    expect(await here.namespace.jobNames('twice')).toEqual(['twice-0-s0', 'twice-1-s1', 'twice-1-s1-r1']);
  });

  it('completes when it is resumed without the cause, and runs no completed step again', async () => {
    await here.open('twice');
    await here.namespace.patch('twice', resume(2));
    const { status } = await here.namespace.untilPhase('twice', 'Completed');
    expect(status).toMatchObject({
      resumes: 2,
      startTime: first?.startTime,
      state: { active: 0, succeeded: 3, failed: 0 },
      progress: { completedIndices: [0, 1, 2], summary: '3/3' },
    });
    expect(status?.progress).not.toHaveProperty('failureReason');
    expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'False', reason: 'NotFailed' });
    expect(status?.steps?.map(({ jobName }) => jobName)).toEqual(['twice-0-s0', 'twice-1-s1-r2', 'twice-2-s2-r2']);
    expect(uids(status)[0]).toBe(uids(first)[0]);
    expect((await here.namespace.columns('twice')).slice(0, 3)).toEqual(['twice', 'Completed', '3/3']);
  });

  it('keeps its failed Jobs as evidence', async () => {
    const jobs = await here.namespace.jobs('twice');
    const ends = jobs.map((job) => [job.metadata.name, endCondition(job)?.type]);
    expect(Object.fromEntries(ends)).toEqual({
      'twice-0-s0': 'Complete',
      'twice-1-s1': 'Failed',
      'twice-1-s1-r1': 'Failed',
      'twice-1-s1-r2': 'Complete',
      'twice-2-s2-r2': 'Complete',
    });
    expect(jobs.map(({ metadata }) => metadata.uid)).toContain(uids(first)[1]);
  });

  it('tells of each resume once', async () => {
    await here.namespace.untilEvent('twice', 'SequenceCompleted');
    const told = ['Resumed at step 1 (s1)', 'Resumed at step 1 (s1)'];
    expect((await here.namespace.recordedEvents('twice', 'Resumed')).map(([, message]) => message)).toEqual(told);
    const story = (await here.namespace.recordedEvents('twice')).map(([reason]) => reason);
    const run = ['SequenceStarted', 'JobStarted', 'JobCompleted', 'JobStarted', 'JobFailed', 'SequenceFailed'];
    const again = ['Resumed', 'JobStarted', 'JobFailed', 'SequenceFailed'];
    const atLast = ['Resumed', 'JobStarted', 'JobCompleted', 'JobStarted', 'JobCompleted', 'SequenceCompleted'];
    expect(story).toEqual([...run, ...again, ...atLast]);
  });

  it('goes on when it is resumed while no controller is there', async () => {
    await here.namespace.apply('unattended', gated(here.folder, sequence(2, { 0: needs('unattended') })));
    await here.namespace.untilFinished('unattended');
    await here.crash();
    await here.open('unattended');
    await here.namespace.patch('unattended', resume(3));
    await here.restart();
    const { status } = await here.namespace.untilPhase('unattended', 'Completed');
    expect(status?.resumes).toBe(3);
    const names = ['unattended-0-s0', 'unattended-0-s0-r3', 'unattended-1-s1-r3'];
    expect([...(await here.namespace.jobNames('unattended'))].sort()).toEqual(names);
  });

  it.each([
    ['which saw whose it was', false],
    ['that is new', true],
  ] as const)('waits for the Pod of a Job that was deleted without it, by a controller %s', async (_says, isNew) => {
    const name = isNew ? 'left-unseen' : 'left';
    await here.namespace.apply(name, gated(here.folder, sequence(1, { 0: waitsFor(name) })));
    await here.namespace.untilRunning(name, 0);
    const [pod] = await eventually('its Pod', async () => {
      const pods = await here.namespace.pods(name);
      return pods.length > 0 ? pods : undefined;
    });
    if (isNew) await here.crash();
    await kubectl('-n', here.namespace.name, 'delete', 'job', `${name}-0-s0`, '--cascade=orphan');
    if (isNew) await here.restart();
    await here.namespace.untilPhase(name, 'Failed');
    await here.namespace.patch(name, resume(1));
    await here.namespace.until(name, ({ status }) => {
      const { reason, message = '' } = getCondition(status?.conditions, 'Progressing') ?? {};
      return reason === 'ResumePending' && message.includes(`"${pod?.metadata.name}"`);
    });
    expect(await here.namespace.jobNames(name)).toEqual([]);
    await here.open(name);
    await here.namespace.untilPhase(name, 'Completed');
    expect(await here.namespace.jobNames(name)).toEqual([`${name}-0-s0-r1`]);
  });
});

describe('the webhook', () => {
  const ask = (name: string, count: number) =>
    tryKubectl(['patch', 'sj', name, '-n', here.namespace.name, '--type=merge', '-p', JSON.stringify(resume(count))]);

  it('refuses a resume of what has not failed', async () => {
    await here.namespace.apply('running', sequence(1, { 0: FOREVER }));
    await here.namespace.untilRunning('running', 0);
    for (const name of ['running', 'twice']) {
      const { code, stderr } = await ask(name, 5);
      expect([code, stderr]).toEqual([
        1,
        `The SequentialJob "${name}" is invalid: spec.resume: Forbidden: may only be raised when the sequence has failed\n`,
      ]);
    }
  });

  it('takes a lower number, also of one that has completed, and it stays as it is', async () => {
    const { code, stderr } = await ask('unattended', 1);
    expect([code, stderr]).toEqual([
      0,
      'Warning: spec.resume: lowered from 3 to 1, which is ignored: it undoes no resume and asks for none; to resume the sequence when it has failed, set it to 4\n',
    ]);
    const { metadata } = await here.namespace.get('unattended');
    const { status } = await here.namespace.until(
      'unattended',
      (object) => object.status?.observedGeneration === metadata.generation,
    );
    expect(status).toMatchObject({ phase: 'Completed', resumes: 3 });
    expect(await here.namespace.recordedEvents('unattended', 'SpecChanged')).toEqual([]);
  });
});

describe('a sequence that ran out of time', () => {
  it('has its whole time again when it is resumed', async () => {
    // Enough for the last attempt, on a slow machine too.
    const LIMIT = 10;
    const spec = sequence(2, { 0: `${needs('late')} && sleep 2 || { ${FOREVER}; }` }, { activeDeadlineSeconds: LIMIT });
    await here.namespace.apply('late', gated(here.folder, spec));
    const { status: first } = await here.namespace.untilFinished('late');
    expect(first?.progress?.failureReason).toBe('DeadlineExceeded');

    await here.namespace.patch('late', resume(1));
    const { status } = await untilFailedAgain('late', 1);
    expect(status?.progress?.failureReason).toBe('DeadlineExceeded');
    const active = (Date.parse(status?.completionTime ?? '') - Date.parse(status?.activeStartTime ?? '')) / 1000;
    // Times in a status are whole seconds; the Job controller and a slow machine take some more.
    expect(active).toBeGreaterThanOrEqual(LIMIT);
    expect(active).toBeLessThanOrEqual(LIMIT + 5);

    await here.open('late');
    await here.namespace.patch('late', resume(2));
    const end = await here.namespace.untilPhase('late', 'Completed');
    expect(end.status?.startTime).toBe(first?.startTime);
  });
});

describe('a sequence whose Job was not to be had', () => {
  /** With a last step that the policy of `whileDenied` denies. */
  const denied = (scripts: Readonly<Record<number, string>> = {}) => {
    const spec = sequence(2, scripts);
    const containers = spec.containers.map((one, i) => (i === 1 ? { ...one, image: 'forbidden:1' } : one));
    return gated(here.folder, { ...spec, containers });
  };

  async function whileDenied(body: () => Promise<void>): Promise<void> {
    const policy = await startJobPolicy(here.namespace.name, LABELS);
    try {
      await body();
    } finally {
      await policy.remove();
    }
  }

  it('goes on when the API server lets it', async () => {
    await here.namespace.apply('rejected', denied({ 0: waitsFor('rejected') }));
    await here.namespace.untilRunning('rejected', 0);
    await whileDenied(async () => {
      await here.open('rejected');
      const { status } = await here.namespace.untilFinished('rejected');
      expect(status?.progress).toMatchObject({ failureReason: 'JobRejected', failedIndex: 1 });
      expect(status?.progress?.failureMessage).toContain('the image forbidden:1 is not allowed here');
    });
    await here.namespace.patch('rejected', resume(1));
    const { status } = await here.namespace.untilPhase('rejected', 'Completed');
    expect(status?.steps?.map(({ jobName }) => jobName)).toEqual(['rejected-0-s0', 'rejected-1-s1-r1']);
  });

  it('begins when all of its Jobs are let in, where one was refused at the start', async () => {
    await whileDenied(async () => {
      await here.namespace.apply('shut-out', denied());
      const { status } = await here.namespace.untilFinished('shut-out');
      expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobRejected', failedIndex: 1 } });
      expect(status?.startTime).toBeUndefined();
    });
    await here.namespace.patch('shut-out', resume(1));
    const { status } = await here.namespace.untilPhase('shut-out', 'Completed');
    expect(status?.startTime).toBeDefined();
    expect(await here.namespace.jobNames('shut-out')).toHaveLength(2);
  });

  it('goes on under its new name, whoever has the old one', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [step('theirs')] } };
    await here.namespace.createObject(JOBS, { metadata: { name: 'taken-1-s1' }, spec: { template } });
    await here.namespace.apply('taken', sequence(2));
    const { status: first } = await here.namespace.untilFinished('taken');
    expect(first?.progress).toMatchObject({ failureReason: 'JobNameConflict', failedIndex: 1 });
    await here.namespace.patch('taken', resume(1));
    const { status } = await here.namespace.untilPhase('taken', 'Completed');
    expect(status?.steps?.map(({ jobName }) => jobName)).toEqual(['taken-0-s0', 'taken-1-s1-r1']);
    expect(uids(status)[0]).toBe(uids(first)[0]);
  });
});
