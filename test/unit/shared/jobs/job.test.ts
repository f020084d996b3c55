import { describe, expect, it } from '@jest/globals';
import { GROUP, LABELS } from '../../../../shared/api/group.ts';
import type { PodTemplateSpec, SequentialJob, SequentialJobStatus, StepJob } from '../../../../shared/api/types.ts';
import { buildCombinedJob, buildJob, ownerReference, stepJobName } from '../../../../shared/jobs/job.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container, NAMESPACE, type ObjectOptions, sequentialJob, STEPS, UID } from '../../../support/objects.ts';

function object(template?: unknown): SequentialJob {
  return deepFreeze(sequentialJob({ spec: template === undefined ? {} : { template: template as PodTemplateSpec } }));
}

const OUR_LABELS = {
  'app.kubernetes.io/managed-by': 'sequentialjob-controller',
  'batch.example.com/sequentialjob': 'etl',
  'batch.example.com/sequentialjob-uid': UID,
  'batch.example.com/step-index': '1',
  'batch.example.com/step-name': 'transform',
};

describe('buildJob', () => {
  it('returns exactly this manifest', () => {
    expect(buildJob(object(), 1, 0)).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: 'etl-1-transform',
        namespace: NAMESPACE,
        labels: OUR_LABELS,
        ownerReferences: [
          {
            apiVersion: 'batch.example.com/v1beta1',
            kind: 'SequentialJob',
            name: 'etl',
            uid: UID,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 3,
        podReplacementPolicy: 'Failed',
        template: {
          metadata: { labels: OUR_LABELS },
          spec: {
            restartPolicy: 'Never',
            containers: [{ ...container('transform'), terminationMessagePolicy: 'FallbackToLogsOnError' }],
          },
        },
      },
    });
  });

  it.each<readonly [string, unknown, Record<string, unknown>]>([
    [
      'labels and annotations of the template are kept',
      { metadata: { labels: { team: 'a' }, annotations: { note: 'b' } } },
      { metadata: { labels: { team: 'a', ...OUR_LABELS }, annotations: { note: 'b' } } },
    ],
    [
      'our labels override those of the template',
      { metadata: { labels: { [LABELS.uid]: 'forged' } } },
      { metadata: { labels: OUR_LABELS } },
    ],
    [
      'null and empty fields, which Go clients write, are accepted',
      { metadata: { creationTimestamp: null }, spec: { containers: null } },
      { metadata: { labels: OUR_LABELS } },
    ],
    ['OnFailure is kept', { spec: { restartPolicy: 'OnFailure' } }, { spec: { restartPolicy: 'OnFailure' } }],
    [
      'the rest of the Pod spec is kept',
      {
        spec: { serviceAccountName: 'runner', nodeSelector: { disk: 'ssd' } },
      },
      {
        spec: {
          serviceAccountName: 'runner',
          nodeSelector: { disk: 'ssd' },
          restartPolicy: 'Never',
        },
      },
    ],
    [
      'init containers get terminationMessagePolicy FallbackToLogsOnError, too',
      { spec: { initContainers: [container('setup')] } },
      { spec: { initContainers: [{ ...container('setup'), terminationMessagePolicy: 'FallbackToLogsOnError' }] } },
    ],
    [
      'the terminationMessagePolicy of a container is kept',
      { spec: { initContainers: [container('setup', { terminationMessagePolicy: 'File' })] } },
      { spec: { initContainers: [container('setup', { terminationMessagePolicy: 'File' })] } },
    ],
  ])('%s', (_says, template, expected) => {
    const { template: pod } = buildJob(object(template), 1, 0).spec;
    expect(pod).toMatchObject(expected);
    expect(pod.spec?.containers.map(({ name }) => name)).toEqual(['transform']);
  });

  const volume = (name: string): object => ({ name, emptyDir: {} });
  const mount = (
    name: string,
  ): { readonly volumeMounts: readonly [{ readonly name: string; readonly mountPath: string }] } => ({
    volumeMounts: [{ name, mountPath: `/${name}` }],
  });

  it('the Pod has only those volumes and claims that one of its containers uses', () => {
    const containers = [
      container('a', mount('a')),
      container('b', {
        volumeDevices: [{ name: 'b', devicePath: '/dev/b' }],
        resources: { claims: [{ name: 'gpu' }] },
      }),
      container('c'),
    ];
    const template = {
      spec: {
        volumes: ['init', 'a', 'b', 'nobody'].map(volume),
        resourceClaims: [{ name: 'gpu' }, { name: 'other' }],
        initContainers: [container('setup', mount('init'))],
      },
    } as unknown as PodTemplateSpec;
    const one = deepFreeze(sequentialJob({ spec: { steps: containers, template } }));
    const used = (...indices: readonly number[]): unknown => {
      const { volumes, resourceClaims } = buildCombinedJob(one, indices, 0).spec.template.spec ?? {};
      return [volumes, resourceClaims].map((list) => list?.map(({ name }) => name));
    };
    expect(used(0)).toEqual([['init', 'a'], undefined]);
    expect(used(1)).toEqual([['init', 'b'], ['gpu']]);
    expect(used(2)).toEqual([['init'], undefined]);
    expect(used(0, 1, 2)).toEqual([['init', 'a', 'b'], ['gpu']]);
  });

  it.each(['container.apparmor.security.beta.kubernetes.io', 'container.seccomp.security.alpha.kubernetes.io'])(
    'AppArmor and seccomp annotations for containers of other steps are omitted, because the API server rejects them: %s',
    (prefix) => {
      const of = (...names: readonly string[]): Readonly<Record<string, string>> =>
        Object.fromEntries(names.map((name) => [`${prefix}/${name}`, 'runtime/default']));
      const annotations = { note: 'b', ...of('extract', 'transform', 'load', 'setup') };
      const template = { metadata: { annotations }, spec: { initContainers: [container('setup')] } };
      const annotationsOf = (...indices: readonly number[]): unknown =>
        buildCombinedJob(object(template), indices, 0).spec.template.metadata?.annotations;
      expect(annotationsOf(1)).toEqual({ note: 'b', ...of('transform', 'setup') });
      expect(annotationsOf(0, 1)).toEqual({ note: 'b', ...of('extract', 'transform', 'setup') });
      // What names no container at all is the server's to refuse.
      expect(buildJob(object({ metadata: { annotations: of('typo') } }), 1, 0).spec.template.metadata).toMatchObject({
        annotations: of('typo'),
      });
    },
  );

  it.each([
    ['the default', undefined, 3],
    ['none', 0, 0],
    ['as given', 7, 7],
  ])('retries: %s', (_says, backoffLimit, expected) => {
    const spec = backoffLimit === undefined ? {} : { job: { backoffLimit } };
    expect(buildJob(deepFreeze(sequentialJob({ spec })), 0, 0).spec.backoffLimit).toBe(expected);
  });

  describe('takes from the settings of its step', () => {
    const RULES = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] };
    const OTHER = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] };

    it.each<readonly [string, Readonly<Record<string, unknown>>, Record<string, unknown>]>([
      ['nothing that another step sets', { load: { backoffLimit: 1 } }, { backoffLimit: 7 }],
      ['the backoffLimit', { transform: { backoffLimit: 1 } }, { backoffLimit: 1 }],
      ['a backoffLimit of 0', { transform: { backoffLimit: 0 } }, { backoffLimit: 0 }],
      [
        'the activeDeadlineSeconds',
        { transform: { activeDeadlineSeconds: 60 } },
        { backoffLimit: 7, activeDeadlineSeconds: 60 },
      ],
      [
        'the podFailurePolicy',
        { transform: { podFailurePolicy: RULES } },
        { backoffLimit: 7, podFailurePolicy: RULES },
      ],
      [
        'nothing, if its fields are null, as Go clients write them',
        { transform: { backoffLimit: null, activeDeadlineSeconds: null, podFailurePolicy: null } },
        { backoffLimit: 7 },
      ],
      ['nothing, if they are null', { transform: null }, { backoffLimit: 7 }],
      [
        'all fields, if several steps have settings',
        {
          extract: { backoffLimit: 5 },
          transform: { backoffLimit: 2, activeDeadlineSeconds: 30, podFailurePolicy: RULES },
        },
        { backoffLimit: 2, activeDeadlineSeconds: 30, podFailurePolicy: RULES },
      ],
    ])('%s', (_says, jobs, expected) => {
      const steps = STEPS.map((name) => container(name, name in jobs ? { job: jobs[name] as StepJob } : {}));
      const spec = { job: { backoffLimit: 7 }, steps };
      const { template: _, ...job } = buildJob(deepFreeze(sequentialJob({ spec })), 1, 0).spec;
      expect(job).toEqual({ completions: 1, parallelism: 1, podReplacementPolicy: 'Failed', ...expected });
    });

    it.each<readonly [string, unknown, Record<string, unknown>]>([
      [
        'as those of all steps say, where it says nothing',
        undefined,
        { backoffLimit: 7, activeDeadlineSeconds: 60, podFailurePolicy: OTHER },
      ],
      [
        'as it says, each for itself',
        { activeDeadlineSeconds: 5, podFailurePolicy: RULES },
        { backoffLimit: 7, activeDeadlineSeconds: 5, podFailurePolicy: RULES },
      ],
    ])('%s', (_says, own, expected) => {
      const job = { backoffLimit: 7, activeDeadlineSeconds: 60, podFailurePolicy: OTHER } as unknown as StepJob;
      const step = container('extract', own === undefined ? {} : { job: own as StepJob });
      const object = deepFreeze(sequentialJob({ spec: { job, steps: [step] } }));
      expect(buildJob(object, 0, 0).spec).toMatchObject(expected);
    });

    it('nothing into its container', () => {
      const step = container('extract', { job: { backoffLimit: 1 }, pod: {}, onFailure: 'Continue' });
      const { template } = buildJob(deepFreeze(sequentialJob({ spec: { steps: [step] } })), 0, 0).spec;
      expect(template.spec?.containers).toEqual([
        { ...container('extract'), terminationMessagePolicy: 'FallbackToLogsOnError' },
      ]);
    });

    it('not the deadline of the whole sequence, which the controller enforces', () => {
      const job = buildJob(deepFreeze(sequentialJob({ spec: { activeDeadlineSeconds: 60 } })), 0, 0);
      expect(job.spec).not.toHaveProperty('activeDeadlineSeconds');
    });

    it('not suspend: a Job is created to run', () => {
      expect(buildJob(deepFreeze(sequentialJob({ spec: { suspend: true } })), 0, 0).spec).not.toHaveProperty('suspend');
    });
  });

  it('is named after the resume, and has its number in a label of the Job and its Pods', () => {
    const job = buildJob(object(), 2, 3);
    expect(job.metadata.name).toBe('etl-2-load-r3');
    expect(stepJobName(object(), 2, 3)).toBe('etl-2-load-r3');
    expect(job.metadata.labels['batch.example.com/resume']).toBe('3');
    expect(job.spec.template.metadata?.labels?.['batch.example.com/resume']).toBe('3');
  });

  it('has no label of a resume before the first', () => {
    expect(buildJob(object(), 2, 0).metadata.labels).not.toHaveProperty(LABELS.resume);
  });

  it('is the same after a resume, except for its name and that label', () => {
    const { metadata, spec } = buildJob(object({ spec: { serviceAccountName: 'runner' } }), 1, 0);
    const again = buildJob(object({ spec: { serviceAccountName: 'runner' } }), 1, 2);
    expect(again.spec.template.spec).toEqual(spec.template.spec);
    expect(again.metadata.ownerReferences).toEqual(metadata.ownerReferences);
    expect(again.metadata.labels).toEqual({ ...metadata.labels, [LABELS.resume]: '2' });
  });

  it('returns nothing for an index after the last step', () => {
    expect(() => buildJob(object(), 3, 0)).toThrow(new RangeError('there is no step 3'));
  });
});

describe('the Job of a step in finally', () => {
  const spec = { finally: [container('cleanup'), container('notify')] };
  const status = {
    finally: [],
    progress: {
      currentIndex: 1,
      currentStep: 'transform',
      completedIndices: [0],
      failedIndex: 1,
      failureReason: 'BackoffLimitExceeded',
      failureMessage: 'it failed',
      summary: '1/3',
    },
  } satisfies SequentialJobStatus;
  const wanted = (more: ObjectOptions = {}): SequentialJob =>
    deepFreeze(sequentialJob({ ...more, spec: { ...spec, ...more.spec } }));
  const annotations = (object: SequentialJob, position = 3): unknown =>
    buildJob(object, position, 0).spec.template.metadata?.annotations;

  it('is behind those of the other steps, and is labelled with its index in finally', () => {
    const { metadata, spec: job } = buildJob(wanted(), 4, 1);
    const { [LABELS.stepIndex]: _, ...others } = OUR_LABELS;
    const labels = { ...others, [LABELS.finallyIndex]: '1', [LABELS.stepName]: 'notify', [LABELS.resume]: '1' };
    expect(metadata).toMatchObject({ name: 'etl-finally-1-notify-r1' });
    expect(metadata.labels).toEqual(labels);
    expect(job.template.metadata?.labels).toEqual(labels);
    expect(() => buildJob(wanted(), 5, 0)).toThrow(new RangeError('there is no step 5'));
  });

  it.each<readonly [string, ObjectOptions['spec'], number]>([
    ['an hour if nothing sets one', {}, 3600],
    ['not the deadline of the sequence', { activeDeadlineSeconds: 5 }, 3600],
    ['that of all Jobs', { job: { activeDeadlineSeconds: 60 } }, 60],
    [
      'its own first of all',
      {
        job: { activeDeadlineSeconds: 60 },
        finally: [container('cleanup', { job: { activeDeadlineSeconds: 7200 } })],
      },
      7200,
    ],
  ])('has a time limit: %s', (_says, more = {}, seconds) => {
    expect(buildJob(wanted({ spec: more }), 3, 0).spec.activeDeadlineSeconds).toBe(seconds);
  });

  it.each<readonly [string, SequentialJobStatus | undefined, Record<string, string> | undefined]>([
    ['nothing before the end is recorded', { progress: status.progress }, undefined],
    ['nothing without a status, as in a dry run', undefined, undefined],
    [
      'a failure with its step',
      status,
      {
        outcome: 'Failed',
        'failed-step': 'transform',
        'failure-reason': 'BackoffLimitExceeded',
        'failure-message': 'it failed',
      },
    ],
    [
      'a failure that is no step’s',
      { finally: [], progress: { completedIndices: [], summary: '0/3', failureReason: 'InvalidSpec' } },
      { outcome: 'Failed', 'failure-reason': 'InvalidSpec', 'failure-message': '' },
    ],
    [
      'a success',
      { finally: [], progress: { currentStep: 'cleanup', completedIndices: [0, 1, 2], summary: '3/3' } },
      { outcome: 'Succeeded' },
    ],
  ])('its Pod is told how the steps have ended: %s', (_says, recorded, told) => {
    const prefixed = told && Object.fromEntries(Object.entries(told).map(([key, value]) => [`${GROUP}/${key}`, value]));
    expect(annotations(wanted({ status: recorded }))).toEqual(prefixed);
  });

  it('its Pod has the annotations of the template too, and those of other steps have no outcome', () => {
    const template = { metadata: { annotations: { team: 'a' } }, spec: { containers: [] } };
    const object = wanted({ spec: { template }, status });
    expect(annotations(object)).toMatchObject({ team: 'a', 'batch.example.com/outcome': 'Failed' });
    expect(annotations(object, 0)).toEqual({ team: 'a' });
  });
});

it('ownerReference has the UID, so that another object of the same name is not the owner', () => {
  expect(ownerReference(sequentialJob({ metadata: { uid: 'other' } })).uid).toBe('other');
});
