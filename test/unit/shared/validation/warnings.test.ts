import { expect, test } from '@jest/globals';
import { warningsFor } from '../../../../shared/validation/index.ts';
import { sequence, step } from './refusals.ts';

const WHY = 'what it runs can change from one attempt to the next';

test.each([
  ['a tag', 'busybox:1.36', []],
  ['a digest', `busybox@sha256:${'a'.repeat(64)}`, []],
  ['neither', 'busybox', [`spec.containers[0].image: "busybox" has neither tag nor digest and means "latest": ${WHY}`]],
  ['latest', 'busybox:latest', [`spec.containers[0].image: "busybox:latest" has the tag "latest": ${WHY}`]],
  [
    'a registry with a port',
    'localhost:5000/a',
    [`spec.containers[0].image: "localhost:5000/a" has neither tag nor digest and means "latest": ${WHY}`],
  ],
  ['an unreadable image, which is refused anyway', 'A B', []],
])('an image with %s', (_sentence, image, lines) =>
  expect(warningsFor(sequence({ containers: [step({ image })] }))).toEqual(lines),
);

test('privileged containers and host paths are warned of, in init containers too', () => {
  const privileged = step({ securityContext: { privileged: true } });
  const spec = {
    containers: [privileged],
    template: {
      spec: { initContainers: [privileged], volumes: [{ name: 'a' }, { name: 'b', hostPath: { path: '/' } }] },
    },
  };
  expect(warningsFor(sequence(spec))).toEqual([
    'spec.containers[0].securityContext.privileged: the container has full access to the node',
    'spec.template.spec.initContainers[0].securityContext.privileged: the container has full access to the node',
    'spec.template.spec.volumes[1].hostPath: the volume is a directory of whichever node runs the step',
  ]);
});

const mounting = (name: string, volume: string): object =>
  step({ name, volumeMounts: [{ name: volume, mountPath: '/a' }] });
const OUTLIVE = 'gets an empty one: it does not outlive a step; use a claim to hand files on';

test.each([
  [
    'an emptyDir',
    { emptyDir: {} },
    [`spec.template.spec.volumes[0].emptyDir: each of the steps that mount it ("a", "b") ${OUTLIVE}`],
  ],
  [
    'a claim of the Pod',
    { ephemeral: { volumeClaimTemplate: { spec: {} } } },
    [`spec.template.spec.volumes[0].ephemeral: each of the steps that mount it ("a", "b") ${OUTLIVE}`],
  ],
  [
    'a volume without a source, which is an emptyDir',
    {},
    [`spec.template.spec.volumes[0]: each of the steps that mount it ("a", "b") ${OUTLIVE}`],
  ],
  ['a claim that outlives the Pods', { persistentVolumeClaim: { claimName: 'c' } }, []],
  ['a ConfigMap', { configMap: { name: 'c' } }, []],
])('two steps that mount %s', (_sentence, source, lines) => {
  const containers = [mounting('a', 'data'), mounting('b', 'data'), mounting('c', 'other')];
  const volumes = [
    { name: 'data', ...source },
    { name: 'other', emptyDir: {} },
  ];
  expect(warningsFor(sequence({ containers, template: { spec: { volumes } } }))).toEqual(lines);
});

test('an init container that hands files to each step is not warned of', () => {
  const spec = { volumes: [{ name: 'data', emptyDir: {} }], initContainers: [mounting('init', 'data')] };
  expect(warningsFor(sequence({ containers: [mounting('a', 'data')], template: { spec } }))).toEqual([]);
});

test('a step that mounts a volume twice is one step, and what has no name mounts nothing', () => {
  const mounts = ['/a', '/b'].map((mountPath) => ({ name: 'data', mountPath }));
  const containers = [
    step({ name: 'a', volumeMounts: [...mounts, { mountPath: '/c' }] }),
    step({ volumeMounts: [{}] }),
  ];
  const volumes = [{ name: 'data', emptyDir: {} }, { emptyDir: {} }];
  expect(warningsFor(sequence({ containers, template: { spec: { volumes } } }))).toEqual([]);
});

test('of many steps the first five are named', () => {
  const containers = Array.from({ length: 7 }, (_, i) => mounting(`s${i}`, 'data'));
  const [line] = warningsFor(sequence({ containers, template: { spec: { volumes: [{ name: 'data' }] } } }));
  expect(line).toContain('("s0", "s1", "s2", "s3", "s4", 2 more)');
});

test('a spec above 256 KiB needs server-side apply, unless it is refused', () => {
  const ofBytes = (bytes: number): unknown => {
    const args = (length: number): object => sequence({ containers: [step({ args: ['x'.repeat(length)] })] });
    const rest = JSON.stringify((args(0) as { readonly spec: unknown }).spec).length;
    return args(bytes - rest);
  };
  expect(warningsFor(ofBytes(256 * 1024))).toEqual([]);
  expect(warningsFor(ofBytes(256 * 1024 + 1))).toEqual([
    'spec: 257 KiB of JSON: kubectl apply needs --server-side, or its copy of the object does not fit into an annotation',
  ]);
  expect(warningsFor(ofBytes(1024 * 1024 + 1))).toEqual([]);
});
