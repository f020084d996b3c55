/** `resume`: a failed sequence continues at its failed step, under a new Job name; completed steps stay completed. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJobSpec, SequentialJobStatus } from '../../shared/api/types.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { condition, endCondition, kubectl } from '../support/cluster.ts';
import { withJobPolicy } from '../support/job-policy.ts';
import { FOREVER, gated, needs, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const LABELS = { 'tests.example.com/policy': 'resume' };
const here = withController('resume', { labels: LABELS });
const { namespace } = here;

const untilFailedAgain = (name: string, resumes: number) =>
  namespace.until(name, ({ status }) => status?.phase === 'Failed' && status.resumes === resumes);

const uids = (status: SequentialJobStatus | undefined): readonly unknown[] =>
  (status?.steps ?? []).map(({ jobUID }) => jobUID);
const jobNames = (status: SequentialJobStatus): readonly unknown[] =>
  (status.steps ?? []).map(({ jobName }) => jobName);

describe('a sequence whose step failed', () => {
  let first: SequentialJobStatus | undefined;

  it('continues at that step, and fails again if the cause is still there', async () => {
    await namespace.apply('twice', gated(here.folder, sequence(3, { 1: `${needs('twice')} || exit 9` })));
    first = (await namespace.untilFinished('twice')).status;
    expect(first?.steps).toMatchObject([{ state: 'Succeeded' }, { exitCode: 9 }, { state: 'Skipped' }]);

    await namespace.resume('twice', 1);
    const { status } = await untilFailedAgain('twice', 1);
    expect(status?.steps).toMatchObject([
      { state: 'Succeeded', jobUID: uids(first)[0] },
      { state: 'Failed', jobName: 'twice-1-s1-r1', exitCode: 9 },
      { state: 'Skipped' },
    ]);
    expect(status?.startTime).toBe(first?.startTime);
    expect(await namespace.jobNames('twice')).toEqual(['twice-0-s0', 'twice-1-s1', 'twice-1-s1-r1']);
  });

  it('completes when it is resumed after the cause was removed, and does not run completed steps again', async () => {
    await here.open('twice');
    await namespace.resume('twice', 2);
    const object = await namespace.untilPhase('twice', 'Completed');
    const { status = {} } = object;
    expect(status).toMatchObject({
      resumes: 2,
      startTime: first?.startTime,
      state: { active: 0, succeeded: 3, failed: 0 },
      progress: { completedIndices: [0, 1, 2], summary: '3/3' },
    });
    expect(status.progress).not.toHaveProperty('failureReason');
    expect(condition(object, 'Failed')).toMatchObject({ status: 'False', reason: 'NotFailed' });
    expect(jobNames(status)).toEqual(['twice-0-s0', 'twice-1-s1-r2', 'twice-2-s2-r2']);
    expect(uids(status)[0]).toBe(uids(first)[0]);
  });

  it('keeps its failed Jobs, and has Events of each resume', async () => {
    const jobs = await namespace.jobs('twice');
    expect(Object.fromEntries(jobs.map((job) => [job.metadata.name, endCondition(job)?.type]))).toEqual({
      'twice-0-s0': 'Complete',
      'twice-1-s1': 'Failed',
      'twice-1-s1-r1': 'Failed',
      'twice-1-s1-r2': 'Complete',
      'twice-2-s2-r2': 'Complete',
    });
    expect(jobs.map(({ metadata }) => metadata.uid)).toContain(uids(first)[1]);
    await namespace.untilEvent('twice', 'SequenceCompleted');
    const run = ['SequenceStarted', 'JobStarted', 'JobCompleted', 'JobStarted', 'JobFailed', 'SequenceFailed'];
    const again = ['Resumed', 'JobStarted', 'JobFailed', 'SequenceFailed'];
    const last = ['Resumed', 'JobStarted', 'JobCompleted', 'JobStarted', 'JobCompleted', 'SequenceCompleted'];
    const reasons = (await namespace.recordedEvents('twice')).map(([reason]) => reason);
    expect(reasons).toEqual([...run, ...again, ...last]);
  });

  it('continues when it is resumed while no controller runs', async () => {
    await namespace.apply('unattended', gated(here.folder, sequence(2, { 0: needs('unattended') })));
    await namespace.untilFinished('unattended');
    await here.crash();
    await here.open('unattended');
    await namespace.resume('unattended', 3);
    await here.restart();
    expect((await namespace.untilPhase('unattended', 'Completed')).status?.resumes).toBe(3);
    const names = ['unattended-0-s0', 'unattended-0-s0-r3', 'unattended-1-s1-r3'];
    expect((await namespace.jobNames('unattended')).toSorted()).toEqual(names);
  });

  it.each([
    ['that has cached the Job', 'left'],
    ['that was started later', 'left-unseen'],
  ])('waits for the Pod of a Job that was orphaned and deleted, with a controller %s', async (_says, name) => {
    const isNew = name === 'left-unseen';
    await namespace.apply(name, gated(here.folder, sequence(1, { 0: waitsFor(name) })));
    await namespace.untilRunning(name, 0);
    const [pod] = await namespace.pods(name);
    if (isNew) await here.crash();
    await kubectl('-n', namespace.name, 'delete', 'job', `${name}-0-s0`, '--cascade=orphan');
    if (isNew) await here.restart();
    await namespace.untilPhase(name, 'Failed');
    await namespace.resume(name, 1);
    await namespace.until(name, (object) => {
      const { reason, message = '' } = condition(object, 'Progressing') ?? {};
      return reason === 'ResumePending' && message.includes(`"${pod?.metadata.name}"`);
    });
    expect(await namespace.jobNames(name)).toEqual([]);
    await here.open(name);
    await namespace.untilPhase(name, 'Completed');
    expect(await namespace.jobNames(name)).toEqual([`${name}-0-s0-r1`]);
  });
});

describe('the webhook', () => {
  const ask = (name: string, resume: number) =>
    namespace.kubectl(['patch', 'sj', name, '--type=merge', '-p', JSON.stringify({ spec: { resume } })]);

  it.each(['Running', 'Completed'])('denies a resume of a sequence that is %s', async (phase) => {
    if (phase === 'Running') {
      await namespace.apply('running', sequence(1, { 0: FOREVER }));
      await namespace.untilRunning('running', 0);
    }
    const said = await ask(phase === 'Running' ? 'running' : 'twice', 5);
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('spec.resume: Forbidden') });
  });

  it('accepts a lower number with a warning, and the status does not change', async () => {
    const said = await ask('unattended', 1);
    const warning = expect.stringContaining('Warning: spec.resume: lowered from 3 to 1, which is ignored');
    expect(said).toMatchObject({ code: 0, stderr: warning });
    const { metadata } = await namespace.get('unattended');
    const { status } = await namespace.untilObserved('unattended', metadata.generation ?? 0);
    expect(status).toMatchObject({ phase: 'Completed', resumes: 3 });
    expect(await namespace.recordedEvents('unattended', 'SpecChanged')).toEqual([]);
  });
});

describe('a sequence whose deadline passed', () => {
  it('gets its full deadline again when it is resumed', async () => {
    // Enough for the last attempt, on a slow machine too.
    const LIMIT = 10;
    const spec = sequence(2, { 0: `${needs('late')} && sleep 2 || { ${FOREVER}; }` }, { activeDeadlineSeconds: LIMIT });
    await namespace.apply('late', gated(here.folder, spec));
    const { status: before } = await namespace.untilFinished('late');
    expect(before?.progress?.failureReason).toBe('DeadlineExceeded');

    await namespace.resume('late', 1);
    const { status } = await untilFailedAgain('late', 1);
    expect(status?.progress?.failureReason).toBe('DeadlineExceeded');
    const active = (Date.parse(status?.completionTime ?? '') - Date.parse(status?.activeStartTime ?? '')) / 1000;
    // Times in a status are whole seconds; the Job controller and a slow machine take some more.
    expect(active).toBeGreaterThanOrEqual(LIMIT);
    expect(active).toBeLessThanOrEqual(LIMIT + 5);

    await here.open('late');
    await namespace.resume('late', 2);
    expect((await namespace.untilPhase('late', 'Completed')).status?.startTime).toBe(before?.startTime);
  });
});

describe('a sequence whose Job could not be created', () => {
  /** With a last step that the policy denies. */
  const denied = (scripts: Readonly<Record<number, string>> = {}): SequentialJobSpec => {
    const [first, second] = sequence(2, scripts).steps;
    const steps = [first, { ...second, image: 'forbidden:1' }] as SequentialJobSpec['steps'];
    return gated(here.folder, { steps, job: { backoffLimit: 0 } });
  };

  it('continues when the API server accepts the Job', async () => {
    await namespace.apply('rejected', denied({ 0: waitsFor('rejected') }));
    await namespace.untilRunning('rejected', 0);
    await withJobPolicy(namespace, LABELS, async () => {
      await here.open('rejected');
      const { status } = await namespace.untilFinished('rejected');
      expect(status?.progress).toMatchObject({ failureReason: 'JobRejected', failedIndex: 1 });
    });
    await namespace.resume('rejected', 1);
    const { status = {} } = await namespace.untilPhase('rejected', 'Completed');
    expect(jobNames(status)).toEqual(['rejected-0-s0', 'rejected-1-s1-r1']);
  });

  it('starts when the API server accepts all of its Jobs, if one was rejected at the start', async () => {
    await withJobPolicy(namespace, LABELS, async () => {
      await namespace.apply('shut-out', denied());
      const { status } = await namespace.untilFinished('shut-out');
      expect(status?.progress).toMatchObject({ failureReason: 'JobRejected', failedIndex: 1 });
      expect(status?.startTime).toBeUndefined();
    });
    await namespace.resume('shut-out', 1);
    expect((await namespace.untilPhase('shut-out', 'Completed')).status?.startTime).toBeDefined();
    expect(await namespace.jobNames('shut-out')).toHaveLength(2);
  });

  it("continues with a new Job name, even if another owner's Job has the old one", async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [step('theirs')] } };
    await namespace.createObject(JOBS, { metadata: { name: 'taken-1-s1' }, spec: { template } });
    await namespace.apply('taken', sequence(2));
    const { status: before } = await namespace.untilFinished('taken');
    expect(before?.progress).toMatchObject({ failureReason: 'JobNameConflict', failedIndex: 1 });
    await namespace.resume('taken', 1);
    const { status = {} } = await namespace.untilPhase('taken', 'Completed');
    expect(jobNames(status)).toEqual(['taken-0-s0', 'taken-1-s1-r1']);
    expect(uids(status)[0]).toBe(uids(before)[0]);
  });
});
