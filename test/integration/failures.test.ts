/** Failures that explain themselves: status, conditions, events and `kubectl describe`, before the Pod can vanish. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { endCondition, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { failsOnce, FOREVER, gated, sequence, step, waitsFor } from '../support/sequences.ts';

const here = withController('failures');

/** Every place that tells of a failure, with the same words: those of the Job, and then how its last Pod ended. */
async function expectTold({ metadata: { name }, status }: SequentialJob, index: number, ending: string): Promise<void> {
  const ends = (await here.namespace.jobs(name)).map(endCondition);
  const words = `${ends[index]?.message}; ${ending}`;
  const why = `BackoffLimitExceeded: ${words}`;
  const message = `Step ${index} (s${index}) failed: ${why}`;
  expect(status?.progress).toMatchObject({
    failedIndex: index,
    failureReason: 'BackoffLimitExceeded',
    failureMessage: words,
  });
  expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'True', message });
  expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({ status: 'False', message });
  await here.namespace.untilEvent(name, 'SequenceFailed');
  expect(await here.namespace.recordedEvents(name, 'JobFailed', 'SequenceFailed')).toEqual([
    ['JobFailed', `Job ${index} (s${index}) failed: ${why}`, 1],
    ['SequenceFailed', message, 1],
  ]);
}

describe('a container that leaves a termination message', () => {
  let failed: SequentialJob;

  beforeAll(async () => {
    const script = 'echo noise; echo "table orders is locked" > /dev/termination-log; exit 3';
    await here.namespace.apply('said', sequence(3, { 1: script }));
    failed = await here.namespace.untilFinished('said');
  });

  it('is quoted in the record of its step', () => {
    expect(failed.status?.steps?.[1]).toMatchObject({
      state: 'Failed',
      attempts: 1,
      exitCode: 3,
      reason: 'Error',
      message: 'table orders is locked',
    });
    expect(failed.status?.steps?.[2]).toEqual({ index: 2, name: 's2', state: 'Skipped' });
  });

  it('is quoted wherever the failure is told', async () => {
    await expectTold(failed, 1, 'attempt 1 of the container "s1" ended with exit code 3: table orders is locked');
  });

  it('is all there in kubectl describe', async () => {
    const text = await here.namespace.describe('said');
    for (const words of [
      /Phase:\s+Failed/,
      /Failed Index:\s+1/,
      /Failure Reason:\s+BackoffLimitExceeded/,
      /Failure Message:\s+.* exit code 3: table orders is locked/,
      /Exit Code:\s+3/,
      /Job Name:\s+said-1-s1/,
      /State:\s+Skipped/,
      /Warning\s+JobFailed\s.*sequentialjob-controller\s+Job 1 \(s1\) failed: .*exit code 3: table orders is locked/,
      /Warning\s+SequenceFailed\s.*Step 1 \(s1\) failed: .*table orders is locked/,
    ]) {
      expect(text).toMatch(words);
    }
  });
});

describe('a container that leaves none', () => {
  it('is quoted by the end of its log', async () => {
    await here.namespace.apply('logged', sequence(1, { 0: 'echo connecting; echo "vault: no route" >&2; exit 4' }));
    const failed = await here.namespace.untilFinished('logged');
    expect(failed.status?.steps?.[0]).toMatchObject({ exitCode: 4, message: 'connecting\nvault: no route' });
    await expectTold(failed, 0, 'attempt 1 of the container "s0" ended with exit code 4: connecting / vault: no route');
  });

  it('and writes a lot is quoted by the last of it, and the message fits', async () => {
    await here.namespace.apply('verbose', sequence(1, { 0: 'seq 1 5000; echo the end; exit 1' }));
    const { status } = await here.namespace.untilFinished('verbose');
    const message = status?.steps?.[0]?.message ?? '';
    expect(message).toMatch(/5000\nthe end$/);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect((await here.namespace.untilEvent('verbose', 'SequenceFailed')).message).toMatch(/5000 \/ the end$/);
  });

  it('is told by its exit code', async () => {
    await here.namespace.apply('silent', sequence(1, { 0: 'exit 137' }));
    const failed = await here.namespace.untilFinished('silent');
    expect(failed.status?.steps?.[0]).toMatchObject({ exitCode: 137, reason: 'Error' });
    await expectTold(failed, 0, 'attempt 1 of the container "s0" ended with exit code 137');
  });
});

describe('a failure that is not of the step itself', () => {
  it('names the init container', async () => {
    const template = { spec: { containers: [], initContainers: [step('prepare', 'echo disk full; exit 5')] } };
    await here.namespace.apply('init', { ...sequence(1), template });
    const failed = await here.namespace.untilFinished('init');
    expect(failed.status?.steps?.[0]).toMatchObject({ attempts: 1, exitCode: 5, message: 'disk full' });
    await expectTold(failed, 0, 'attempt 1 of the container "prepare" ended with exit code 5: disk full');
  });
});

describe('a container that is restarted in its Pod', () => {
  // The first process of a container ignores a SIGTERM that comes before its trap is set: then SIGKILL ends it, soon.
  const template = { spec: { containers: [], restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 2 } };

  it('is quoted although the Job controller deletes the Pod with the failure', async () => {
    const script = `${failsOnce('restarted', 6, 'echo no licence')}; ${FOREVER}`;
    await here.namespace.apply('restarted', gated(here.folder, { ...sequence(1, { 0: script }), template }));
    const { status } = await here.namespace.untilFinished('restarted');
    expect(status?.steps?.[0]).toMatchObject({ state: 'Failed', exitCode: 6, message: 'no licence' });
    expect(getCondition(status?.conditions, 'Failed')?.message).toMatch(/exit code 6: no licence$/);
    await eventually('no Pod', async () => (await here.namespace.pods('restarted')).length === 0);
    expect(await here.namespace.describe('restarted')).toMatch(/Warning\s+SequenceFailed\s.*no licence/);
  });

  it('is quoted with its own failure, not with the end that the Job controller put to its next run', async () => {
    const script = `${waitsFor('killed')}; ${failsOnce('killed-first', 6, 'echo no licence')}; ${FOREVER}`;
    await here.namespace.apply('killed', gated(here.folder, { ...sequence(1, { 0: script }), template }));
    await here.namespace.untilRunning('killed', 0);
    // Both ends are there to be seen when the controller looks: it is away, and the Pod is held.
    await here.crash();
    const [pod] = await here.namespace.pods('killed');
    const hold = ['patch', 'pod', pod?.metadata.name ?? '', '-n', here.namespace.name, '--type=merge', '-p'];
    await kubectl(...hold, JSON.stringify({ metadata: { finalizers: ['tests.example.com/hold'] } }));
    await here.open('killed');
    try {
      await eventually(
        'the end of its second run',
        async () => {
          const [held] = await here.namespace.pods('killed');
          const exitCode = held?.status.containerStatuses?.[0]?.state.terminated?.exitCode;
          return exitCode !== undefined && exitCode !== 6;
        },
        20,
      );
      await here.restart();
      const { status } = await here.namespace.untilFinished('killed');
      expect(status?.steps?.[0]).toMatchObject({ state: 'Failed', exitCode: 6, message: 'no licence' });
      expect(getCondition(status?.conditions, 'Failed')?.message).toMatch(/exit code 6: no licence$/);
    } finally {
      await kubectl(...hold, JSON.stringify({ metadata: { finalizers: null } }));
      if (!here.operator.isRunning) await here.restart();
    }
  });
});

describe('retries', () => {
  beforeAll(async () => {
    const retried = { backoffLimit: 1 };
    const inVain = `echo "port taken"; ${failsOnce('tried', 8)}; ${waitsFor('in-vain')}; exit 8`;
    await here.namespace.apply('in-vain', gated(here.folder, sequence(2, { 0: inVain }, retried)));
    await here.namespace.apply('in-time', gated(here.folder, sequence(2, { 0: failsOnce('in-time') }, retried)));
  });

  it('are seen while they are made', async () => {
    // The Job's count and the Pod's end come by two watches.
    const { status } = await here.namespace.until('in-vain', (object) => {
      const step = object.status?.steps?.[0];
      return step?.attempts === 2 && step.exitCode !== undefined;
    });
    expect(status).toMatchObject({ phase: 'Running', state: { active: 1, failed: 0 } });
    expect(status?.steps?.[0]).toMatchObject({ state: 'Running', exitCode: 8, message: 'port taken' });
    await here.open('in-vain');
  });

  it('are counted when the last one fails', async () => {
    const failed = await here.namespace.untilFinished('in-vain');
    expect(failed.status?.steps?.[0]).toMatchObject({ state: 'Failed', attempts: 2, exitCode: 8 });
    await expectTold(failed, 0, 'attempt 2 of the container "s0" ended with exit code 8: port taken');
  });

  it('are counted when the last one succeeds', async () => {
    const { status } = await here.namespace.untilFinished('in-time');
    expect(status?.phase).toBe('Completed');
    expect(status?.steps).toMatchObject([
      { state: 'Succeeded', attempts: 2, exitCode: 0 },
      { state: 'Succeeded', attempts: 1, exitCode: 0 },
    ]);
    expect(await here.namespace.recordedEvents('in-time', 'JobFailed', 'SequenceFailed')).toEqual([]);
  });
});

describe('a failure that happens while no controller is there', () => {
  it('is explained by the next one', async () => {
    const script = 'sleep 3; echo "disk gone"; exit 12';
    await here.namespace.apply('unseen', sequence(1, { 0: script }));
    await here.namespace.untilRunning('unseen', 0);
    await here.crash();
    await eventually('its Job failed', async () => {
      const [job] = await here.namespace.jobs('unseen');
      return job !== undefined && endCondition(job)?.type === 'Failed';
    });
    await here.restart();
    const failed = await here.namespace.untilFinished('unseen');
    await expectTold(failed, 0, 'attempt 1 of the container "s0" ended with exit code 12: disk gone');
  });
});
