/** Settings of a step: what holds for it alone, and failures that are ignored. */
import { describe, expect, it } from '@jest/globals';
import { condition } from '../support/cluster.ts';
import { failsOnce, gated, sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { knowsPodFailurePolicy } = await serverOfTests();
const here = withController('policies');
const { namespace } = here;

describe('backoffLimit of a step', () => {
  it('applies only to that step', async () => {
    const scripts = { 0: failsOnce('first'), 1: failsOnce('second') };
    const spec = sequence(2, scripts, {}, { 0: { job: { backoffLimit: 2 } } });
    await namespace.apply('retries', gated(here.folder, spec));
    const { status } = await namespace.untilFinished('retries');
    expect(status?.steps).toMatchObject([
      { state: 'Succeeded', attempts: 2 },
      { state: 'Failed', attempts: 1, exitCode: 1 },
    ]);
    expect((await namespace.jobs('retries')).map((job) => job.spec.backoffLimit)).toEqual([2, 0]);
  });
});

describe('onFailure: Continue', () => {
  const IGNORE = { onFailure: 'Continue' } as const;

  it('lets the sequence complete, and one warning Event reports the failed step', async () => {
    const spec = sequence(3, { 1: 'echo no mail today; exit 2' }, {}, { 1: IGNORE });
    await namespace.apply('lenient', spec);
    expect(await namespace.untilCompleted('lenient')).toMatchObject({
      state: { active: 0, succeeded: 2, failed: 1 },
      progress: { completedIndices: [0, 2], summary: '2/3' },
      steps: [
        { state: 'Succeeded' },
        { state: 'Failed', exitCode: 2, message: 'no mail today' },
        { state: 'Succeeded', jobName: 'lenient-2-s2' },
      ],
    });
    const object = await namespace.get('lenient');
    const message = expect.stringContaining('failed but ignored (onFailure: Continue): 1 (s1)');
    const completed = { status: 'True', reason: 'SequenceCompleted', message };
    for (const type of ['Complete', 'Available'] as const) expect(condition(object, type)).toMatchObject(completed);
    expect(condition(object, 'Failed')).toMatchObject({ status: 'False', reason: 'NotFailed' });
    expect(await namespace.untilEvent('lenient', 'SequenceCompleted')).toMatchObject({ message });
    const warnings = (await namespace.events('lenient')).filter(({ type }) => type === 'Warning');
    expect(warnings).toMatchObject([{ reason: 'JobFailed', count: 1 }]);
    expect(warnings[0]?.message).toMatch(/exit code 2: no mail today$/);
  });

  it('does not apply to another step, and applies to the last one', async () => {
    const settings = { 0: IGNORE, 2: IGNORE };
    await namespace.apply('strict', sequence(3, { 0: 'exit 1', 1: 'exit 1' }, {}, settings));
    await namespace.apply('to-the-end', sequence(3, { 0: 'exit 1', 2: 'exit 1' }, {}, settings));
    const { status } = await namespace.untilFinished('strict');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failedIndex: 1, completedIndices: [] } });
    expect(status?.steps?.map(({ state }) => state)).toEqual(['Failed', 'Failed', 'Skipped']);
    const { progress } = await namespace.untilCompleted('to-the-end');
    expect(progress).toMatchObject({ completedIndices: [1], summary: '1/3' });
  });

  it('is applied by a controller that was not running when the step failed', async () => {
    const spec = sequence(2, { 0: 'sleep 3; exit 1' }, {}, { 0: IGNORE });
    await namespace.apply('unseen', spec);
    await namespace.untilRunning('unseen', 0);
    await here.restart();
    const { steps } = await namespace.untilCompleted('unseen');
    expect(steps).toMatchObject([{ state: 'Failed' }, { state: 'Succeeded' }]);
  });
});

const UNKNOWN = '"field":"podFailurePolicy"';

const policyFor = (action: 'FailJob' | 'Ignore', code: number) =>
  ({ rules: [{ action, onExitCodes: { operator: 'In', values: [code] } }] }) as const;

onServersWhere(knowsPodFailurePolicy)('podFailurePolicy on a server that knows it', () => {
  it('fails the step at once, for any backoffLimit', async () => {
    const podFailurePolicy = policyFor('FailJob', 42);
    const job = { backoffLimit: 3, podFailurePolicy };
    await namespace.apply('hopeless', sequence(2, { 0: 'exit 42' }, {}, { 0: { job } }));
    const { status } = await namespace.untilFinished('hopeless');
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 0, failureReason: 'PodFailurePolicy' },
      steps: [{ state: 'Failed', attempts: 1, exitCode: 42 }, { state: 'Skipped' }],
    });
    const [created] = await namespace.jobs('hopeless');
    expect(created?.spec.podFailurePolicy).toMatchObject(podFailurePolicy);
  });

  it('of all steps is that of each step', async () => {
    const podFailurePolicy = policyFor('FailJob', 42);
    await namespace.apply('ruled', sequence(2, { 1: 'exit 42' }, { job: { backoffLimit: 3, podFailurePolicy } }));
    const { status } = await namespace.untilFinished('ruled');
    expect(status).toMatchObject({ progress: { failedIndex: 1, failureReason: 'PodFailurePolicy' } });
    for (const { spec } of await namespace.jobs('ruled')) expect(spec.podFailurePolicy).toMatchObject(podFailurePolicy);
  });

  it('of all steps that names the container of one is refused before the start, with the place where it belongs', async () => {
    const [rule] = policyFor('FailJob', 42).rules;
    const rules = [{ ...rule, onExitCodes: { ...rule.onExitCodes, containerName: 's1' } }];
    await namespace.apply('misplaced', sequence(2, {}, { job: { podFailurePolicy: { rules } } }));
    const { status } = await namespace.untilFinished('misplaced');
    expect(status?.progress?.failureReason).toBe('JobRejected');
    expect(status?.progress?.failureMessage).toContain('into spec.steps[1].job.podFailurePolicy');
    expect(await namespace.jobNames('misplaced')).toEqual([]);
  });

  it('does not count an ignored failure against the backoffLimit', async () => {
    const job = { backoffLimit: 0, podFailurePolicy: policyFor('Ignore', 7) };
    const spec = sequence(1, { 0: failsOnce('ignored', 7) }, {}, { 0: { job } });
    await namespace.apply('ignored', gated(here.folder, spec));
    const { steps } = await namespace.untilCompleted('ignored');
    expect(steps).toMatchObject([{ state: 'Succeeded', exitCode: 0 }]);
    const phases = (await namespace.pods('ignored')).map((pod) => pod.status.phase);
    expect(new Set(phases)).toEqual(new Set(['Failed', 'Succeeded']));
    expect(here.operator.count(UNKNOWN)).toBe(0);
  });
});

onServersWhere(!knowsPodFailurePolicy)('podFailurePolicy on a server that does not know it', () => {
  it('is omitted on a server that does not know it, which is logged once', async () => {
    const settings = { job: { podFailurePolicy: policyFor('FailJob', 42) } };
    await namespace.apply('unknown', sequence(2, {}, {}, { 0: settings, 1: settings }));
    await namespace.apply('unknown-too', sequence(2, { 1: 'exit 42' }, {}, { 0: settings, 1: settings }));
    await namespace.untilCompleted('unknown');
    const { status } = await namespace.untilFinished('unknown-too');
    expect(status).toMatchObject({ phase: 'Failed', steps: [{ state: 'Succeeded' }, { exitCode: 42 }] });
    for (const job of await namespace.jobs('unknown')) expect(job.spec.podFailurePolicy).toBeUndefined();
    expect(here.operator.count(UNKNOWN)).toBe(1);
  });
});
