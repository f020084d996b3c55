/** How real failures are explained: by the output of the container, by what the kernel did, and when the Pod is gone. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { LABELS } from '../../shared/api/group.ts';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { eventually } from '../support/eventually.ts';
import { condition } from '../support/cluster.ts';
import { withRealPods } from '../support/real-pods.ts';
import { sequence, step } from '../support/sequences.ts';

/** All run side by side. */
const SEQUENCES: Readonly<Record<string, SequentialJobSpec>> = {
  'exit-code': sequence(3, { 1: 'seq 1 500; echo "column balance: 3 rows are not numbers"; exit 3' }),
  'own-words': sequence(1, { 0: 'echo "noise"; echo "the licence has expired" >/dev/termination-log; exit 9' }),
  memory: {
    job: { backoffLimit: 0 },
    steps: [
      {
        ...step('sort', 'x=a; while true; do x=$x$x; done'),
        resources: { limits: { memory: '16Mi' } },
      },
    ],
  },
  'no-program': {
    job: { backoffLimit: 0 },
    steps: [{ name: 's0', image: 'busybox:1.36', command: ['no-such-program'] }],
  },
  retried: sequence(1, { 0: 'echo "no answer from the mirror"; exit 7' }, { job: { backoffLimit: 1 } }),
  restarted: sequence(
    2,
    { 0: 'echo "cannot open the lock file"; exit 4' },
    { job: { backoffLimit: 1 }, template: { spec: { containers: [], restartPolicy: 'OnFailure' } } },
  ),
  tolerant: sequence(3, { 1: 'echo "the cache is read-only"; exit 1' }, {}, { 1: { onFailure: 'Continue' } }),
  refused: {
    steps: [
      step('migrate'),
      { ...step('check'), securityContext: { privileged: true, allowPrivilegeEscalation: false } },
    ],
  },
  resumable: {
    job: { backoffLimit: 0 },
    steps: [
      step('backup'),
      {
        ...step('migrate', 'echo "schema: ${VERSION:?is not set}"'),
        env: [{ name: 'VERSION', valueFrom: { configMapKeyRef: { name: 'schema', key: 'version', optional: true } } }],
      },
      step('verify'),
    ],
  },
};

const cluster = withRealPods('failures');
const { namespace } = cluster;

beforeAll(async () => {
  await Promise.all(Object.entries(SEQUENCES).map(async ([name, spec]) => namespace.apply(name, spec)));
}, 120_000);

/** The sequence that failed at this step, having checked that condition and events tell the same. */
async function untilFailed(name: string, index: number): Promise<SequentialJob> {
  const object = await namespace.untilFinished(name);
  expect(object.status).toMatchObject({ phase: 'Failed', progress: { failedIndex: index } });
  const failed = condition(object, 'Failed');
  expect(failed).toMatchObject({ status: 'True', reason: object.status?.progress?.failureReason });
  for (const reason of ['JobFailed', 'SequenceFailed']) {
    const event = await namespace.untilEvent(name, reason);
    expect(event.type).toBe('Warning');
    expect(event.message).toContain(object.status?.progress?.failureMessage);
  }
  expect(failed?.message).toContain(object.status?.progress?.failureMessage);
  return object;
}

describe('a container that fails', () => {
  it('leaves its exit code and the end of its log in status, condition and event', async () => {
    const { status } = await untilFailed('exit-code', 1);
    expect(status?.steps).toEqual([
      expect.objectContaining({ name: 's0', state: 'Succeeded', exitCode: 0 }),
      expect.objectContaining({
        name: 's1',
        state: 'Failed',
        attempts: 1,
        exitCode: 3,
        reason: 'Error',
        message: expect.stringMatching(/498\n499\n500\ncolumn balance: 3 rows are not numbers$/),
      }),
      { index: 2, name: 's2', state: 'Skipped' },
    ]);
    expect(Buffer.byteLength(status?.steps?.[1]?.message ?? '')).toBeLessThanOrEqual(1024);
    const theirs = await cluster.untilJobEnds('exit-code-1-s1');
    const ours = 'attempt 1 of the container "s1" ended with exit code 3: ';
    const { failureMessage = '' } = status?.progress ?? {};
    expect(failureMessage.startsWith(`${theirs}; ${ours}`)).toBe(true);
    expect(failureMessage).toMatch(/ \/ column balance: 3 rows are not numbers$/);
    expect(await namespace.jobNames('exit-code')).toEqual(['exit-code-0-s0', 'exit-code-1-s1']);
  });

  it('is reported with its own termination message, if it wrote one', async () => {
    const { status } = await untilFailed('own-words', 0);
    expect(status?.steps?.[0]).toMatchObject({ exitCode: 9, message: 'the licence has expired' });
  });

  it('is reported as OOMKilled when the kernel killed it', async () => {
    const { status } = await untilFailed('memory', 0);
    expect(status?.steps?.[0]).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    const theirs = await cluster.untilJobEnds('memory-0-sort');
    expect(status?.progress?.failureMessage).toBe(
      `${theirs}; attempt 1 of the container "sort" ended with exit code 137 (OOMKilled)`,
    );
  });

  it('is reported with the error of the container runtime if its program does not exist', async () => {
    const { status } = await untilFailed('no-program', 0);
    expect(status?.steps?.[0]?.message).toContain('no-such-program');
    expect(status?.steps?.[0]?.exitCode).toBeGreaterThan(0);
  });

  it('is retried as often as backoffLimit says, each time in a new Pod', async () => {
    const { status } = await untilFailed('retried', 0);
    expect(status?.steps?.[0]).toMatchObject({ attempts: 2, exitCode: 7, message: 'no answer from the mirror' });
    expect(status?.progress?.failureMessage).toContain('attempt 2 of the container "s0" ended with exit code 7');
    expect(await namespace.pods('retried')).toHaveLength(2);
  });

  it('keeps its termination message in the status when its Pod is deleted (restartPolicy: OnFailure)', async () => {
    await untilFailed('restarted', 0);
    // The Job controller deletes it; a kubelet that was about to start its container again may take minutes to let it go.
    const ours = `${LABELS.name}=restarted`;
    await cluster.kubectl('delete', 'pods', '-l', ours, '--force', '--grace-period=0', '--wait=false');
    await eventually('the Pod gone', async () => (await namespace.pods('restarted')).length === 0);
    const { status } = await namespace.get('restarted');
    expect(status?.steps?.[0]).toMatchObject({ state: 'Failed', exitCode: 4, message: 'cannot open the lock file' });
    expect(status?.progress?.failureMessage).toContain('exit code 4: cannot open the lock file');
    expect(await namespace.jobNames('restarted')).toEqual(['restarted-0-s0']);
  });

  it('is ignored with onFailure: Continue, and the sequence completes', async () => {
    const object = await namespace.untilFinished('tolerant');
    expect(object.status).toMatchObject({
      phase: 'Completed',
      state: { active: 0, succeeded: 2, failed: 1 },
      progress: { completedIndices: [0, 2], summary: '2/3' },
      steps: [{ state: 'Succeeded' }, { state: 'Failed', exitCode: 1 }, { state: 'Succeeded' }],
    });
    expect(condition(object, 'Complete')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('failed but ignored (onFailure: Continue): 1 (s1)'),
    });
    expect(condition(object, 'Failed')?.status).toBe('False');
    expect((await namespace.untilEvent('tolerant', 'JobFailed')).message).toContain('the cache is read-only');
  });
});

describe('a step that the API server refuses', () => {
  it('fails the sequence before any Pod was started, and runs once it is fixed', async () => {
    const { status } = await namespace.untilFinished('refused');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failedIndex: 1, failureReason: 'JobRejected' } });
    expect(status?.progress?.failureMessage).toContain('step 1 (check): spec.steps[1].securityContext');
    expect(status?.startTime).toBeUndefined();
    expect(await namespace.jobNames('refused')).toEqual([]);
    expect(await namespace.pods('refused')).toEqual([]);
    await namespace.untilEvent('refused', 'SequenceFailed');

    await namespace.patch('refused', { spec: { steps: [step('migrate'), step('check')] } });
    const done = await namespace.untilPhase('refused', 'Completed');
    expect(done.status?.progress?.summary).toBe('2/2');
  });
});

describe('a failed sequence', () => {
  it('continues at the failed step when resume is raised, and keeps the failed Job', async () => {
    const { status } = await untilFailed('resumable', 1);
    const failed = status?.steps?.[1];
    expect(failed?.message).toContain('VERSION: is not set');
    const before = await namespace.jobs('resumable');

    await cluster.kubectl('create', 'configmap', 'schema', '--from-literal=version=7');
    await namespace.resume('resumable', 1);
    const done = await namespace.untilPhase('resumable', 'Completed');

    expect(done.status).toMatchObject({ resumes: 1, progress: { summary: '3/3' } });
    expect(done.status?.steps?.map(({ jobName }) => jobName)).toEqual([
      'resumable-0-backup',
      'resumable-1-migrate-r1',
      'resumable-2-verify-r1',
    ]);
    const after = await namespace.jobs('resumable');
    const uids = after.map(({ metadata }) => metadata.uid);
    expect(after).toHaveLength(4);
    for (const { metadata } of before) expect(uids).toContain(metadata.uid);
    expect(await cluster.podsOf(failed?.jobName ?? '')).toHaveLength(1);
    expect(await cluster.kubectl('logs', `job/${failed?.jobName}`)).toContain('VERSION: is not set');
    await namespace.untilEvent('resumable', 'Resumed');
  });
});
