/** What cannot run: invalid specs that got past admission, the operator's own namespace, Jobs that are refused, names that are taken. */
import { describe, expect, it } from '@jest/globals';
import { JOBS } from '../../shared/kube/resources.ts';
import { BYPASSED } from '../support/admission.ts';
import { condition, kubectl } from '../support/cluster.ts';
import { withJobPolicy } from '../support/job-policy.ts';
import { FOREVER, gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('refusals');
const { namespace } = here;

describe('an invalid spec that bypassed admission', () => {
  const { namespace: bypassed } = withController('bypassed', { labels: BYPASSED });

  it('fails before any step starts, with all errors, and runs once the spec is fixed', async () => {
    const unmounted = { ...step('s1'), volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    const steps = [{ ...step('s0'), ports: [{ containerPort: 0 }] }, unmounted];
    await bypassed.apply('invalid', { steps });
    const object = await bypassed.untilFinished('invalid');
    expect(object.status?.startTime).toBeUndefined();
    const failed = condition(object, 'Failed');
    expect(failed).toMatchObject({ status: 'True', reason: 'InvalidSpec' });
    expect(failed?.message).toContain('spec.steps[0].ports[0].containerPort');
    expect(failed?.message).toContain('spec.steps[1].volumeMounts[0].name: Not found: "data"');
    expect(await bypassed.jobNames('invalid')).toEqual([]);

    await bypassed.patch('invalid', { spec: sequence(2) });
    const fixed = await bypassed.untilPhase('invalid', 'Completed');
    expect(condition(fixed, 'Failed')?.status).toBe('False');
    expect(fixed.status?.progress).toEqual({ completedIndices: [0, 1], summary: '2/2' });
  });
});

describe("a sequence in the operator's own namespace", () => {
  // As its Deployment sets it from the downward API.
  const env = (name: string): NodeJS.ProcessEnv => ({ SEQUENTIALJOB_OPERATOR_NAMESPACE: name });
  const { namespace: forbidden } = withController('own', { labels: BYPASSED, env });

  it('fails before any step starts, and its condition gives the reason', async () => {
    await forbidden.apply('etl', sequence(2));
    const object = await forbidden.untilFinished('etl');
    expect(condition(object, 'Failed')).toMatchObject({
      status: 'True',
      reason: 'ForbiddenNamespace',
      message: expect.stringContaining(`"${forbidden.name}" is the operator's own namespace`),
    });
    expect(object.status?.startTime).toBeUndefined();
    expect(await forbidden.jobNames()).toEqual([]);
  });
});

describe('a Job that an admission webhook denies after it accepted the dry run', () => {
  const LABELS = { 'tests.example.com/policy': 'refusals' };
  const { namespace: guarded } = withController('refusals-policy', { labels: LABELS });

  it("fails the sequence with the webhook's message, and is not created again", async () => {
    const spec = sequence(2, { 0: waitsFor('refused') });
    const steps = [...spec.steps.slice(0, 1), { ...step('s1'), image: 'forbidden:1' }];
    await guarded.apply('refused', gated(here.folder, { ...spec, steps }));
    await guarded.untilRunning('refused', 0);
    await withJobPolicy(guarded, LABELS, async ({ asked }) => {
      await here.open('refused');
      const { status } = await guarded.untilFinished('refused');
      const progress = { failureReason: 'JobRejected', failedIndex: 1, completedIndices: [0] };
      expect(status).toMatchObject({ phase: 'Failed', progress });
      expect(status?.progress?.failureMessage).toContain('the image forbidden:1 is not allowed here');
      // Whatever happens to the object.
      await kubectl('label', 'sj', 'refused', '-n', guarded.name, 'seen=yes');
      await guarded.apply('allowed', sequence(1));
      await guarded.untilFinished('allowed');
      expect(asked.filter((job) => job === 'refused-1-s1')).toHaveLength(1);
    });
  });
});

describe("a Job of another owner with the step's Job name", () => {
  it('fails the sequence, and is not changed', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [step('theirs', FOREVER)] } };
    await namespace.createObject(JOBS, { metadata: { name: 'conflict-1-s1' }, spec: { suspend: true, template } });
    const foreign = await namespace.job('conflict-1-s1');
    await namespace.apply('conflict', sequence(3));
    const { status } = await namespace.untilFinished('conflict');
    const progress = { failureReason: 'JobNameConflict', failedIndex: 1, currentStep: 's1', completedIndices: [0] };
    expect(status?.progress).toMatchObject(progress);
    expect(status?.progress?.failureMessage).toContain('conflict-1-s1');

    await namespace.delete('conflict');
    await namespace.untilGone('conflict', 30);
    expect((await namespace.job('conflict-1-s1'))?.metadata.uid).toBe(foreign?.metadata.uid);
    expect(await namespace.job('conflict-0-s0')).toBeUndefined();
  });
});

describe('a running Job whose labels were removed', () => {
  it('still belongs to its step', async () => {
    await namespace.apply('unlabelled', sequence(2, { 0: 'sleep 4' }));
    await namespace.untilRunning('unlabelled', 0);
    const label = 'batch.example.com/sequentialjob-uid-';
    await kubectl('label', 'job', 'unlabelled-0-s0', '-n', namespace.name, label);
    await namespace.untilCompleted('unlabelled');
  });
});
