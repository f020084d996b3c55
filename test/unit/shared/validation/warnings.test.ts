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
