/** How a failure is explained in status, conditions, events and kubectl describe, also when the Pod is deleted soon. */
import { describe, expect, it } from '@jest/globals';
import type { PodTemplateSpec } from '../../shared/api/types.ts';
import { condition, endCondition, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { failsOnce, FOREVER, gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('failures');
const { namespace } = here;

/** Every place that explains a failure has the same message: that of the Job, and how its last Pod ended. */
async function expectExplained(name: string, index: number, ending: string): Promise<void> {
  const object = await namespace.untilFinished(name);
  const ends = (await namespace.jobs(name)).map(endCondition);
  const failureMessage = `${ends[index]?.message}; ${ending}`;
  const reason = 'BackoffLimitExceeded';
  const progress = { failedIndex: index, failureReason: reason, failureMessage };
  expect(object.status).toMatchObject({ phase: 'Failed', progress });
  const message = expect.stringContaining(`${reason}: ${failureMessage}`);
  expect(condition(object, 'Failed')).toMatchObject({ status: 'True', reason, message });
  expect(condition(object, 'Progressing')).toMatchObject({ status: 'False', message });
  await namespace.untilEvent(name, 'SequenceFailed');
  expect(await namespace.recordedEvents(name, 'JobFailed', 'SequenceFailed')).toEqual([
    ['JobFailed', message, 1],
    ['SequenceFailed', message, 1],
  ]);
}

const init: PodTemplateSpec = { spec: { containers: [], initContainers: [step('prepare', 'echo disk full; exit 5')] } };

describe('a failed step is explained', () => {
  it.each<readonly [by: string, script: string, step: object, ending: string]>([
    [
      'its termination message',
      'echo noise; echo "table orders is locked" > /dev/termination-log; exit 3',
      { exitCode: 3, reason: 'Error', message: 'table orders is locked' },
      '3: table orders is locked',
    ],
    [
      'the end of its log, without a termination message',
      'echo connecting; echo "vault: no route" >&2; exit 4',
      { exitCode: 4, message: 'connecting\nvault: no route' },
      '4: connecting / vault: no route',
    ],
    ['its exit code, without output', 'exit 137', { exitCode: 137, reason: 'Error' }, '137'],
  ])('by %s', async (_by, script, expected, ending) => {
    const name = `failing-${ending.split(':')[0]}`;
    await namespace.apply(name, sequence(3, { 1: script }));
    await expectExplained(name, 1, `attempt 1 of the container "s1" ended with exit code ${ending}`);
    const { steps = [] } = (await namespace.get(name)).status ?? {};
    const states = [{ state: 'Succeeded' }, { state: 'Failed', attempts: 1, ...expected }, { state: 'Skipped' }];
    expect(steps).toMatchObject(states);
  });

  it('by the init container that failed', async () => {
    await namespace.apply('init', { ...sequence(1), template: init });
    await expectExplained('init', 0, 'attempt 1 of the container "prepare" ended with exit code 5: disk full');
  });

  it('by the end of a long log, which is truncated', async () => {
    await namespace.apply('verbose', sequence(1, { 0: 'seq 1 5000; echo the end; exit 1' }));
    const message = (await namespace.untilFinished('verbose')).status?.steps?.[0]?.message ?? '';
    expect(message).toMatch(/5000\nthe end$/);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
  });

  it('by a controller that was not running when the step failed', async () => {
    await namespace.apply('unseen', sequence(1, { 0: 'sleep 3; echo "disk gone"; exit 12' }));
    await namespace.untilRunning('unseen', 0);
    await here.crash();
    await eventually('the failed Job', async () => (await namespace.jobs('unseen')).map(endCondition)[0]);
    await here.restart();
    await expectExplained('unseen', 0, 'attempt 1 of the container "s0" ended with exit code 12: disk gone');
  });

  it('in kubectl describe', async () => {
    const text = await namespace.describe('failing-3');
    for (const words of [
      /Phase:\s+Failed/,
      /Failed Index:\s+1/,
      /Failure Message:\s+.* exit code 3: table orders is locked/,
      /Exit Code:\s+3/,
      /State:\s+Skipped/,
      /Warning\s+JobFailed\s.*sequentialjob-controller\s.*exit code 3: table orders is locked/,
      /Warning\s+SequenceFailed\s.*table orders is locked/,
    ]) {
      expect(text).toMatch(words);
    }
  });
});

describe('a container that is restarted in its Pod', () => {
  // The first process of a container ignores a SIGTERM that comes before its trap is set: then SIGKILL ends it, soon.
  const template = { spec: { containers: [], restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 2 } };

  async function expectFirstFailure(name: string): Promise<void> {
    const object = await namespace.untilFinished(name);
    expect(object.status?.steps?.[0]).toMatchObject({ state: 'Failed', exitCode: 6, message: 'no licence' });
    expect(condition(object, 'Failed')?.message).toMatch(/exit code 6: no licence$/);
  }

  it('is explained although the Job controller deletes the Pod with the failure', async () => {
    const script = `${failsOnce('restarted', 6, 'echo no licence')}; ${FOREVER}`;
    await namespace.apply('restarted', gated(here.folder, { ...sequence(1, { 0: script }), template }));
    await expectFirstFailure('restarted');
    // A Job controller that lags behind (1.20) may have created another Pod.
    await eventually('the Pod that failed is gone', async () => {
      const pods = await namespace.pods('restarted');
      return !pods.some(({ status }) => status.containerStatuses?.some(({ restartCount }) => restartCount > 0));
    });
  });

  it('is explained by its own failure, not by the next run, which the Job controller killed', async () => {
    const script = `${waitsFor('killed')}; ${failsOnce('killed-first', 6, 'echo no licence')}; ${FOREVER}`;
    await namespace.apply('killed', gated(here.folder, { ...sequence(1, { 0: script }), template }));
    await namespace.untilRunning('killed', 0);
    // The controller sees both ends at once: it does not run, and a finalizer holds the Pod.
    await here.crash();
    const [pod] = await namespace.pods('killed');
    const hold = ['patch', 'pod', pod?.metadata.name ?? '', '-n', namespace.name, '--type=merge', '-p'];
    await kubectl(...hold, JSON.stringify({ metadata: { finalizers: ['tests.example.com/hold'] } }));
    await here.open('killed');
    try {
      await eventually('the end of its second run', async () => {
        const [held] = await namespace.pods('killed');
        const exitCode = held?.status.containerStatuses?.[0]?.state.terminated?.exitCode;
        return exitCode !== undefined && exitCode !== 6;
      });
      await here.restart();
      await expectFirstFailure('killed');
    } finally {
      await kubectl(...hold, JSON.stringify({ metadata: { finalizers: null } }));
    }
  });
});

describe('retries', () => {
  it('are visible while they happen, and are counted when the last one fails', async () => {
    const script = `echo "port taken"; ${failsOnce('tried', 8)}; ${waitsFor('in-vain')}; exit 8`;
    await namespace.apply('in-vain', gated(here.folder, sequence(2, { 0: script }, { job: { backoffLimit: 1 } })));
    // The Job's count and the Pod's end come by two watches.
    const { status } = await namespace.until('in-vain', (object) => {
      const [first] = object.status?.steps ?? [];
      return first?.attempts === 2 && first.exitCode !== undefined;
    });
    expect(status).toMatchObject({ phase: 'Running', state: { active: 1, failed: 0 } });
    expect(status?.steps?.[0]).toMatchObject({ state: 'Running', exitCode: 8, message: 'port taken' });
    await here.open('in-vain');
    await expectExplained('in-vain', 0, 'attempt 2 of the container "s0" ended with exit code 8: port taken');
  });

  it('are counted when the last one succeeds, and do not fail the step', async () => {
    const spec = sequence(1, { 0: failsOnce('in-time') }, { job: { backoffLimit: 1 } });
    await namespace.apply('in-time', gated(here.folder, spec));
    const { steps } = await namespace.untilCompleted('in-time');
    expect(steps).toMatchObject([{ state: 'Succeeded', attempts: 2, exitCode: 0 }]);
    expect(await namespace.recordedEvents('in-time', 'JobFailed', 'SequenceFailed')).toEqual([]);
  });
});
