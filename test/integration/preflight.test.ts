/** What the API server refuses of any step it refuses before the first step runs, whoever it is that refuses. */
import { describe, expect, it } from '@jest/globals';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { preflight } from '../../shared/jobs/preflight.ts';
import { dryRunCreate } from '../../shared/kube/dry-run.ts';
import { BYPASSED } from '../support/admission.ts';
import { condition, kubectl } from '../support/cluster.ts';
import { withJobPolicy } from '../support/job-policy.ts';
import type { Namespace } from '../support/namespace.ts';
import { sequentialJob } from '../support/objects.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { validatesStrictly } = await serverOfTests();
const here = withController('preflight');
const { client, namespace } = here;

/** No server lets it run, and validation leaves that to the server. */
const securityContext = { privileged: true, allowPrivilegeEscalation: false };
const CONTRADICTORY: Container = { ...step('s1'), securityContext };
const FORBIDDEN: Container = { ...step('s1'), image: 'forbidden:1' };
/** A device claim that the Pod does not have; a server without device claims (before 1.26) does not know the field. */
const CLAIMING: Container = { ...step('s1'), resources: { claims: [{ name: 'gpu' }] } };

const withStep = (container: Container): SequentialJobSpec => ({ steps: [step('s0'), container, step('s2')] });

async function expectRefused(where: Namespace, name: string, ...faults: readonly string[]): Promise<void> {
  const object = await where.untilFinished(name);
  const { status } = object;
  expect(status).toMatchObject({
    phase: 'Failed',
    state: { active: 0, succeeded: 0, failed: 0 },
    progress: { failedIndex: 1, currentStep: 's1', failureReason: 'JobRejected', summary: '0/3' },
    steps: [],
  });
  expect(status?.startTime).toBeUndefined();
  for (const fault of faults) expect(status?.progress?.failureMessage).toContain(fault);
  expect(condition(object, 'Failed')).toMatchObject({ status: 'True', reason: 'JobRejected' });
  expect(await where.jobNames(name)).toEqual([]);
}

/** The step fails when it starts, after the one before it has run. */
async function expectRefusedLate(where: Namespace, name: string): Promise<void> {
  const { status } = await where.untilFinished(name);
  const progress = { failedIndex: 1, failureReason: 'JobRejected', completedIndices: [0] };
  expect(status).toMatchObject({ phase: 'Failed', progress });
}

describe('a later step that the API server rejects', () => {
  it('fails the sequence before the first step runs, and can be fixed; then everything runs', async () => {
    await namespace.apply('contradictory', withStep(CONTRADICTORY));
    await expectRefused(namespace, 'contradictory', 'step 1 (s1): spec.steps[1].securityContext');
    expect((await namespace.untilEvent('contradictory', 'SequenceFailed')).type).toBe('Warning');
    await namespace.patch('contradictory', { spec: sequence(3) });
    await namespace.untilPhase('contradictory', 'Completed');
    expect(await namespace.jobNames('contradictory')).toHaveLength(3);
  });

  it('is reported with every error of every step, and with those of the template', async () => {
    await namespace.apply('manifold', {
      steps: [CONTRADICTORY, step('s0'), { ...CONTRADICTORY, name: 's2' }],
      template: { spec: { containers: [], tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
    });
    const message = (await namespace.untilFinished('manifold')).status?.progress?.failureMessage;
    expect(message).toContain('step 0 (s1): spec.steps[0].securityContext');
    expect(message).toContain('step 2 (s2): spec.steps[2].securityContext');
    expect(message).toContain('spec.template.spec.tolerations[0]');
    expect(message).not.toContain('spec.template.spec.containers');
  });

  it('is not reported for steps that only cannot share a Pod', async () => {
    const ports = [{ containerPort: 80, hostPort: 8099 }];
    const steps = ['s0', 's1'].map((name): Container => Object.assign({ ports }, step(name)));
    await namespace.apply('same-port', { steps, job: { backoffLimit: 0 }, activeDeadlineSeconds: 60 });
    const { status } = await namespace.untilFinished('same-port');
    expect(status?.progress?.failureReason).not.toBe('JobRejected');
    expect(await namespace.jobNames('same-port')).toContain('same-port-0-s0');
  });

  it('fails the sequence before the next step if it changed while the first step ran', async () => {
    const spec = gated(here.folder, sequence(3, { 0: waitsFor('changing') }, { updatePolicy: 'FutureSteps' }));
    await namespace.apply('changing', spec);
    await namespace.untilRunning('changing', 0);
    const [first, second, third] = spec.steps;
    await namespace.patch('changing', { spec: { steps: [first, second, { ...third, securityContext }] } });
    await namespace.untilObserved('changing', 2);
    await here.open('changing');
    const { status } = await namespace.untilFinished('changing');
    expect(status).toMatchObject({
      steps: [{ state: 'Succeeded' }, { index: 2, state: 'Skipped' }],
      progress: { failedIndex: 1, currentStep: 's1', failureReason: 'JobRejected', summary: '1/3' },
    });
    expect(status?.progress?.failureMessage).toContain('step 2 (s2): spec.steps[2].securityContext');
    expect(await namespace.jobNames('changing')).toEqual(['changing-0-s0']);
  });
});

describe('a resource claim that the Pod does not have', () => {
  it.each([
    ['with admission', namespace],
    ['if admission was bypassed', withController('preflight-bypassed', { labels: BYPASSED }).namespace],
  ])('is rejected before the first step runs, %s; an older server runs the step', async (_where, where) => {
    const spec = { steps: [CLAIMING] };
    const job = buildJob(sequentialJob({ metadata: { namespace: where.name }, spec }), 0, 0);
    const isRefused = (await dryRunCreate(client, job)).type === 'refused';
    await where.apply('claiming', withStep(CLAIMING));
    if (isRefused) await expectRefused(where, 'claiming', 'spec.steps[1].resources.claims[0]: Not found: "gpu"');
    else await where.untilCompleted('claiming');
  });
});

describe('an admission webhook on Jobs', () => {
  const LABELS = { 'tests.example.com/policy': 'images' };
  const suite = withController('preflight-policy', { labels: LABELS });
  const { namespace: guarded } = suite;

  it('denies a later step before the first one runs, and gets one request more than there are steps', async () => {
    await withJobPolicy(guarded, LABELS, async ({ asked }) => {
      await guarded.apply('denied', withStep(FORBIDDEN));
      await expectRefused(guarded, 'denied', 'denied the request', 'the image forbidden:1 is not allowed here');
      expect(asked.filter((job) => !job.endsWith('(dry run)'))).toEqual([]);
      await guarded.apply('allowed', sequence(3));
      await guarded.untilCompleted('allowed');
      expect(asked.filter((job) => job.startsWith('allowed'))).toEqual([
        'allowed-0-s0 (dry run)',
        'allowed-0-s0',
        'allowed-1-s1',
        'allowed-2-s2',
      ]);
    });
  });

  it('is called when a step starts if it does not support dry runs, which is logged once; newer servers reject such webhooks', async () => {
    // Side effects were legal in v1beta1, which servers have up to 1.21.
    const isLegal = (await kubectl('api-versions')).split('\n').includes('admissionregistration.k8s.io/v1beta1');
    const version = isLegal ? 'v1beta1' : 'v1';
    const body = async (): Promise<void> => {
      await guarded.apply('late', withStep(FORBIDDEN));
      await expectRefusedLate(guarded, 'late');
      await guarded.apply('later', sequence(2));
      await guarded.untilCompleted('later');
      const line = 'preflight skipped: an admission webhook does not support dry runs';
      expect(suite.operator.count(line)).toBe(1);
    };
    const outcome = withJobPolicy(guarded, LABELS, body, { version, sideEffects: 'Some' });
    if (isLegal) await outcome;
    else await expect(outcome).rejects.toThrow('sideEffects');
  });
});

describe('--preflight=false', () => {
  const { namespace: unasked } = withController('preflight-off', { flags: ['--preflight=false'] });

  it('runs the steps before the rejected one', async () => {
    await unasked.apply('unasked', withStep(CONTRADICTORY));
    await expectRefusedLate(unasked, 'unasked');
  });
});

describe('a dry run', () => {
  const verdictOn = async (steps: readonly Container[]) => {
    const object = sequentialJob({ metadata: { namespace: namespace.name }, spec: { steps } });
    let requests = 0;
    const verdict = await preflight(object, { firstIndex: 0, resumes: 0 }, (job) => {
      requests++;
      return dryRunCreate(client, job);
    });
    return { ...verdict, requests };
  };

  it('of a thousand steps is one request, and leaves nothing behind', async () => {
    const before = await namespace.jobNames();
    const steps = Array.from({ length: 1000 }, (_, i) => step(`s${i}`));
    expect(await verdictOn(steps)).toEqual({ errors: [], ignoredFields: [], requests: 1 });
    expect(await namespace.jobNames()).toEqual(before);
  });

  it('reports the fields that a server ignores, if it supports field validation (1.25 and newer)', async () => {
    const { errors, ignoredFields } = await verdictOn([step('s0'), { ...step('s1'), fromTomorrow: true } as Container]);
    expect(errors).toEqual([]);
    expect(ignoredFields).toEqual(validatesStrictly ? ['spec.steps[1].fromTomorrow'] : []);
  });
});
