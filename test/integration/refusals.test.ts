/** What cannot run: invalid specs that got past admission, Jobs that the API server refuses, names that are taken. */
import { describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import { collectionPath, JOBS } from '../../shared/kube/resources.ts';
import { BYPASSED } from '../support/admission.ts';
import { kubectl } from '../support/cluster.ts';
import { startJobPolicy } from '../support/job-policy.ts';
import { withController, operatedBeside } from '../support/with-controller.ts';
import { FOREVER, gated, sequence, step, waitsFor } from '../support/sequences.ts';

const here = withController('refusals');

const unmounted = { ...step('s1'), volumeMounts: [{ name: 'data', mountPath: '/data' }] };

describe('an invalid spec that admission did not stop', () => {
  const bypassed = operatedBeside(here, 'bypassed', BYPASSED);

  it('fails before any step starts, with every fault', async () => {
    await bypassed.namespace.apply('invalid', {
      containers: [{ ...step('s0'), ports: [{ containerPort: 0 }] }, unmounted],
    });
    const { status } = await bypassed.namespace.untilFinished('invalid');
    expect(status?.phase).toBe('Failed');
    expect(status?.startTime).toBeUndefined();
    expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'True', reason: 'InvalidSpec' });
    const message = getCondition(status?.conditions, 'Failed')?.message;
    expect(message).toContain('spec.containers[0].ports[0].containerPort');
    expect(message).toContain('spec.containers[1].volumeMounts[0].name: Not found: "data"');
    expect(await bypassed.namespace.jobNames('invalid')).toEqual([]);
  });

  it('runs once the spec is mended', async () => {
    await bypassed.namespace.patch('invalid', { spec: sequence(2) });
    const { status } = await bypassed.namespace.until('invalid', (object) => object.status?.phase === 'Completed');
    expect(status?.conditions?.find(({ type }) => type === 'Failed')?.status).toBe('False');
    expect(status?.progress).toEqual({ completedIndices: [0, 1], summary: '2/2' });
  });
});

describe('a Job that an admission webhook refuses after it took the dry run', () => {
  const LABELS = { 'tests.example.com/policy': 'refusals' };
  const guarded = operatedBeside(here, 'refusals-policy', LABELS);

  it('fails the sequence with the answer, and is not asked for again', async () => {
    const forbidden = { ...step('s1'), image: 'forbidden:1' };
    const spec = sequence(2, { 0: waitsFor('refused') });
    const containers = [...spec.containers.slice(0, 1), forbidden];
    await guarded.namespace.apply('refused', gated(here.folder, { ...spec, containers }));
    await guarded.namespace.untilRunning('refused', 0);
    const policy = await startJobPolicy(guarded.namespace.name, LABELS);
    try {
      await here.open('refused');
      const { status } = await guarded.namespace.untilFinished('refused');
      expect(status).toMatchObject({
        phase: 'Failed',
        progress: { failureReason: 'JobRejected', failedIndex: 1, completedIndices: [0] },
      });
      expect(status?.progress?.failureMessage).toContain('the image forbidden:1 is not allowed here');
      // Whatever happens to the object.
      await kubectl('label', 'sj', 'refused', '-n', guarded.namespace.name, 'seen=yes');
      await guarded.namespace.apply('allowed', sequence(1));
      await guarded.namespace.untilFinished('allowed');
      expect(policy.asked.filter((job) => job === 'refused-1-s1')).toHaveLength(1);
    } finally {
      await policy.remove();
    }
  });
});

describe("a Job of somebody else's under the step's name", () => {
  it('fails the sequence and is left alone', async () => {
    const foreign = await here.client.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path: collectionPath(JOBS, here.namespace.name),
      body: {
        metadata: { name: 'conflict-1-s1' },
        spec: {
          suspend: true,
          template: { spec: { restartPolicy: 'Never', containers: [step('theirs', FOREVER)] } },
        },
      },
    });
    await here.namespace.apply('conflict', sequence(3));
    const { status } = await here.namespace.untilFinished('conflict');
    expect(status?.progress).toMatchObject({
      failureReason: 'JobNameConflict',
      failedIndex: 1,
      currentStep: 's1',
      completedIndices: [0],
    });
    expect(status?.progress?.failureMessage).toContain('conflict-1-s1');

    await here.namespace.delete('conflict');
    await here.namespace.untilGone('conflict', 30);
    const left = await here.namespace.jobs();
    expect(left.find((job) => job.metadata.name === 'conflict-1-s1')?.metadata.uid).toBe(foreign.metadata.uid);
    expect(left.some((job) => job.metadata.name === 'conflict-0-s0')).toBe(false);
  });
});

describe('a sequence that another tool changed', () => {
  it('still runs when its labels are taken off the running Job', async () => {
    await here.namespace.apply('unlabelled', sequence(2, { 0: 'sleep 4' }));
    await here.namespace.until('unlabelled', ({ status }) => status?.steps?.[0]?.state === 'Running');
    const label = 'batch.example.com/sequentialjob-uid-';
    await kubectl('label', 'job', 'unlabelled-0-s0', '-n', here.namespace.name, label);
    const { status } = await here.namespace.untilFinished('unlabelled');
    expect(status?.phase).toBe('Completed');
  });
});
