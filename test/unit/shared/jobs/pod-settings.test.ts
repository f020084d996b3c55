import { describe, expect, it, test } from '@jest/globals';
import type { V1PodTemplateSpec } from '@kubernetes/client-node';
import * as fc from 'fast-check';
import { POD_FIELD } from '../../../../config/generate/spec-fields.ts';
import type { StepPod } from '../../../../shared/api/types.ts';
import { mergeMaps, mergePod, mergeRule } from '../../../../shared/jobs/pod-settings.ts';
import type { Untrusted } from '../../../../shared/json/untrusted.ts';
import { json } from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import '../../../support/properties.ts';

type Json = Readonly<Record<string, unknown>>;
type Template = Untrusted<V1PodTemplateSpec>;

const merge = (template: unknown, pod: unknown): Template =>
  mergePod(deepFreeze(template) as Template, deepFreeze(pod) as Untrusted<StepPod>);
const mergedSpec = (spec: Json, pod: Json): unknown => merge({ spec }, pod).spec;

const gpu = { operator: 'Exists', key: 'gpu' };
const spot = { operator: 'Exists', key: 'spot' };
const zone = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };

describe('the Pod of a step', () => {
  it.each<readonly [string, Json, Json, Json]>([
    [
      'has the service account of the step',
      { serviceAccountName: 'all' },
      { serviceAccountName: 'own' },
      { serviceAccountName: 'own' },
    ],
    [
      'without the deprecated name of the service account that all steps have',
      { serviceAccount: 'all', serviceAccountName: 'all' },
      { serviceAccountName: 'own' },
      { serviceAccountName: 'own' },
    ],
    [
      'keeps what is not about the service account',
      { automountServiceAccountToken: true, imagePullSecrets: [{ name: 'a' }] },
      { serviceAccountName: 'own', automountServiceAccountToken: false },
      { serviceAccountName: 'own', automountServiceAccountToken: false, imagePullSecrets: [{ name: 'a' }] },
    ],
    [
      'has the priority class of the step, and not the priority of another one',
      { priorityClassName: 'low', priority: 1, preemptionPolicy: 'Never' },
      { priorityClassName: 'high' },
      { priorityClassName: 'high' },
    ],
    [
      'has the runtime class of the step, and not the overhead of another one',
      { runtimeClassName: 'kata', overhead: { cpu: '1' } },
      { runtimeClassName: 'gvisor' },
      { runtimeClassName: 'gvisor' },
    ],
    [
      'keeps the priority and the overhead where the step has other settings',
      { priority: 1, overhead: { cpu: '1' }, serviceAccount: 'all' },
      { restartPolicy: 'OnFailure' },
      { priority: 1, overhead: { cpu: '1' }, serviceAccount: 'all', restartPolicy: 'OnFailure' },
    ],
    [
      'has a grace period of 0',
      { terminationGracePeriodSeconds: 30 },
      { terminationGracePeriodSeconds: 0 },
      { terminationGracePeriodSeconds: 0 },
    ],
    [
      'has the affinity of the step as a whole',
      { affinity: zone },
      { affinity: { podAffinity: {} } },
      { affinity: { podAffinity: {} } },
    ],
    [
      'has the security context of the step as a whole',
      { securityContext: { runAsUser: 1, fsGroup: 2 } },
      { securityContext: { runAsUser: 3 } },
      { securityContext: { runAsUser: 3 } },
    ],
    [
      'has an empty affinity and security context, which remove those of the template',
      { affinity: zone, securityContext: { runAsUser: 1 } },
      { affinity: {}, securityContext: {} },
      { affinity: {}, securityContext: {} },
    ],
    [
      'has the node selectors of both, and that of the step where the keys are the same',
      { nodeSelector: { disk: 'ssd', zone: 'a' } },
      { nodeSelector: { zone: 'b', gpu: 'true' } },
      { nodeSelector: { disk: 'ssd', zone: 'b', gpu: 'true' } },
    ],
    [
      'has the tolerations of the template, and then those of the step',
      { tolerations: [spot] },
      { tolerations: [gpu, spot] },
      { tolerations: [spot, gpu, spot] },
    ],
    [
      'has the resource claims of both',
      { resourceClaims: [{ name: 'a' }] },
      { resourceClaims: [{ name: 'b' }] },
      { resourceClaims: [{ name: 'a' }, { name: 'b' }] },
    ],
    [
      'has the init containers of the template, and then those of the step',
      { initContainers: [{ name: 'a' }] },
      { initContainers: [{ name: 'b', restartPolicy: 'Always' }, { name: 'c' }] },
      { initContainers: [{ name: 'a' }, { name: 'b', restartPolicy: 'Always' }, { name: 'c' }] },
    ],
    [
      'has lists and maps that only the step has',
      { tolerations: null },
      { tolerations: [gpu], nodeSelector: { a: 'b' } },
      { tolerations: [gpu], nodeSelector: { a: 'b' } },
    ],
    [
      'has a key of a map that is a prototype elsewhere',
      {},
      JSON.parse('{"nodeSelector":{"__proto__":"a"}}') as Json,
      JSON.parse('{"nodeSelector":{"__proto__":"a"}}') as Json,
    ],
    [
      'has no field that a step cannot set',
      { hostNetwork: false },
      { hostNetwork: true, nodeSelector: { a: 'b' } },
      { hostNetwork: false, nodeSelector: { a: 'b' } },
    ],
  ])('%s', (_says, spec, pod, expected) => expect(mergedSpec(spec, pod)).toEqual(expected));

  it('has the labels and annotations of both, and those of the step where the keys are the same', () => {
    const template = { metadata: { name: 'x', labels: { a: '1', b: '1' } }, spec: { hostNetwork: true } };
    const pod = { metadata: { labels: { b: '2' }, annotations: { note: 'c' } } };
    expect(merge(template, pod)).toEqual({
      metadata: { name: 'x', labels: { a: '1', b: '2' }, annotations: { note: 'c' } },
      spec: { hostNetwork: true },
    });
  });

  it('is that of the step if there is no template', () => {
    expect(merge({}, { serviceAccountName: 'own' })).toEqual({ spec: { serviceAccountName: 'own' } });
    expect(merge({ metadata: null, spec: null }, { metadata: { labels: { a: 'b' } } })).toEqual({
      metadata: { labels: { a: 'b' } },
      spec: null,
    });
  });

  const NOTHING: Json = {
    metadata: { labels: null, annotations: {} },
    serviceAccountName: '',
    priorityClassName: '',
    runtimeClassName: null,
    restartPolicy: '',
    automountServiceAccountToken: null,
    terminationGracePeriodSeconds: null,
    affinity: null,
    securityContext: null,
    nodeSelector: {},
    tolerations: [],
    resourceClaims: null,
    initContainers: [],
  };

  it('property: is that of the template if the step sets nothing, in whichever way a client writes that', () => {
    const unset = fc.oneof(
      fc.constantFrom(undefined, null),
      fc.subarray(Object.entries(NOTHING)).map(Object.fromEntries),
    );
    fc.assert(
      fc.property(fc.record({ metadata: json, spec: json }), unset, (template, pod) => {
        expect(merge(template, pod)).toBe(template);
      }),
    );
  });

  it('property: is built from any value, and changes none', () => {
    const pods = fc.record(Object.fromEntries(Object.keys(NOTHING).map((name) => [name, json])), { requiredKeys: [] });
    fc.assert(
      fc.property(fc.record({ metadata: json, spec: fc.oneof(json, pods) }), pods, (template, pod) => {
        const { spec } = merge(template, pod);
        for (const name of ['restartPolicy', 'affinity']) {
          const own = pod[name];
          if (own !== undefined && own !== null && own !== '') expect(spec).toHaveProperty(name, own);
        }
      }),
    );
  });
});

test('every field of the schema has a rule, and no other', () => {
  const names = Object.keys(POD_FIELD.properties ?? {}).filter((name) => name !== 'metadata');
  expect(names).toHaveLength(12);
  for (const name of names) expect([name, mergeRule(name)]).toEqual([name, expect.any(String)]);
  for (const name of ['metadata', 'volumes', 'constructor']) expect(mergeRule(name)).toBeUndefined();
});

test('mergeMaps returns the first maps themselves if the second ones are empty', () => {
  const all = { labels: { a: '1' } };
  expect(mergeMaps(all, { labels: {}, annotations: null })).toBe(all);
  expect(mergeMaps(all, { labels: { b: '2' } })).toEqual({ labels: { a: '1', b: '2' } });
});
