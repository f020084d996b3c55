/** The Job of a step with settings of its own: metadata, and the Pod that they make with the template. */
import { describe, expect, it } from '@jest/globals';
import type { ChildMetadata, PodTemplateSpec, SequentialJob, StepJob, StepPod } from '../../../../shared/api/types.ts';
import { buildCombinedJob, buildJob, type JobManifest } from '../../../../shared/jobs/job.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

interface Written {
  readonly all?: unknown;
  readonly template?: unknown;
  /** The settings of the second of three steps. */
  readonly job?: unknown;
  readonly pod?: unknown;
}

function object({ all, template, job, pod }: Written): SequentialJob {
  const settings = {
    ...(job === undefined ? {} : { job: job as StepJob }),
    ...(pod === undefined ? {} : { pod: pod as StepPod }),
  };
  const steps = [container('extract'), container('transform', settings), container('load')];
  const shared = {
    ...(all === undefined ? {} : { job: all as StepJob }),
    ...(template === undefined ? {} : { template: template as PodTemplateSpec }),
  };
  return deepFreeze(sequentialJob({ spec: { steps, finally: [container('report', settings)], ...shared } }));
}

const jobOf = (written: Written, position = 1): JobManifest => buildJob(object(written), position, 0);

describe("the Job's metadata", () => {
  const none = jobOf({}).metadata;

  it.each<readonly [string, Written, ChildMetadata]>([
    [
      'has that of all steps',
      { all: { metadata: { labels: { team: 'a' }, annotations: { note: 'b' } } } },
      { labels: { team: 'a' }, annotations: { note: 'b' } },
    ],
    [
      'has that of the step',
      { job: { metadata: { labels: { team: 'a' }, annotations: { note: 'b' } } } },
      { labels: { team: 'a' }, annotations: { note: 'b' } },
    ],
    [
      'has both, and that of the step where the keys are the same',
      {
        all: { metadata: { labels: { team: 'a', queue: 'all' }, annotations: { x: '1' } } },
        job: { metadata: { labels: { queue: 'own' }, annotations: { y: '2' } } },
      },
      { labels: { team: 'a', queue: 'own' }, annotations: { x: '1', y: '2' } },
    ],
    [
      'has no reserved keys: the controller reads those of its own',
      {
        all: {
          metadata: { labels: { 'batch.kubernetes.io/x': '' }, annotations: { 'batch.example.com/suspended': 'true' } },
        },
        job: { metadata: { labels: { 'job-name': 'x', 'batch.example.com/step-index': '7' } } },
      },
      {},
    ],
    [
      'has our labels in place of those of the same keys',
      { job: { metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } } },
      {},
    ],
    [
      'has nothing of null and empty fields',
      { all: { metadata: null }, job: { metadata: { labels: null, annotations: {} } } },
      {},
    ],
    [
      'has nothing of the settings of the Pod',
      { pod: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } } },
      {},
    ],
  ])('%s', (_says, written, { labels, annotations }) => {
    const { metadata } = jobOf(written);
    expect(metadata).toEqual({
      ...none,
      labels: { ...labels, ...none.labels },
      ...(annotations === undefined ? {} : { annotations }),
    });
    expect(metadata).not.toHaveProperty('annotations', undefined);
  });

  it('is not that of the Pod, and not that of another step', () => {
    const job = { metadata: { labels: { team: 'a' }, annotations: { note: 'b' } } };
    expect(jobOf({ job }).spec.template).toEqual(jobOf({}).spec.template);
    expect(jobOf({ job }, 0)).toEqual(jobOf({}, 0));
  });

  it('is that of a step of finally', () => {
    const { metadata } = jobOf({ job: { metadata: { labels: { team: 'a' } } } }, 3);
    expect(metadata.labels).toMatchObject({ team: 'a', 'batch.example.com/finally-index': '0' });
  });
});

describe('the Pod of the Job', () => {
  const volumes = ['cache', 'setup', 'unused'].map((name) => ({ name, emptyDir: {} }));
  const mount = (name: string): object => ({ volumeMounts: [{ name, mountPath: `/${name}` }] });
  const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' };

  it('is that of the template without settings', () => {
    const template = {
      metadata: { labels: { a: 'b' } },
      spec: { serviceAccountName: 'all', initContainers: [container('setup')] },
    };
    expect(jobOf({ template, pod: {} })).toEqual(jobOf({ template }));
    expect(jobOf({ template, pod: null })).toEqual(jobOf({ template }));
  });

  it('has the settings of the step, and that of another step has not', () => {
    const template = { spec: { serviceAccountName: 'all', nodeSelector: { disk: 'ssd' } } };
    const pod = { serviceAccountName: 'own', nodeSelector: { gpu: 'true' }, restartPolicy: 'OnFailure' };
    const spec = { serviceAccountName: 'own', nodeSelector: { disk: 'ssd', gpu: 'true' }, restartPolicy: 'OnFailure' };
    for (const position of [1, 3]) expect(jobOf({ template, pod }, position).spec.template.spec).toMatchObject(spec);
    expect(jobOf({ template, pod }, 2)).toEqual(jobOf({ template }, 2));
  });

  it('has labels and annotations of the step without reserved keys, and with our labels', () => {
    const template = { metadata: { labels: { a: '1', b: '1' }, annotations: { x: '1' } } };
    const labels = { b: '2', 'job-name': 'x', 'batch.example.com/step-name': 'x' };
    const pod = { metadata: { labels, annotations: { y: '2', 'results.batch.example.com/z': '3' } } };
    const { metadata, spec } = jobOf({ template, pod });
    expect(spec.template.metadata).toEqual({
      labels: { a: '1', b: '2', ...metadata.labels },
      annotations: { x: '1', y: '2' },
    });
  });

  it('has a sidecar of its own step, with its volume and its claim', () => {
    const sidecar = container('proxy', {
      restartPolicy: 'Always',
      resources: { claims: [{ name: 'nic' }] },
      ...mount('cache'),
    });
    const template = { spec: { volumes, initContainers: [container('setup', mount('setup'))] } };
    const pod = { initContainers: [sidecar], resourceClaims: [{ name: 'nic' }, { name: 'unused' }] };
    const { spec } = jobOf({ template, pod }).spec.template;
    expect(spec?.initContainers).toEqual([
      { ...container('setup', mount('setup')), ...policy },
      { ...sidecar, ...policy },
    ]);
    expect(spec?.volumes?.map(({ name }) => name)).toEqual(['cache', 'setup']);
    expect(spec?.resourceClaims).toEqual([{ name: 'nic' }]);
    expect(jobOf({ template, pod }, 0)).toEqual(jobOf({ template }, 0));
  });

  it('has no annotation about an init container of another step', () => {
    const prefix = 'container.apparmor.security.beta.kubernetes.io';
    const template = { metadata: { annotations: { [`${prefix}/proxy`]: 'a', [`${prefix}/load`]: 'b' } } };
    const metadata = { annotations: { [`${prefix}/transform`]: 'c', [`${prefix}/extract`]: 'd' } };
    const written = { template, pod: { metadata, initContainers: [container('proxy')] } };
    const annotationsOf = (position: number): unknown => jobOf(written, position).spec.template.metadata?.annotations;
    expect(annotationsOf(1)).toEqual({ [`${prefix}/proxy`]: 'a', [`${prefix}/transform`]: 'c' });
    expect(annotationsOf(2)).toEqual({ [`${prefix}/load`]: 'b' });
    expect(annotationsOf(0)).toBeUndefined();
    // The step of finally has an init container of the same name.
    expect(annotationsOf(3)).toEqual({ [`${prefix}/proxy`]: 'a' });
  });
});

it('the Job of several steps has the settings of the first', () => {
  const written = { job: { metadata: { labels: { team: 'a' } } }, pod: { serviceAccountName: 'own' } };
  const combined = buildCombinedJob(object(written), [1, 3], 0);
  expect(combined.spec.template.spec?.containers.map(({ name }) => name)).toEqual(['transform', 'report']);
  expect(combined.spec.template.spec?.serviceAccountName).toBe('own');
  expect(combined.metadata.labels).toHaveProperty('team', 'a');
});
