/** References to results: what they may name, and the path of each that they may not. */
import { expect, test } from '@jest/globals';
import { ofSpec, refusals, sequence } from './refusals.ts';

type Json = Readonly<Record<string, unknown>>;

const path = (step: string): string => `metadata.annotations['results.batch.example.com/${step}']`;
const env = (...steps: readonly string[]): Json => ({
  env: steps.map((name, i) => ({ name: `V${i}`, valueFrom: { fieldRef: { fieldPath: path(name) } } })),
});
const step = (name: string, more: Json = {}): Json => ({ name, image: 'x:1', ...more });
const mounts = (name: string): Json => ({ volumeMounts: [{ name, mountPath: '/results' }] });
const volume = (source: Json): Json => ({ template: { spec: { volumes: [{ name: 'v', ...source }] } } });
const files = (...steps: readonly string[]): Json => ({
  items: steps.map((name, i) => ({ path: `f${i}`, fieldRef: { fieldPath: path(name) } })),
});
const at = (place: string, name: string, rule: string): string =>
  `spec.${place}.fieldRef.fieldPath: Invalid value: ${JSON.stringify(path(name))}: ${rule}`;
const variable = (place: string, name: string, rule = 'must name an earlier step'): string =>
  at(`${place}.env[0].valueFrom`, name, rule);
const unknown = (place: string, name: string): string =>
  `spec.${place}.env[0].valueFrom.fieldRef.fieldPath: Not found: ${JSON.stringify(path(name))}`;

const IN_TEMPLATE = 'must name an earlier step, and the init containers of the template run before the first one, too';
const MOUNTED_BY_A = 'must name an earlier step than "a", the first one that mounts the volume';

const many = (count: number): readonly Json[] => Array.from({ length: count }, (_, i) => step(`s${i}`));
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `s${i}`);

test.each<readonly [sentence: string, spec: Json, errors: readonly string[]]>([
  ['an earlier step is valid', { steps: [step('a'), step('b', env('a'))] }, []],
  ['the step itself is refused', { steps: [step('a', env('a'))] }, [variable('steps[0]', 'a')]],
  ['a later step is refused', { steps: [step('a', env('b')), step('b')] }, [variable('steps[0]', 'b')]],
  ['a step that does not exist is not found', { steps: [step('a', env('x'))] }, [unknown('steps[0]', 'x')]],
  ['a step without a name is not found', { steps: [step('a', env(''))] }, [unknown('steps[0]', '')]],
  ['a step of finally may name any step', { steps: [step('a'), step('b')], finally: [step('z', env('b'))] }, []],
  [
    'a step of finally may name an earlier one of finally',
    { steps: [step('a')], finally: [step('y'), step('z', env('y'))] },
    [],
  ],
  [
    'a step of finally may not name a later one',
    { steps: [step('a')], finally: [step('y', env('z')), step('z')] },
    [variable('finally[0]', 'z')],
  ],
  [
    'a step may not name one of finally',
    { steps: [step('a', env('z'))], finally: [step('z')] },
    [variable('steps[0]', 'z')],
  ],
  [
    "a step's own init container may name an earlier step, and no other",
    {
      steps: [
        step('a', { pod: { initContainers: [step('i', env('a'))] } }),
        step('b', { pod: { initContainers: [step('j', env('a'))] } }),
      ],
    },
    [variable('steps[0].pod.initContainers[0]', 'a')],
  ],
  [
    'an init container of the template may name none: it runs before the first step, too',
    { steps: [step('a'), step('b')], template: { spec: { initContainers: [step('i', env('a'))] } } },
    [variable('template.spec.initContainers[0]', 'a', IN_TEMPLATE)],
  ],
  [
    'a volume may name a step before all that mount it',
    { steps: [step('a'), step('b', mounts('v'))], ...volume({ downwardAPI: files('a') }) },
    [],
  ],
  [
    'a volume may not name a step that mounts it, nor one after that',
    { steps: [step('a', mounts('v')), step('b', mounts('v'))], ...volume({ downwardAPI: files('a', 'b') }) },
    [0, 1].map((i) => at(`template.spec.volumes[0].downwardAPI.items[${i}]`, 'ab'.charAt(i), MOUNTED_BY_A)),
  ],
  [
    'the same in a projected volume, which an init container of the step mounts',
    {
      steps: [step('a', { pod: { initContainers: [step('i', mounts('v'))] } })],
      ...volume({ projected: { sources: [{ secret: { name: 's' } }, { downwardAPI: files('a') }] } }),
    },
    [at('template.spec.volumes[0].projected.sources[1].downwardAPI.items[0]', 'a', MOUNTED_BY_A)],
  ],
  [
    'a volume that an init container of the template mounts may name none',
    {
      steps: [step('a'), step('b')],
      template: {
        spec: { initContainers: [step('i', mounts('v'))], volumes: [{ name: 'v', downwardAPI: files('a') }] },
      },
    },
    [at('template.spec.volumes[0].downwardAPI.items[0]', 'a', IN_TEMPLATE)],
  ],
  ['a volume that nobody mounts may name anything', { ...volume({ downwardAPI: files('x') }) }, []],
  ['sixteen steps may be referred to', { steps: [...many(16), step('z', env(...names(16), ...names(16)))] }, []],
  [
    'the seventeenth is refused, wherever it is',
    { steps: [...many(17), step('y', env(...names(16)))], finally: [step('z', env('s16'))] },
    [variable('finally[0]', 's16', 'results of at most 16 steps may be referred to')],
  ],
  [
    'what is no syntax of Kubernetes is for the API server to refuse',
    {
      steps: [
        step('a', {
          env: [
            {
              name: 'V',
              valueFrom: { fieldRef: { fieldPath: 'metadata.annotations[results.batch.example.com/x]' } },
            },
          ],
        }),
      ],
    },
    [],
  ],
])('%s', (_sentence, spec, errors) => {
  expect(ofSpec(spec)).toEqual(errors);
});

test('a thousand steps that mount volumes of many references are validated in linear time', () => {
  const steps = Array.from({ length: 1000 }, (_, i) => step(`s${i}`, i === 0 ? {} : mounts(`v${i % 10}`)));
  const volumes = Array.from({ length: 10 }, (_, i) => ({
    name: `v${i}`,
    downwardAPI: files(...Array.from({ length: 800 }, () => 's0')),
  }));
  const object = sequence({ steps, template: { spec: { volumes } } });
  refusals(object);
  const startMs = performance.now();
  expect(refusals(object)).toEqual([]);
  expect(performance.now() - startMs).toBeLessThan(5000);
});
