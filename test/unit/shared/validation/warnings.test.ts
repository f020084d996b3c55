import { expect, test } from '@jest/globals';
import { warningsFor } from '../../../../shared/validation/index.ts';
import { sequence, step } from './refusals.ts';

test.each([
  ['a tag', 'busybox:1.36', 0],
  ['a digest', `busybox@sha256:${'a'.repeat(64)}`, 0],
  ['neither a tag nor a digest, and a registry with a port', 'localhost:5000/a', 1],
  ['an invalid reference, which is rejected anyway', 'A B', 0],
])('an image with %s', (_sentence, image, count) =>
  expect(warningsFor(sequence({ steps: [step({ image })] }))).toHaveLength(count),
);

test('init containers and volumes get warnings with their own paths', () => {
  const privileged = step({ securityContext: { privileged: true } });
  const volumes = [{ name: 'a' }, { name: 'b', hostPath: { path: '/' } }];
  const spec = { steps: [step()], template: { spec: { initContainers: [privileged], volumes } } };
  expect(warningsFor(sequence(spec)).map((line) => line.split(': ')[0])).toEqual([
    'spec.template.spec.initContainers[0].securityContext.privileged',
    'spec.template.spec.volumes[1].hostPath',
  ]);
});

test('steps of finally get the warnings of steps, after those', () => {
  const privileged = step({ image: 'busybox:latest', securityContext: { privileged: true } });
  const spec = { steps: [step({ name: 'a', image: 'busybox' })], finally: [step(), privileged] };
  expect(warningsFor(sequence(spec)).map((line) => line.split(': ')[0])).toEqual([
    'spec.steps[0].image',
    'spec.finally[1].image',
    'spec.finally[1].securityContext.privileged',
  ]);
});

const mounting = (name: string, volume: string): object =>
  step({ name, volumeMounts: [{ name: volume, mountPath: '/a' }] });
test.each([
  ['an emptyDir', { emptyDir: {} }, ['spec.template.spec.volumes[0].emptyDir']],
  [
    'a claim of the Pod',
    { ephemeral: { volumeClaimTemplate: { spec: {} } } },
    ['spec.template.spec.volumes[0].ephemeral'],
  ],
  ['a volume without a source, which is an emptyDir', {}, ['spec.template.spec.volumes[0]']],
  ['a claim, which outlives the Pods', { persistentVolumeClaim: { claimName: 'c' } }, []],
  ['a ConfigMap', { configMap: { name: 'c' } }, []],
])('two steps that mount %s', (_sentence, source, paths) => {
  const steps = [mounting('a', 'data'), mounting('b', 'data'), mounting('c', 'other')];
  const volumes = [
    { name: 'data', ...source },
    { name: 'other', emptyDir: {} },
  ];
  const lines = warningsFor(sequence({ steps, template: { spec: { volumes } } }));
  expect(lines.map((line) => line.split(': ')[0])).toEqual(paths);
});

test('a step and a step of finally that mount an emptyDir each get one of their own', () => {
  const spec = { steps: [mounting('a', 'data')], finally: [mounting('b', 'data')] };
  const lines = warningsFor(sequence({ ...spec, template: { spec: { volumes: [{ name: 'data', emptyDir: {} }] } } }));
  expect(lines).toEqual([expect.stringMatching(/^spec\.template\.spec\.volumes\[0\]\.emptyDir: .*\("a", "b"\)/)]);
});

test('an init container that prepares files for each step causes no warning', () => {
  const spec = { volumes: [{ name: 'data', emptyDir: {} }], initContainers: [mounting('init', 'data')] };
  expect(warningsFor(sequence({ steps: [mounting('a', 'data')], template: { spec } }))).toEqual([]);
});

test('a step that mounts a volume twice counts once, and a mount without a name is ignored', () => {
  const mounts = ['/a', '/b'].map((mountPath) => ({ name: 'data', mountPath }));
  const steps = [step({ name: 'a', volumeMounts: [...mounts, { mountPath: '/c' }] }), step({ volumeMounts: [{}] })];
  const volumes = [{ name: 'data', emptyDir: {} }, { emptyDir: {} }];
  expect(warningsFor(sequence({ steps, template: { spec: { volumes } } }))).toEqual([]);
});

test('the warning names the first five of many steps', () => {
  const steps = Array.from({ length: 7 }, (_, i) => mounting(`s${i}`, 'data'));
  const [line] = warningsFor(sequence({ steps, template: { spec: { volumes: [{ name: 'data' }] } } }));
  expect(line).toContain('("s0", "s1", "s2", "s3", "s4", 2 more)');
});

test('a spec above 256 KiB gets a warning about server-side apply, unless it is rejected', () => {
  const ofBytes = (bytes: number): unknown => {
    const args = (length: number): object => sequence({ steps: [step({ args: ['x'.repeat(length)] })] });
    const rest = JSON.stringify((args(0) as { readonly spec: unknown }).spec).length;
    return args(bytes - rest);
  };
  expect(warningsFor(ofBytes(256 * 1024))).toEqual([]);
  expect(warningsFor(ofBytes(256 * 1024 + 1))).toEqual([expect.stringMatching(/^spec: 257 KiB .* --server-side/)]);
  expect(warningsFor(ofBytes(1024 * 1024 + 1))).toEqual([]);
});

test('a claim that nothing mounts', () => {
  const claims = ['used', 'device', 'init', 'own', 'last', 'unused'].map((name) => ({ metadata: { name }, spec: {} }));
  const mounts = (name: string): object => ({ volumeMounts: [{ name, mountPath: '/a' }] });
  const spec = {
    volumeClaimTemplates: claims,
    steps: [
      step({ ...mounts('used'), pod: { initContainers: [step({ name: 'x', ...mounts('own') })] } }),
      step({ name: 'b', volumeDevices: [{ name: 'device', devicePath: '/dev/a' }] }),
    ],
    finally: [step({ name: 'c', ...mounts('last') })],
    template: { spec: { initContainers: [step({ name: 'i', ...mounts('init') })] } },
  };
  expect(warningsFor(sequence(spec))).toEqual(['spec.volumeClaimTemplates[5]: no step mounts it']);
});
