/** Which results the Pod of a step refers to, and the annotations that hand them on. */
import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { FinallyStep, SequentialJobSpec, Step, StepStatus } from '../../../../shared/api/types.ts';
import { buildCombinedJob, buildJob } from '../../../../shared/jobs/job.ts';
import { isReferenced, referencedSteps, resultAnnotations } from '../../../../shared/jobs/results.ts';
import { json } from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

const path = (step: string): string => `metadata.annotations['results.batch.example.com/${step}']`;
const fieldRef = (fieldPath: unknown): object => ({ fieldRef: { fieldPath } });
const env = (...paths: readonly unknown[]): object => ({
  env: paths.map((one, i) => ({ name: `V${i}`, valueFrom: fieldRef(one) })),
});
const files = (...paths: readonly unknown[]): object => ({
  items: paths.map((one, i) => Object.assign({ path: `f${i}` }, fieldRef(one))),
});
const mounts = (name: string): Partial<Step> => ({ volumeMounts: [{ name, mountPath: '/results' }] });
const init = (more: object): object => ({ name: 'init', image: 'x:1', ...more });

interface Written {
  readonly pod?: unknown;
  readonly step?: object;
  readonly last?: readonly FinallyStep[];
}

/** A sequence of the steps `a`, `b` and `step`, in this order. */
const specOf = ({ pod, step, last }: Written): SequentialJobSpec =>
  deepFreeze({
    steps: [container('a'), container('b'), container('step', step)],
    ...(pod === undefined ? {} : { template: { spec: pod } as never }),
    ...(last === undefined ? {} : { finally: last }),
  });

describe('the Pod of a step refers to', () => {
  it.each<readonly [string, Written, readonly string[]]>([
    ['nothing, as most do', {}, []],
    ['the step that a variable names', { step: env(path('a')) }, ['a']],
    ['each step that its variables name, once', { step: env(path('a'), path('b'), path('a')) }, ['a', 'b']],
    [
      'what a variable of an init container in the template names',
      { pod: { initContainers: [init(env(path('a')))] } },
      ['a'],
    ],
    [
      'what a variable of its own init container names',
      { step: { pod: { initContainers: [init(env(path('b')))] } } },
      ['b'],
    ],
    [
      'what a file of a downward API volume names that it mounts',
      { pod: { volumes: [{ name: 'v', downwardAPI: files('metadata.name', path('a')) }] }, step: mounts('v') },
      ['a'],
    ],
    [
      'what a file of a projected volume names that it mounts',
      {
        pod: { volumes: [{ name: 'v', projected: { sources: [{ secret: {} }, { downwardAPI: files(path('a')) }] } }] },
        step: mounts('v'),
      },
      ['a'],
    ],
    [
      'what a volume names that its own init container mounts',
      {
        pod: { volumes: [{ name: 'v', downwardAPI: files(path('a')) }] },
        step: { pod: { initContainers: [init(mounts('v'))] } },
      },
      ['a'],
    ],
    [
      'nothing by a volume that only others mount',
      { pod: { volumes: [{ name: 'v', downwardAPI: files(path('a')) }] } },
      [],
    ],
    [
      'nothing by the annotations of others',
      { step: env("metadata.annotations['a']", "metadata.annotations['x/a']") },
      [],
    ],
    ['nothing by a label', { step: env("metadata.labels['results.batch.example.com/a']") }, []],
    ['nothing by all annotations', { step: env('metadata.annotations') }, []],
    [
      'nothing by what is not the syntax of Kubernetes',
      {
        step: env(
          'metadata.annotations[results.batch.example.com/a]',
          'metadata.annotations["results.batch.example.com/a"]',
          "metadata.annotations['results.batch.example.com/a'",
        ),
      },
      [],
    ],
    ['nothing by paths of wrong types', { step: env(null, 7, {}, []) }, []],
    ['a step of any name, as a client wrote it', { step: env(path("x']['y"), path('')) }, ["x']['y", '']],
  ])('%s', (_says, written, names) => {
    expect([...referencedSteps(specOf(written), 2)]).toEqual(names);
  });

  it('nothing where there is no such step', () => {
    expect([...referencedSteps(specOf({ step: env(path('a')) }), 3)]).toEqual([]);
  });

  it('what it names in finally, by its position behind the steps', () => {
    const spec = specOf({ last: [container('report', env(path('b')))] });
    expect([...referencedSteps(spec, 3)]).toEqual(['b']);
    expect(['a', 'b', 'step', 'report'].filter((name) => isReferenced(spec, name))).toEqual(['b']);
  });
});

test('property: any spec is read without an error, and twice the same', () => {
  fc.assert(
    fc.property(json, fc.array(json, { maxLength: 3 }), (value, steps) => {
      for (const spec of [
        { steps: value, finally: steps, template: value },
        { steps: [value, { env: value, pod: value }, { env: steps }], template: { spec: value } },
        {
          steps: [mounts('v')],
          template: { spec: { volumes: [{ name: 'v', downwardAPI: value, projected: value }] } },
        },
      ] as unknown as SequentialJobSpec[]) {
        const names = [...referencedSteps(spec, 0)];
        expect(names).toEqual([...referencedSteps({ ...spec }, 0)]);
        expect(names.every((name) => isReferenced(spec, name))).toBe(true);
      }
    }),
  );
});

test('a spec of many references to many volumes is read in linear time', () => {
  const steps = Array.from({ length: 1000 }, (_, i) => container(`s${i}`, mounts(`v${i % 10}`)));
  const volumes = Array.from({ length: 20_000 }, (_, i) => ({ name: `v${i}`, downwardAPI: files(path('s0')) }));
  const initContainers = [init(env(...Array.from({ length: 20_000 }, () => path('s1'))))];
  // In square time it would be twenty million of each, which take a minute.
  const startMs = performance.now();
  expect(isReferenced({ steps, template: { spec: { volumes, initContainers } as never } }, 's1')).toBe(true);
  expect(performance.now() - startMs).toBeLessThan(5000);
});

describe('annotations', () => {
  const ended = (name: string, more: Partial<StepStatus> = {}): StepStatus => ({
    index: 0,
    name,
    state: 'Succeeded',
    result: `of ${name}`,
    ...more,
  });
  const annotationsOf = (steps: unknown, written: Written = { step: env(path('a'), path('b')) }): unknown =>
    resultAnnotations(sequentialJob({ spec: specOf(written), status: { steps: steps as readonly StepStatus[] } }), [2]);
  const annotation = (name: string): object => ({ [`results.batch.example.com/${name}`]: `of ${name}` });

  it.each<readonly [string, unknown, object]>([
    ['hand on what is recorded', [ended('a'), ended('b')], { ...annotation('a'), ...annotation('b') }],
    ['hand on only what the step refers to', [ended('a'), ended('c')], annotation('a')],
    ['leave out a step without a result', [ended('a', { result: undefined as never }), ended('b')], annotation('b')],
    ['leave out a step that failed', [ended('a', { state: 'Failed' }), ended('b')], annotation('b')],
    ['leave out a step that was skipped', [{ index: 0, name: 'a', state: 'Skipped' }], {}],
    [
      'are none of a status that somebody has spoiled',
      [null, 7, { name: 7, state: 'Succeeded', result: 'x' }, ended('a', { result: 7 as never })],
      {},
    ],
    ['are none of a status that is no list', { a: 1 }, {}],
  ])('%s', (_says, steps, annotations) => {
    expect(annotationsOf(steps)).toEqual(annotations);
  });

  it('hand on what a step of finally has handed on', () => {
    const spec = specOf({ last: [container('x'), container('report', env(path('x')))] });
    const object = { ...sequentialJob({ spec }), status: { finally: [ended('x')] } } as never;
    expect(resultAnnotations(object, [4])).toEqual(annotation('x'));
  });

  it('are beside those of the template, and only on the Pod', () => {
    const { steps } = specOf({ step: env(path('a')) });
    const template = { metadata: { annotations: { team: 'x', 'results.batch.example.com/a': 'forged' } } };
    const object = sequentialJob({ spec: { steps, template }, status: { steps: [ended('a')] } });
    const job = buildJob(object, 2, 0);
    expect(job.spec.template.metadata?.annotations).toEqual({ team: 'x', ...annotation('a') });
    expect(job.metadata).not.toHaveProperty('annotations');
    expect(buildJob(object, 1, 0).spec.template.metadata?.annotations).toEqual({ team: 'x' });
    expect(buildCombinedJob(object, [1, 2], 0).spec.template.metadata?.annotations).toHaveProperty('team', 'x');
  });

  it('are none without a status, as in render', () => {
    const object = sequentialJob({ spec: specOf({ step: env(path('a')) }) });
    expect(buildJob(object, 2, 0).spec.template.metadata).not.toHaveProperty('annotations');
  });
});
