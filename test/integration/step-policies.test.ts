/** stepPolicies: what a step has for itself, and a failure that is passed over. */
import { describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import { withController } from '../support/with-controller.ts';
import { failsOnce, gated, sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const { knowsPodFailurePolicy } = await serverOfTests();
const here = withController('policies');

describe('backoffLimit of a step', () => {
  it('holds for that step alone', async () => {
    const stepPolicies = [{ name: 's0', backoffLimit: 2 }];
    const spec = sequence(2, { 0: failsOnce('first'), 1: failsOnce('second') }, { stepPolicies });
    await here.namespace.apply('retries', gated(here.folder, spec));
    const { status } = await here.namespace.untilFinished('retries');
    expect(status?.steps).toMatchObject([
      { state: 'Succeeded', attempts: 2 },
      { state: 'Failed', attempts: 1, exitCode: 1 },
    ]);
    expect((await here.namespace.jobs('retries')).map(({ spec: { backoffLimit } }) => backoffLimit)).toEqual([2, 0]);
  });
});

describe('onFailure: Continue', () => {
  const passedOver = (index: number) => ({ name: `s${index}`, onFailure: 'Continue' }) as const;

  it('lets the sequence go on and complete, with the step marked', async () => {
    const spec = sequence(3, { 1: 'echo no mail today; exit 2' }, { stepPolicies: [passedOver(1)] });
    await here.namespace.apply('lenient', spec);
    const { status } = await here.namespace.untilFinished('lenient');
    expect(status).toMatchObject({
      phase: 'Completed',
      state: { active: 0, succeeded: 2, failed: 1 },
      progress: { completedIndices: [0, 2], summary: '2/3' },
      steps: [
        { state: 'Succeeded' },
        { state: 'Failed', exitCode: 2, message: 'no mail today' },
        { state: 'Succeeded', jobName: 'lenient-2-s2' },
      ],
    });
    const message = /^2 of 3 steps completed in \d+s; failed but ignored (onFailure: Continue): 1 \(s1\)$/;
    for (const type of ['Complete', 'Available'] as const) {
      const condition = getCondition(status?.conditions, type);
      expect(condition).toMatchObject({ status: 'True', reason: 'SequenceCompleted' });
      expect(condition?.message).toMatch(message);
    }
    expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'False', reason: 'NotFailed' });
    expect((await here.namespace.untilEvent('lenient', 'SequenceCompleted')).message).toMatch(message);
  });

  it('tells of the failure once, as a warning', async () => {
    const warnings = (await here.namespace.events('lenient')).filter(({ type }) => type === 'Warning');
    expect(warnings).toMatchObject([{ reason: 'JobFailed', count: 1 }]);
    expect(warnings[0]?.message).toMatch(/^Job 1 \(s1\) failed: BackoffLimitExceeded: .*exit code 2: no mail today$/);
    expect(await here.namespace.describe('lenient')).toMatch(/Exit Code:\s+2/);
  });

  it('is no help to another step, and none at the last one either', async () => {
    const stepPolicies = [passedOver(0), passedOver(2)];
    await here.namespace.apply('strict', sequence(3, { 0: 'exit 1', 1: 'exit 1' }, { stepPolicies }));
    await here.namespace.apply('to-the-end', sequence(3, { 0: 'exit 1', 2: 'exit 1' }, { stepPolicies }));
    const { status: strict } = await here.namespace.untilFinished('strict');
    expect(strict).toMatchObject({ phase: 'Failed', progress: { failedIndex: 1, completedIndices: [] } });
    expect(strict?.steps?.map(({ state }) => state)).toEqual(['Failed', 'Failed', 'Skipped']);
    const { status: toTheEnd } = await here.namespace.untilFinished('to-the-end');
    expect(toTheEnd).toMatchObject({ phase: 'Completed', progress: { completedIndices: [1], summary: '1/3' } });
  });

  it('is kept to by a controller that was not there', async () => {
    const spec = sequence(2, { 0: 'sleep 3; exit 1' }, { stepPolicies: [passedOver(0)] });
    await here.namespace.apply('unseen', spec);
    await here.namespace.untilRunning('unseen', 0);
    await here.restart();
    const { status } = await here.namespace.untilFinished('unseen');
    expect(status).toMatchObject({ phase: 'Completed', steps: [{ state: 'Failed' }, { state: 'Succeeded' }] });
  });
});

const UNKNOWN = '"field":"podFailurePolicy"';

const policyFor = (action: 'FailJob' | 'Ignore', code: number) =>
  ({ rules: [{ action, onExitCodes: { operator: 'In', values: [code] } }] }) as const;

onServersWhere(knowsPodFailurePolicy)('podFailurePolicy on a server that knows it', () => {
  it('fails the step at once, whatever its backoffLimit', async () => {
    const podFailurePolicy = policyFor('FailJob', 42);
    const stepPolicies = [{ name: 's0', backoffLimit: 3, podFailurePolicy }];
    await here.namespace.apply('hopeless', sequence(2, { 0: 'exit 42' }, { stepPolicies }));
    const { status } = await here.namespace.untilFinished('hopeless');
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 0, failureReason: 'PodFailurePolicy' },
      steps: [{ state: 'Failed', attempts: 1, exitCode: 42 }, { state: 'Skipped' }],
    });
    const [job] = await here.namespace.jobs('hopeless');
    expect(job?.spec.podFailurePolicy).toMatchObject(podFailurePolicy);
  });

  it('does not count a failure that it ignores against the backoffLimit', async () => {
    const stepPolicies = [{ name: 's0', backoffLimit: 0, podFailurePolicy: policyFor('Ignore', 7) }];
    const spec = sequence(1, { 0: failsOnce('ignored', 7) }, { stepPolicies });
    await here.namespace.apply('ignored', gated(here.folder, spec));
    const { status } = await here.namespace.untilFinished('ignored');
    expect(status).toMatchObject({ phase: 'Completed', steps: [{ state: 'Succeeded', exitCode: 0 }] });
    const phases = (await here.namespace.pods('ignored')).map((pod) => pod.status.phase);
    expect(new Set(phases)).toEqual(new Set(['Failed', 'Succeeded']));
  });

  it('has nothing in the log about a server that does not know it', () => {
    expect(here.operator.count(UNKNOWN)).toBe(0);
  });
});

onServersWhere(!knowsPodFailurePolicy)('podFailurePolicy on a server that does not know it', () => {
  it('is left out, which the log says once, and harms nothing', async () => {
    const stepPolicies = ['s0', 's1'].map((name) => ({ name, podFailurePolicy: policyFor('FailJob', 42) }));
    await here.namespace.apply('unknown', sequence(2, {}, { stepPolicies }));
    await here.namespace.apply('unknown-too', sequence(2, { 1: 'exit 42' }, { stepPolicies }));
    expect((await here.namespace.untilFinished('unknown')).status?.phase).toBe('Completed');
    const { status } = await here.namespace.untilFinished('unknown-too');
    expect(status).toMatchObject({ phase: 'Failed', steps: [{ state: 'Succeeded' }, { exitCode: 42 }] });
    for (const job of await here.namespace.jobs('unknown')) expect(job.spec.podFailurePolicy).toBeUndefined();
    expect(here.operator.count(UNKNOWN)).toBe(1);
  });
});
