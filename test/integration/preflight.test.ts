/** What the API server refuses it refuses before anything has run, whichever step it is about and whoever it is that refuses. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { preflight } from '../../shared/jobs/preflight.ts';
import { dryRunJob } from '../../shared/kube/dry-run.ts';
import { BYPASSED } from '../support/admission.ts';
import { kubeconfig, tryKubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { type JobPolicy, startJobPolicy } from '../support/job-policy.ts';
import { sequentialJob } from '../support/objects.ts';
import { withController, operatedBeside } from '../support/with-controller.ts';
import { Operator } from '../support/operator.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { askServer } from '../support/server-features.ts';

const here = withController('preflight');

/** What no server lets run, and validation leaves to the server. */
const CONTRADICTION = { privileged: true, allowPrivilegeEscalation: false };
const CONTRADICTORY: Container = { ...step('s1'), securityContext: CONTRADICTION };

/** A device claim that the Pod does not have; a server without device claims (before 1.26) does not know the field. */
const CLAIMING: Container = { ...step('s1'), resources: { claims: [{ name: 'gpu' }] } };

async function expectRefused(namespace: Namespace, name: string, field: string): Promise<void> {
  const { status } = await namespace.untilFinished(name);
  expect(status).toMatchObject({
    phase: 'Failed',
    state: { active: 0, succeeded: 0, failed: 0 },
    progress: { failedIndex: 1, currentStep: 's1', failureReason: 'JobRejected', summary: '0/3' },
    steps: [],
  });
  expect(status?.startTime).toBeUndefined();
  expect(status?.progress?.failureMessage).toContain(`step 1 (s1): ${field}`);
  expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'True', reason: 'JobRejected' });
  expect(await namespace.jobNames(name)).toEqual([]);
}

const withStep = (container: Container): SequentialJobSpec => ({ containers: [step('s0'), container, step('s2')] });

/** Whether the server refuses a Job with that container. */
async function isRefused(container: Container): Promise<boolean> {
  const { name } = here.namespace;
  const object = sequentialJob({ metadata: { namespace: name }, spec: { containers: [container] } });
  return (await dryRunJob(here.client, buildJob(object, 0, 0))).type === 'refused';
}

describe('a later step that the API server refuses', () => {
  it('ends the sequence before the first step has run', async () => {
    await here.namespace.apply('contradictory', withStep(CONTRADICTORY));
    await expectRefused(here.namespace, 'contradictory', 'spec.containers[1].securityContext');
    const { message, type } = await here.namespace.untilEvent('contradictory', 'SequenceFailed');
    expect(type).toBe('Warning');
    expect(message).toContain('no step was started');
  });

  it('can be mended, and then everything runs', async () => {
    await here.namespace.patch('contradictory', { spec: sequence(3) });
    const { status } = await here.namespace.until('contradictory', (one) => one.status?.phase === 'Completed');
    expect(status?.progress?.summary).toBe('3/3');
    expect(await here.namespace.jobNames('contradictory')).toHaveLength(3);
  });

  it('is told of with every fault of every step, and with those of the template', async () => {
    await here.namespace.apply('manifold', {
      containers: [CONTRADICTORY, step('s0'), { ...CONTRADICTORY, name: 's2' }],
      template: { spec: { containers: [], tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
    });
    const { status } = await here.namespace.untilFinished('manifold');
    const message = status?.progress?.failureMessage;
    expect(message).toContain('step 0 (s1): spec.containers[0].securityContext');
    expect(message).toContain('step 2 (s2): spec.containers[2].securityContext');
    expect(message).toContain('spec.template.spec.tolerations[0]');
    expect(message).not.toContain('spec.template.spec.containers');
  });

  it('is no other step that only can’t share a Pod with it', async () => {
    const ports = [{ containerPort: 80, hostPort: 8099 }];
    const containers = ['s0', 's1'].map((name): Container => Object.assign({ ports }, step(name)));
    await here.namespace.apply('same-port', { containers, backoffLimit: 0, activeDeadlineSeconds: 60 });
    const { status } = await here.namespace.untilFinished('same-port');
    expect(status?.progress?.failureReason).not.toBe('JobRejected');
    expect(await here.namespace.jobNames('same-port')).toContain('same-port-0-s0');
  });

  it('ends the sequence in front of it, where it was changed while the first step ran', async () => {
    const spec = gated(here.folder, sequence(3, { 0: waitsFor('changing') }, { updatePolicy: 'FutureSteps' }));
    await here.namespace.apply('changing', spec);
    await here.namespace.untilRunning('changing', 0);
    const [first, second, third] = spec.containers;
    await here.namespace.patch('changing', {
      spec: { containers: [first, second, { ...third, securityContext: CONTRADICTION }] },
    });
    await here.namespace.until('changing', (object) => object.status?.observedGeneration === 2);
    await here.open('changing');
    const { status } = await here.namespace.untilFinished('changing');
    expect(status).toMatchObject({
      steps: [{ state: 'Succeeded' }, { index: 2, state: 'Skipped' }],
      progress: { failedIndex: 1, currentStep: 's1', failureReason: 'JobRejected', summary: '1/3' },
    });
    expect(status?.progress?.failureMessage).toContain('step 2 (s2): spec.containers[2].securityContext');
    expect(await here.namespace.jobNames('changing')).toEqual(['changing-0-s0']);
  });
});

describe('a device claim that the Pod does not have', () => {
  it.each([
    ['where the webhook was asked', here],
    ['where the webhook was bypassed', operatedBeside(here, 'preflight-bypassed', BYPASSED)],
  ])('is refused before the first step has run, %s; an older server runs the step', async (_where, { namespace }) => {
    await namespace.apply('claiming', withStep(CLAIMING));
    if (await isRefused(CLAIMING)) {
      await expectRefused(namespace, 'claiming', 'spec.containers[1].resources.claims[0]: Not found: "gpu"');
    } else {
      expect((await namespace.untilFinished('claiming')).status?.phase).toBe('Completed');
    }
  });
});

describe('an admission webhook on Jobs', () => {
  const LABELS = { 'tests.example.com/policy': 'images' };
  const guarded = operatedBeside(here, 'preflight-policy', LABELS);

  describe('that supports dry runs', () => {
    let policy: JobPolicy;

    beforeAll(async () => {
      policy = await startJobPolicy(guarded.namespace.name, LABELS);
    }, 60_000);

    afterAll(async () => policy.remove());

    it('refuses a later step before the first has run, in its own words', async () => {
      await guarded.namespace.apply('denied', withStep({ ...step('s1'), image: 'forbidden:1' }));
      await expectRefused(
        guarded.namespace,
        'denied',
        'admission webhook "images.policy.example.com" denied the request',
      );
      const { status } = await guarded.namespace.get('denied');
      expect(status?.progress?.failureMessage).toContain('the image forbidden:1 is not allowed here');
      expect(policy.asked.filter((job) => !job.endsWith('(dry run)'))).toEqual([]);
    });

    it('is asked about a sequence once more than it has steps', async () => {
      const before = policy.asked.length;
      await guarded.namespace.apply('allowed', sequence(3));
      expect((await guarded.namespace.untilFinished('allowed')).status?.phase).toBe('Completed');
      expect(policy.asked.slice(before)).toEqual([
        'allowed-0-s0 (dry run)',
        'allowed-0-s0',
        'allowed-1-s1',
        'allowed-2-s2',
      ]);
    });
  });

  it('that can’t be asked by dry run is asked when a step starts, which the log says once; newer servers have none', async () => {
    // Side effects were legal in v1beta1, which servers have up to 1.21.
    const versions = (await tryKubectl(['api-versions'])).stdout.split('\n');
    if (!versions.includes('admissionregistration.k8s.io/v1beta1')) {
      await expect(
        startJobPolicy(guarded.namespace.name, LABELS, { version: 'v1', sideEffects: 'Some' }),
      ).rejects.toThrow('sideEffects');
      return;
    }
    const policy = await startJobPolicy(guarded.namespace.name, LABELS, { version: 'v1beta1', sideEffects: 'Some' });
    try {
      await guarded.namespace.apply('late', withStep({ ...step('s1'), image: 'forbidden:1' }));
      const { status } = await guarded.namespace.untilFinished('late');
      expect(status?.progress).toMatchObject({ failedIndex: 1, failureReason: 'JobRejected', completedIndices: [0] });
      await guarded.namespace.apply('later', sequence(2));
      expect((await guarded.namespace.untilFinished('later')).status?.phase).toBe('Completed');
      expect(guarded.operator.count('preflight skipped: an admission webhook does not support dry runs')).toBe(1);
    } finally {
      await policy.remove();
    }
  });
});

describe('--preflight=false', () => {
  it('lets the steps before it run', async () => {
    const namespace = await Namespace.create(here.client, 'preflight-off');
    const flags = ['--role=controller', `--kubeconfig=${kubeconfig()}`, `--namespace=${namespace.name}`];
    const operator = Operator.spawn(['run', ...flags, '--preflight=false']);
    try {
      await operator.untilSays('controller started');
      await namespace.apply('unasked', withStep(CONTRADICTORY));
      const { status } = await namespace.untilFinished('unasked');
      expect(status?.progress).toMatchObject({ failedIndex: 1, failureReason: 'JobRejected', completedIndices: [0] });
    } finally {
      await namespace.remove();
      await operator.end('SIGTERM');
    }
  });
});

describe('a dry run', () => {
  const objectOf = (containers: readonly Container[]): ReturnType<typeof sequentialJob> =>
    sequentialJob({ metadata: { namespace: here.namespace.name }, spec: { containers } });

  it('of a thousand steps is one request', async () => {
    const object = objectOf(Array.from({ length: 1000 }, (_, i) => step(`s${i}`)));
    let requests = 0;
    const verdict = await preflight(object, { from: 0, resumes: 0 }, (job) => {
      requests++;
      return dryRunJob(here.client, job);
    });
    expect(verdict).toEqual({ faults: [], ignoredFields: [] });
    expect(requests).toBe(1);
  });

  it('names the fields that a server leaves out, where it checks them (1.25 and newer)', async () => {
    const object = objectOf([step('s0'), { ...step('s1'), fromTomorrow: true } as Container]);
    const verdict = await preflight(object, { from: 0, resumes: 0 }, (job) => dryRunJob(here.client, job));
    expect(verdict.faults).toEqual([]);
    const { validatesStrictly } = await askServer(here.client);
    expect(verdict.ignoredFields).toEqual(validatesStrictly ? ['spec.containers[1].fromTomorrow'] : []);
  });

  it('leaves nothing behind', async () => {
    const before = await here.namespace.jobNames();
    await dryRunJob(here.client, buildJob(objectOf([step('s0')]), 0, 0));
    expect(await here.namespace.jobNames()).toEqual(before);
  });
});
