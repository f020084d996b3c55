/** Settings of a step: what its Job and its Pod get, what holds for it alone, and failures that are ignored. */
import { describe, expect, it } from '@jest/globals';
import { condition } from '../support/cluster.ts';
import type { StepPod } from '../../shared/api/types.ts';
import { failsOnce, gated, sequence, step } from '../support/sequences.ts';
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

describe('job.metadata and pod', () => {
  const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
  const spot = { key: 'spot', operator: 'Exists', effect: 'NoSchedule' };
  const gpu = { key: 'gpu', operator: 'Equal', value: 'a100', effect: 'NoSchedule' };
  const APART = {
    weight: 1,
    podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'etl' } } },
  };
  const template = {
    metadata: { labels: { app: 'etl', tier: 'all' }, annotations: { note: 'all' } },
    spec: {
      containers: [],
      volumes: [{ name: 'shared', emptyDir: {} }],
      serviceAccount: 'all',
      // Its number is refused next to the class of the step.
      priorityClassName: 'system-cluster-critical',
      priority: 2_000_000_000,
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [spot],
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [APART] } },
      securityContext: { runAsNonRoot: false, fsGroup: 7 },
      initContainers: [{ ...step('setup', 'echo setup > /shared/setup'), ...mount }],
    },
  };
  const hostNames = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }];
  const pod = {
    metadata: { labels: { tier: 'own' }, annotations: { 'note/own': 'b' } },
    serviceAccountName: 'own',
    automountServiceAccountToken: false,
    priorityClassName: 'system-node-critical',
    nodeSelector: { 'kubernetes.io/arch': process.arch === 'arm64' ? 'arm64' : 'amd64' },
    tolerations: [gpu],
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: hostNames } } },
    restartPolicy: 'OnFailure',
    terminationGracePeriodSeconds: 7,
    securityContext: { runAsNonRoot: false },
    initContainers: [{ ...step('fetch', 'cat /shared/setup > /shared/fetch'), ...mount }],
  } as StepPod;
  const metadata = { labels: { team: 'a' }, annotations: { 'note/job': 'c' } };

  /** What the Pod of a step without settings has. */
  const SHARED = {
    serviceAccountName: 'all',
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: expect.arrayContaining([spot]),
    affinity: template.spec.affinity,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 30,
    securityContext: { runAsNonRoot: false, fsGroup: 7 },
    initContainers: [expect.objectContaining({ name: 'setup' })],
  };
  const { metadata: _, ...podSpec } = pod;
  /** What that of the step with settings has. */
  const OWN = {
    ...podSpec,
    nodeSelector: { ...SHARED.nodeSelector, ...pod.nodeSelector },
    tolerations: expect.arrayContaining([spot, gpu]),
    initContainers: [expect.objectContaining({ name: 'setup' }), expect.objectContaining({ name: 'fetch' })],
  };

  it('are those of the step’s Job and Pod alone, which run with them', async () => {
    const accounts = { root: '/api/v1', plural: 'serviceaccounts' };
    for (const name of ['all', 'own']) await namespace.createObject(accounts, { metadata: { name } });
    const ofAll = { backoffLimit: 0, metadata: { labels: { team: 'all', all: 'x' } } };
    const own = { ...step('s1', '[ -e /shared/fetch ]'), ...mount, job: { metadata }, pod };
    const spec = { steps: [step('s0'), own], template, job: ofAll };
    await namespace.apply('settings', spec);
    await namespace.untilCompleted('settings');

    const jobs = await namespace.jobs('settings');
    expect(jobs.map((job) => job.metadata)).toMatchObject([
      { labels: { team: 'all', all: 'x' } },
      { labels: { team: 'a', all: 'x', 'batch.example.com/step-index': '1' }, annotations: metadata.annotations },
    ]);
    expect(jobs[0]?.metadata.annotations?.['note/job']).toBeUndefined();
    const pods = (await namespace.pods('settings')).toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
    expect(pods).toMatchObject([
      { metadata: { labels: { app: 'etl', tier: 'all' }, annotations: { note: 'all' } }, spec: SHARED },
      {
        metadata: { labels: { app: 'etl', tier: 'own' }, annotations: { note: 'all', 'note/own': 'b' } },
        spec: { ...OWN, priority: 2_000_001_000 },
      },
    ]);
    expect(pods[0]?.metadata.annotations?.['note/own']).toBeUndefined();
    expect(pods[1]?.spec).not.toHaveProperty('securityContext.fsGroup');
    expect(pods[1]?.spec).not.toHaveProperty('affinity.podAntiAffinity');
  });

  it('are refused by the API server under the paths of the step, before anything runs', async () => {
    const refused = {
      metadata: { labels: { own: 'a b' } },
      tolerations: [{ key: 'gpu', operator: 'Near' }],
      nodeSelector: { zone: 'c d' },
      serviceAccountName: 'No Name',
      initContainers: [{ ...step('fetch'), imagePullPolicy: 'Sometimes' }],
    } as StepPod;
    const job = { metadata: { labels: { 'of job': 'x' } } };
    const steps = [step('s0'), { ...step('s1'), pod: refused, job }];
    const last = [{ ...step('report'), pod: { tolerations: [{ key: 'gpu', operator: 'Near' }] } }];
    await namespace.apply('refused', { steps, finally: last, template });
    const { status } = await namespace.untilFinished('refused');
    expect(status).toMatchObject({ phase: 'Failed', steps: [], progress: { failureReason: 'JobRejected' } });
    const message = status?.progress?.failureMessage ?? '';
    for (const field of [
      'pod.metadata.labels',
      'pod.tolerations[0].operator',
      'pod.nodeSelector',
      'pod.serviceAccountName',
      'pod.initContainers[0].imagePullPolicy',
      'job.metadata.labels',
    ]) {
      expect(message).toContain(`step 1 (s1): spec.steps[1].${field}`);
    }
    expect(message).toContain('spec.finally[0].pod.tolerations[0].operator');
    expect(message).not.toContain('spec.template');
    expect(await namespace.jobNames('refused')).toEqual([]);
  });

  it('are refused by the webhook under the paths of the version that was written', async () => {
    const object = {
      apiVersion: 'batch.example.com/v1alpha1',
      kind: 'SequentialJob',
      metadata: { name: 'of-v1alpha1' },
      spec: {
        containers: [step('s0')],
        stepPolicies: [{ name: 's0', pod: { initContainers: [step('s0')] } }],
      },
    };
    const { code, stderr } = await namespace.kubectl(['create', '-f', '-'], object);
    expect(code).not.toBe(0);
    expect(stderr).toContain('spec.stepPolicies[0].pod.initContainers[0].name: Duplicate value: "s0"');
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
