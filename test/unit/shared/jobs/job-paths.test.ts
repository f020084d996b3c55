/** Where the user wrote a field of a Job whose step has settings of its own. */
import { describe, expect, it } from '@jest/globals';
import type { PodTemplateSpec, StepJob, StepPod } from '../../../../shared/api/types.ts';
import { formatJobError, jobErrorsOf, toSequentialJobFields } from '../../../../shared/jobs/job-errors.ts';
import { buildCombinedJob } from '../../../../shared/jobs/job.ts';
import { locate } from '../../../../shared/jobs/job-paths.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

const mount = (name: string): { readonly volumeMounts: never } => ({
  volumeMounts: [{ name, mountPath: `/${name}` }] as never,
});

const POD = {
  metadata: { labels: { own: 'a b', both: 'own' }, annotations: { 'note/own': 'x' } },
  serviceAccountName: 'Own',
  affinity: { podAffinity: {} },
  priorityClassName: '',
  securityContext: null,
  restartPolicy: 'OnFailure',
  nodeSelector: { zone: 'c d', 'quo"te': 'x' },
  tolerations: [{ operator: 'Nope' }],
  resourceClaims: [{ name: 'unused' }, { name: 'own' }],
  initContainers: [container('own', mount('late')), container('sidecar', { resources: { claims: [{ name: 'own' }] } })],
} as unknown as StepPod;

const TEMPLATE = {
  metadata: { labels: { shared: 'e f', both: 'all' }, annotations: { 'note/all': 'y' } },
  spec: {
    tolerations: [{ operator: 'Exists' }, { operator: 'Exists', key: 'spot' }],
    initContainers: [container('setup')],
    resourceClaims: [{ name: 'gpu' }],
    nodeSelector: { disk: 'g h' },
    volumes: [{ name: 'unused' }, { name: 'late' }],
    securityContext: { runAsUser: -1 },
  },
} as unknown as PodTemplateSpec;

const JOB: StepJob = { metadata: { labels: { own: 'a b' } }, backoffLimit: 5 };
const ALL: StepJob = { metadata: { labels: { shared: 'e f' }, annotations: { 'note/all': 'y' } } };

const object = sequentialJob({
  spec: {
    steps: [container('a'), container('b', { pod: POD, job: JOB }), container('c', mount('late'))],
    finally: [container('d', { pod: POD, job: JOB }), container('e', { job: { backoffLimit: null } as never })],
    template: TEMPLATE,
    job: ALL,
  },
});

const pod = (field: string): string => `spec.template.spec.${field}`;

type Row = readonly [
  sentence: string,
  field: string,
  value: string | undefined,
  index: number | undefined,
  wanted: string,
];

describe('a field of the Job of a step with settings is', () => {
  it.each<Row>([
    [
      'the setting that replaces that of the template',
      pod('serviceAccountName'),
      undefined,
      1,
      'spec.steps[1].pod.serviceAccountName',
    ],
    [
      'a part of that setting',
      pod('affinity.podAffinity.x[0]'),
      undefined,
      1,
      'spec.steps[1].pod.affinity.podAffinity.x[0]',
    ],
    [
      'that of the template where the setting is null',
      pod('securityContext.runAsUser'),
      undefined,
      undefined,
      pod('securityContext.runAsUser'),
    ],
    [
      'that of the template where the setting is empty',
      pod('priorityClassName'),
      undefined,
      undefined,
      pod('priorityClassName'),
    ],
    ['that of the template where no step can set it', pod('hostNetwork'), undefined, undefined, pod('hostNetwork')],
    ['an item of the template', pod('tolerations[1].operator'), undefined, undefined, pod('tolerations[1].operator')],
    [
      'an item that the step appends',
      pod('tolerations[2].operator'),
      undefined,
      1,
      'spec.steps[1].pod.tolerations[0].operator',
    ],
    ['the list as a whole, for both', pod('tolerations'), undefined, undefined, pod('tolerations')],
    [
      'an item that an admission webhook appends',
      pod('initContainers[3].image'),
      undefined,
      undefined,
      pod('initContainers[3].image'),
    ],
    [
      'an init container of the template',
      pod('initContainers[0].image'),
      undefined,
      undefined,
      pod('initContainers[0].image'),
    ],
    [
      'an init container of the step',
      pod('initContainers[2].restartPolicy'),
      undefined,
      1,
      'spec.steps[1].pod.initContainers[1].restartPolicy',
    ],
    [
      'a whole init container of the step',
      pod('initContainers[1]'),
      undefined,
      1,
      'spec.steps[1].pod.initContainers[0]',
    ],
    [
      'a resource claim of the step behind those that its Job does not have',
      pod('resourceClaims[0].x'),
      undefined,
      1,
      'spec.steps[1].pod.resourceClaims[1].x',
    ],
    [
      'a volume behind those that the Job does not have',
      pod('volumes[0].nfs'),
      undefined,
      undefined,
      pod('volumes[1].nfs'),
    ],
    ['its container', pod('containers[0].image'), undefined, 1, 'spec.steps[1].image'],
    ['a selector of the step, by its value', pod('nodeSelector'), '"c d"', 1, 'spec.steps[1].pod.nodeSelector'],
    ['a selector of the step, by its key', pod('nodeSelector'), '"zone"', 1, 'spec.steps[1].pod.nodeSelector'],
    [
      'a selector of the step, by a key with quotes',
      pod('nodeSelector'),
      String.raw`"quo\"te"`,
      1,
      'spec.steps[1].pod.nodeSelector',
    ],
    ['a selector of the template, by its value', pod('nodeSelector'), '"g h"', undefined, pod('nodeSelector')],
    [
      'a selector of the step, by its path',
      pod('nodeSelector[zone]'),
      '"x"',
      1,
      'spec.steps[1].pod.nodeSelector[zone]',
    ],
    ['a label of the step', 'spec.template.labels', '"a b"', 1, 'spec.steps[1].pod.metadata.labels'],
    ['a label of the template', 'spec.template.labels', '"e f"', undefined, 'spec.template.metadata.labels'],
    [
      'a label that both have, with the value of the step',
      'spec.template.labels[both]',
      undefined,
      1,
      'spec.steps[1].pod.metadata.labels[both]',
    ],
    [
      'a label in the words of strict decoding',
      'spec.template.metadata.labels',
      '"a b"',
      1,
      'spec.steps[1].pod.metadata.labels',
    ],
    [
      'an annotation of the template',
      'spec.template.annotations[note/all]',
      '"y"',
      undefined,
      'spec.template.metadata.annotations[note/all]',
    ],
    [
      'all annotations, which are too long together',
      'spec.template.annotations',
      undefined,
      1,
      'spec.steps[1].pod.metadata.annotations',
    ],
    ['a label of the Job that the step sets', 'metadata.labels', '"a b"', 1, 'spec.steps[1].job.metadata.labels'],
    ['a label of the Job that all steps have', 'metadata.labels', '"e f"', undefined, 'spec.job.metadata.labels'],
    [
      'an annotation of the Job that all steps have',
      'metadata.annotations',
      '"note/all"',
      undefined,
      'spec.job.metadata.annotations',
    ],
    ['a label of the operator', 'metadata.labels', '"etl"', undefined, '(Job) metadata.labels'],
    ['the name of the Job', 'metadata.name', '"etl"', undefined, '(Job) metadata.name'],
    ['a limit of the step', 'spec.backoffLimit', undefined, 1, 'spec.steps[1].job.backoffLimit'],
  ])('%s', (_says, ...[field, value, index, wanted]) => {
    expect(locate(field, { object, indices: [1] }, value)).toEqual({ index, field: wanted });
  });

  it('that of a step of finally', () => {
    expect(locate(pod('tolerations[2]'), { object, indices: [3] })).toEqual({
      index: 3,
      field: 'spec.finally[0].pod.tolerations[0]',
    });
  });

  it('that of all steps where the step has null, as Go clients write it', () => {
    expect(locate('spec.backoffLimit', { object, indices: [4] })).toEqual({
      index: undefined,
      field: 'spec.job.backoffLimit',
    });
  });

  it('that of no single step if the Job is for several, and is named by the first', () => {
    const contents = { object, indices: [1, 3] };
    expect(locate(pod('tolerations[2]'), contents)).toEqual({
      index: undefined,
      field: 'spec.steps[1].pod.tolerations[0]',
    });
    expect(locate(pod('containers[1].image'), contents)).toEqual({ index: 3, field: 'spec.finally[0].image' });
  });

  it('that of the template for a step without settings', () => {
    const contents = { object, indices: [0, 2] };
    for (const field of ['serviceAccountName', 'initContainers[1].image', 'nodeSelector']) {
      expect(locate(pod(field), contents, '"c d"')).toEqual({ index: undefined, field: pod(field) });
    }
    // The second of these steps mounts the second volume.
    expect(locate(pod('volumes[0]'), contents).field).toBe(pod('volumes[1]'));
  });
});

it('each item of the Job’s lists is found where the user wrote it', () => {
  const read = (path: string): unknown =>
    path
      .split(/[.[\]]+/)
      .reduce<unknown>((value, key) => (key === '' ? value : (value as Record<string, unknown>)[key]), object);
  const indices = [1];
  const spec = buildCombinedJob(object, indices, 0).spec.template.spec ?? { containers: [] };
  const lists = { tolerations: 3, initContainers: 3, resourceClaims: 1, volumes: 1, containers: 1 } as const;
  for (const [name, count] of Object.entries(lists)) {
    const items = spec[name as keyof typeof lists] as readonly object[];
    expect(items).toHaveLength(count);
    items.forEach((item, i) =>
      expect(item).toMatchObject(pick(read(locate(pod(`${name}[${i}]`), { object, indices }).field))),
    );
  }
});

const pick = (item: unknown): object => {
  const { name, operator, key } = item as Record<string, unknown>;
  return Object.fromEntries(Object.entries({ name, operator, key }).filter(([, value]) => value !== undefined));
};

it('a refusal is explained under the paths of the settings, also in its message', () => {
  const causes = [
    {
      field: pod('tolerations[2].operator'),
      message: 'Unsupported value: "Nope": supported values: "Equal", "Exists"',
    },
    {
      field: 'metadata.labels',
      message: 'Invalid value: "a b": a valid label must consist of alphanumeric characters',
    },
    {
      field: pod('nodeSelector'),
      message: 'Invalid value: "g h": a valid label must consist of alphanumeric characters',
    },
  ];
  const contents = { object, indices: [1] };
  expect(jobErrorsOf({ message: 'invalid', causes }, contents).map(formatJobError)).toEqual([
    'spec.steps[1].pod.tolerations[0].operator: Unsupported value: "Nope": supported values: "Equal", "Exists"',
    'spec.steps[1].job.metadata.labels: Invalid value: "a b": a valid label must consist of alphanumeric characters',
    'spec.template.spec.nodeSelector: Invalid value: "g h": a valid label must consist of alphanumeric characters',
  ]);
  const message =
    'denied: spec.template.spec.serviceAccountName and spec.template.spec.initContainers[1].image are bad';
  expect(jobErrorsOf({ message, causes: [] }, contents)[0]?.message).toBe(
    'denied: spec.steps[1].pod.serviceAccountName and spec.steps[1].pod.initContainers[0].image are bad',
  );
});

it('a list as a whole is that of the step if the template has none', () => {
  const steps = [container('a', { pod: POD }), container('b')];
  const one = sequentialJob({ spec: { steps } });
  const field = pod('resourceClaims');
  expect(locate(field, { object: one, indices: [0] })).toEqual({ index: 0, field: 'spec.steps[0].pod.resourceClaims' });
  expect(locate(field, { object: one, indices: [1] })).toEqual({ index: undefined, field });
});

it('a field that the server drops is named by its setting', () => {
  expect(
    toSequentialJobFields([pod('initContainers[2].restartPolicy'), pod('resourceClaims')], { object, indices: [1] }),
  ).toEqual(['spec.steps[1].pod.initContainers[1].restartPolicy', 'spec.template.spec.resourceClaims']);
});
