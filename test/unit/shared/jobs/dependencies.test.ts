import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Container, PodTemplateSpec, SequentialJob } from '../../../../shared/api/types.ts';
import { type Dependency, dependenciesOf, dependenciesToCheck } from '../../../../shared/jobs/dependencies.ts';
import { json, roughObject } from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

/** What a client may write, of types that the core's don't allow. */
interface Written {
  readonly pod?: unknown;
  readonly template?: unknown;
  readonly step?: unknown;
  readonly other?: unknown;
}

/** A sequence whose second step is `step`, which mounts `v0`, `v1`, …; the first is `other`. */
function object({ pod, template, step, other }: Written): SequentialJob {
  const volumeMounts = Array.from({ length: 9 }, (_, i) => ({ name: `v${i}`, mountPath: `/v${i}` }));
  const containers = [
    container('other', other as Container),
    container('step', { volumeMounts, ...(step as Container) }),
  ];
  const written = template === undefined ? { spec: pod } : template;
  return deepFreeze(sequentialJob({ spec: { steps: containers, template: written as PodTemplateSpec } }));
}

const needs = (written: Written, index = 1): readonly string[] =>
  dependenciesOf(object(written), index).map(({ kind, name }) => `${kind} ${name}`);

const env = (...sources: readonly unknown[]): { readonly env: unknown } => ({
  env: sources.map((valueFrom, i) => ({ name: `V${i}`, valueFrom })),
});
const volumes = (...sources: readonly object[]): { readonly volumes: unknown } => ({
  volumes: sources.map((source, i) => Object.assign({ name: `v${i}` }, source)),
});
const projected = (...sources: readonly unknown[]): object => ({ projected: { sources } });

const a = { name: 'a' };
const maybe = { name: 'a', optional: true };

describe('a step needs', () => {
  it.each<readonly [string, Written, readonly string[]]>([
    ['the Secret of a variable', { step: env({ secretKeyRef: { ...a, key: 'k' } }) }, ['Secret a']],
    ['the ConfigMap of a variable', { step: env({ configMapKeyRef: { ...a, key: 'k' } }) }, ['ConfigMap a']],
    ['the Secret of all variables', { step: { envFrom: [{ secretRef: a }] } }, ['Secret a']],
    ['the ConfigMap of all variables', { step: { envFrom: [{ prefix: 'P_', configMapRef: a }] } }, ['ConfigMap a']],
    ['the Secret of a volume', { pod: volumes({ secret: { secretName: 'a' } }) }, ['Secret a']],
    ['the ConfigMap of a volume', { pod: volumes({ configMap: a }) }, ['ConfigMap a']],
    ['the Secret of a projected volume', { pod: volumes(projected({ secret: a })) }, ['Secret a']],
    ['the ConfigMap of a projected volume', { pod: volumes(projected({ configMap: a })) }, ['ConfigMap a']],
    [
      'the claim of a volume',
      { pod: volumes({ persistentVolumeClaim: { claimName: 'a' } }) },
      ['PersistentVolumeClaim a'],
    ],
    ['the Secret of Azure Files', { pod: volumes({ azureFile: { secretName: 'a', shareName: 's' } }) }, ['Secret a']],
    ['the Secret of a CSI driver', { pod: volumes({ csi: { driver: 'd', nodePublishSecretRef: a } }) }, ['Secret a']],
    ['the Secret of CephFS', { pod: volumes({ cephfs: { monitors: ['m'], secretRef: a } }) }, ['Secret a']],
    ['the Secret of a flex volume', { pod: volumes({ flexVolume: { driver: 'd', secretRef: a } }) }, ['Secret a']],
    ['the Secret of RBD', { pod: volumes({ rbd: { monitors: ['m'], image: 'i', secretRef: a } }) }, ['Secret a']],
    ['the Secret of ScaleIO', { pod: volumes({ scaleIO: { gateway: 'g', system: 's', secretRef: a } }) }, ['Secret a']],
    ['the Secret of StorageOS', { pod: volumes({ storageos: { volumeName: 'v', secretRef: a } }) }, ['Secret a']],
    [
      'the Secret of iSCSI with CHAP',
      { pod: volumes({ iscsi: { chapAuthSession: true, secretRef: a } }) },
      ['Secret a'],
    ],
    [
      'the Secret of iSCSI with CHAP on discovery',
      { pod: volumes({ iscsi: { chapAuthDiscovery: true, secretRef: a } }) },
      ['Secret a'],
    ],
    [
      'a Secret of an init container of its own, and a volume that only this one mounts',
      {
        pod: volumes({ configMap: { name: 'b' } }),
        step: {
          volumeMounts: [],
          pod: { initContainers: [{ ...env({ secretKeyRef: a }), volumeMounts: [{ name: 'v0' }] }] },
        },
      },
      ['Secret a', 'ConfigMap b'],
    ],
    [
      'nothing of an init container of another step',
      { other: { pod: { initContainers: [env({ secretKeyRef: a })] } } },
      [],
    ],
    ['a Secret of an init container', { pod: { initContainers: [env({ secretKeyRef: a })] } }, ['Secret a']],
    [
      'a volume that only an init container mounts',
      {
        pod: { ...volumes({ configMap: a }), initContainers: [{ volumeMounts: [{ name: 'v0' }] }] },
        step: { volumeMounts: [] },
      },
      ['ConfigMap a'],
    ],
    [
      'a volume that it uses as a block device',
      {
        pod: volumes({ persistentVolumeClaim: { claimName: 'a' } }),
        step: { volumeMounts: [], volumeDevices: [{ name: 'v0', devicePath: '/dev/v0' }] },
      },
      ['PersistentVolumeClaim a'],
    ],
    [
      'the objects that a secrets store does not create: ConfigMaps, claims, and the Secret of its provider',
      {
        pod: volumes(
          { csi: { driver: 'secrets-store.csi.k8s.io', nodePublishSecretRef: a } },
          { secret: { secretName: 'b' } },
          projected({ secret: { name: 'b' } }, { configMap: a }),
        ),
        step: env({ secretKeyRef: { name: 'b' } }),
      },
      ['Secret a', 'ConfigMap a'],
    ],
    [
      'a Secret with `optional: false`',
      {
        pod: volumes({ configMap: { ...a, optional: false } }),
        step: env({ secretKeyRef: { ...a, optional: false } }),
      },
      ['Secret a', 'ConfigMap a'],
    ],
    [
      'a Secret that is optional in one reference but not in another',
      { step: { ...env({ secretKeyRef: maybe }, { secretKeyRef: a }, { secretKeyRef: maybe }) } },
      ['Secret a'],
    ],
    [
      'an object once, for any number of references',
      { pod: volumes({ configMap: a }, projected({ configMap: a })), step: { envFrom: [{ configMapRef: a }] } },
      ['ConfigMap a'],
    ],
    [
      'a Secret and a ConfigMap of the same name',
      { step: { envFrom: [{ configMapRef: a }, { secretRef: a }] } },
      ['Secret a', 'ConfigMap a'],
    ],
  ])('%s', (_says, written, expected) => {
    expect(needs(written)).toEqual(expected);
  });

  it('the names of each kind, in the order in which the kubelet reads them', () => {
    const all = (name: string): object => ({
      envFrom: [{ configMapRef: { name: `${name}-all` } }, { secretRef: { name: `${name}-all` } }],
      ...env({ configMapKeyRef: { name: `${name}-one` } }, { secretKeyRef: { name: `${name}-one` } }),
    });
    const pod = {
      initContainers: [all('init1'), all('init2')],
      imagePullSecrets: [{ name: 'pull1' }],
      ...volumes(
        { persistentVolumeClaim: { claimName: 'claim1' } },
        { configMap: { name: 'volume1' } },
        projected({ configMap: { name: 'volume2' } }, { secret: { name: 'volume2' } }),
        { secret: { secretName: 'volume3' } },
        { persistentVolumeClaim: { claimName: 'claim2' } },
      ),
    };
    const containers = ['init1-all', 'init1-one', 'init2-all', 'init2-one', 'step-all', 'step-one'];
    expect(needs({ pod, step: all('step') })).toEqual([
      ...['volume2', 'volume3', ...containers].map((name) => `Secret ${name}`),
      ...['volume1', 'volume2', ...containers].map((name) => `ConfigMap ${name}`),
      ...['claim1', 'claim2'].map((name) => `PersistentVolumeClaim ${name}`),
    ]);
  });
});

describe('an object that an init container of the Pod may create', () => {
  const marked = (written: Written): readonly string[] =>
    dependenciesOf(object(written), 1).map(({ name, mayBeCreated }) => `${name}${mayBeCreated === true ? '?' : ''}`);
  const uses = (...names: readonly string[]): object => env(...names.map((name) => ({ secretKeyRef: { name } })));

  it.each<readonly [string, Written, readonly string[]]>([
    ['none, if there is no init container', { step: uses('a') }, ['a']],
    ['the Secret of the step', { pod: { initContainers: [{}] }, step: uses('a') }, ['a?']],
    [
      'the Secret of the step, behind its own init container',
      { step: { ...uses('a'), pod: { initContainers: [{}] } } },
      ['a?'],
    ],
    [
      'the Secret of an init container of the step, behind those of the template',
      { pod: { initContainers: [{}] }, step: { pod: { initContainers: [uses('a')] } } },
      ['a?'],
    ],
    ['the Secret of a later init container', { pod: { initContainers: [uses('a'), uses('b')] } }, ['a', 'b?']],
    [
      'not the Secret of the init container itself',
      { pod: { initContainers: [uses('a')] }, step: uses('a', 'b') },
      ['a', 'b?'],
    ],
    [
      'not a mounted Secret: the kubelet mounts volumes before it starts a container',
      { pod: { ...volumes({ secret: { secretName: 'a' } }), initContainers: [{}] }, step: uses('a') },
      ['a'],
    ],
  ])('%s', (_says, written, expected) => {
    const withMounts = { ...written, step: { volumeMounts: [{ name: 'v0' }], ...(written.step as object) } };
    expect(marked(withMounts)).toEqual(expected);
  });
});

describe('a step does not need', () => {
  it.each<readonly [string, Written]>([
    ['any object, if it references none', {}],
    ['the image pull Secret: the kubelet tries to pull without it', { pod: { imagePullSecrets: [a] } }],
    [
      'a volume that only another step mounts',
      {
        pod: volumes({ secret: { secretName: 'a' } }, { persistentVolumeClaim: { claimName: 'a' } }),
        step: { volumeMounts: [] },
        other: { volumeMounts: [{ name: 'v0' }, { name: 'v1' }] },
      },
    ],
    [
      'a Secret that a secrets store may create',
      {
        pod: volumes({ csi: { driver: 'secrets-store.csi.k8s.io' } }, { secret: { secretName: 'a' } }),
        step: { ...env({ secretKeyRef: a }), envFrom: [{ secretRef: a }] },
      },
    ],
    ['an object that another step references', { other: { envFrom: [{ secretRef: a }] } }],
    [
      'optional references of variables and volumes',
      {
        step: {
          ...env({ secretKeyRef: maybe }, { configMapKeyRef: maybe }),
          envFrom: [{ secretRef: maybe }, { configMapRef: maybe }],
        },
        pod: volumes(
          { secret: { secretName: 'a', optional: true } },
          { configMap: maybe },
          projected({ secret: maybe }, { configMap: maybe }),
        ),
      },
    ],
    [
      'optional references of an init container',
      { pod: { initContainers: [env({ secretKeyRef: maybe }), { envFrom: [{ configMapRef: maybe }] }] } },
    ],
    [
      'the claim of an ephemeral volume, which Kubernetes creates',
      { pod: volumes({ ephemeral: { volumeClaimTemplate: { metadata: a, spec: { claimName: 'a' } } } }) },
    ],
    [
      'the Secret of iSCSI without CHAP, which the kubelet does not read',
      { pod: volumes({ iscsi: { secretRef: a } }) },
    ],
    [
      'the Secret of Cinder, which the kubelet does not read',
      { pod: volumes({ cinder: { volumeID: 'x', secretRef: a } }) },
    ],
    [
      'fields, files and tokens',
      {
        pod: volumes(projected({ serviceAccountToken: { path: 'p' } }, { clusterTrustBundle: a }), { emptyDir: {} }),
        step: env({ fieldRef: { fieldPath: 'metadata.name' } }, { resourceFieldRef: { resource: 'limits.cpu' } }),
      },
    ],
    ["objects of the template's containers, which no Pod gets", { pod: { containers: [env({ secretKeyRef: a })] } }],
    [
      'references without a name',
      {
        pod: { imagePullSecrets: [{}, { name: '' }], ...volumes({ configMap: {} }, { secret: { secretName: '' } }) },
        step: {
          envFrom: [{ secretRef: {} }, { configMapRef: { name: null } }],
          ...env({ secretKeyRef: { key: 'k' } }),
        },
      },
    ],
  ])('%s', (_says, written) => {
    expect(needs(written)).toEqual([]);
  });

  it.each([2, -1, 0.5, Number.NaN])('any object, if there is no step %d', (index) => {
    expect(needs({ pod: { imagePullSecrets: [a] } }, index)).toEqual([]);
  });
});

describe('the list of objects to check', () => {
  const needing = (step: object): SequentialJob => sequentialJob({ spec: { steps: [container('load', step)] } });
  const secrets = (count: number, name = (i: number): string => `s-${i}`): SequentialJob =>
    needing({ envFrom: Array.from({ length: count }, (_, i) => ({ secretRef: { name: name(i) } })) });
  const same = (): string => 'same';

  it.each<readonly [string, SequentialJob, number]>([
    ['has the dependencies of the step, up to 50', secrets(50), 50],
    ['is empty if there are more', secrets(51), 0],
    ['has an object once that is referenced a thousand times', secrets(1000, same), 1],
    ['is empty if there are more references', secrets(1001, same), 0],
    ['is empty if there are no dependencies', secrets(0), 0],
  ])('%s', (_, object, count) => {
    expect(dependenciesToCheck(object, 0)).toHaveLength(count);
    expect(dependenciesToCheck(object, 1)).toEqual([]);
  });

  it('is not computed further once the limit is exceeded', () => {
    let read = 0;
    const envFrom = Array.from({ length: 45_000 }, (_, i) => ({
      get secretRef() {
        read++;
        return { name: `s-${i}` };
      },
    }));
    expect(dependenciesToCheck(needing({ envFrom }), 0)).toEqual([]);
    expect(read).toBeLessThan(1100);
  });
});

describe('for any spec', () => {
  const reference = fc.oneof(json, fc.constantFrom(a, maybe, { secretName: 'a' }, { claimName: 'a' }, null));
  const sources = (...names: readonly string[]): fc.Arbitrary<object> =>
    fc.record(Object.fromEntries(names.map((name) => [name, reference])), { requiredKeys: [] });
  const some = (item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof(json, fc.array(fc.oneof(json, item), { maxLength: 3 }));
  const step = fc.record({
    env: some(fc.record({ valueFrom: fc.oneof(json, sources('secretKeyRef', 'configMapKeyRef', 'fieldRef')) })),
    envFrom: some(sources('secretRef', 'configMapRef')),
  });
  const pod = fc.record({
    volumes: some(
      fc.oneof(
        sources('secret', 'configMap', 'persistentVolumeClaim', 'azureFile', 'projected', 'csi', 'rbd', 'iscsi'),
        fc.record({ projected: fc.record({ sources: some(sources('secret', 'configMap')) }) }),
        fc.record({ rbd: sources('secretRef'), csi: sources('nodePublishSecretRef') }),
      ),
    ),
    imagePullSecrets: some(reference),
    initContainers: some(step),
  });

  function check(written: SequentialJob): void {
    for (let index = -1; index <= 4; index++) {
      const found: readonly Dependency[] = dependenciesOf(deepFreeze(written), index);
      const keys = found.map(({ kind, name }) => `${kind}/${name}`);
      expect(new Set(keys).size).toBe(keys.length);
      expect(found.every(({ name }) => typeof name === 'string' && name !== '')).toBe(true);
    }
  }

  it('similar to a valid one: it never throws, and returns no object twice', () => {
    fc.assert(
      fc.property(pod, step, (pod, step) => check(object({ pod, step }))),
      { numRuns: 500 },
    );
  });

  it('of arbitrary JSON: it never throws, and returns no object twice', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          roughObject,
          json.map((spec) => ({ spec })),
        ),
        (written) => check(written as unknown as SequentialJob),
      ),
      { numRuns: 500 },
    );
  });
});
