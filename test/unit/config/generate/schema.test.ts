import { expect, test } from '@jest/globals';
import { CRD, toYaml } from '../../../../config/generate/crd.ts';
import { coreSchema } from '../../../../config/generate/core-schema.ts';
import { propertiesOf } from '../../../../config/generate/core-models.ts';
import * as overrides from '../../../../config/generate/overrides.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import type { Schema } from '../../../../shared/api/schema.ts';
import { parse } from 'yaml';
import { complaintsOf, nodesOf } from './structural.ts';

const NODES = nodesOf(RESOURCE_SCHEMA);
const SPEC = RESOURCE_SCHEMA.properties?.['spec']?.properties ?? {};
const STEP = SPEC['steps']?.items?.properties ?? {};
const TEMPLATE = SPEC['template']?.properties ?? {};
const POD = TEMPLATE['spec']?.properties ?? {};

const at = (path: string): Schema | undefined => NODES.find((node) => node.path === path)?.schema;

const VERSIONS = [
  ['v1beta1', RESOURCE_SCHEMA],
  ['v1alpha1', V1ALPHA1_RESOURCE_SCHEMA],
] as const;

test.each(VERSIONS)('the schema of %s is structural', (_version, schema) => expect(complaintsOf(schema)).toEqual([]));

test('the CRD has both versions, and stores v1beta1', () => {
  const versions = CRD.spec.versions.map(({ name, served, storage, schema }) => [name, served, storage, schema]);
  expect(versions).toEqual([
    ['v1beta1', true, true, { openAPIV3Schema: RESOURCE_SCHEMA }],
    ['v1alpha1', true, false, { openAPIV3Schema: V1ALPHA1_RESOURCE_SCHEMA }],
  ]);
});

test.each<readonly [string, Schema]>([
  ['either a type or int-or-string', { properties: {} }],
  ['items on arrays, and only there', { type: 'array' }],
  ['a default or nullable: null would stay', { type: 'string', default: '', nullable: true }],
  ['the default is one of the enum', { type: 'string', enum: ['a'], default: 'b' }],
  ['required properties are declared', { type: 'object', properties: {}, required: ['a'] }],
])('the check for "%s" works', (complaint, schema) => {
  expect(complaintsOf(schema)).toContain(`: ${complaint}`);
});

test('it preserves no unknown fields, has no references, and uses CEL only if the server may know it', () => {
  expect(JSON.stringify(CRD)).not.toMatch(
    /x-kubernetes-preserve-unknown-fields|\$ref|x-kubernetes-validations|embedded/,
  );
});

test.each(VERSIONS)('%s: every object has properties, except for the items of lists that must be empty', (_, root) => {
  const open = nodesOf(root).filter(
    ({ schema }) =>
      schema.type === 'object' && schema.properties === undefined && schema.additionalProperties === undefined,
  );
  expect(open.map(({ path }) => path)).toEqual([
    '.spec.template.spec.containers[]',
    '.spec.template.spec.ephemeralContainers[]',
  ]);
});

test('the YAML is equivalent to the object, without anchors', () => {
  const text = toYaml(CRD);
  expect(parse(text)).toEqual(JSON.parse(JSON.stringify(CRD)));
  expect(text).not.toMatch(/[:\-[,] [&*]\w/);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(200);
});

test.each([
  ['V1Container', V1ALPHA1_RESOURCE_SCHEMA.properties?.['spec']?.properties?.['containers']?.items?.properties ?? {}],
  ['V1Container', POD['initContainers']?.items?.properties ?? {}],
  ['V1PodTemplateSpec', TEMPLATE],
  ['V1PodSpec', POD],
  ['V1Volume', POD['volumes']?.items?.properties ?? {}],
  ['V1Probe', STEP['livenessProbe']?.properties ?? {}],
  ['V1SecurityContext', STEP['securityContext']?.properties ?? {}],
  ['V1PodSecurityContext', POD['securityContext']?.properties ?? {}],
  [
    'V1PersistentVolumeClaimSpec',
    at('.spec.template.spec.volumes[].ephemeral.volumeClaimTemplate.spec')?.properties ?? {},
  ],
  ['V1PodFailurePolicyRule', at('.spec.steps[].job.podFailurePolicy.rules[]')?.properties ?? {}],
])('every property of %s is in the schema', (model, properties) => {
  expect(Object.keys(properties)).toEqual(propertiesOf(model).map(({ name }) => name));
});

test.each<readonly [string, string, object]>([
  ['a quantity is int-or-string', '.spec.steps[].resources.limits{}', { 'x-kubernetes-int-or-string': true }],
  [
    'a port of a probe is int-or-string',
    '.spec.steps[].livenessProbe.httpGet.port',
    { 'x-kubernetes-int-or-string': true },
  ],
  ['a size limit is a quantity', '.spec.template.spec.volumes[].emptyDir.sizeLimit', { pattern: expect.any(String) }],
  ['an int32 has its limits', '.spec.steps[].ports[].containerPort', { maximum: 2 ** 31 - 1 }],
  ['an int64 has no limits', '.spec.template.spec.terminationGracePeriodSeconds', { type: 'integer', format: 'int64' }],
  ['a timestamp is nullable', '.spec.template.metadata.creationTimestamp', { format: 'date-time', nullable: true }],
  ['the template has no containers', '.spec.template.spec.containers', { maxItems: 0, nullable: true }],
  [
    'the list of steps is a map with the key name',
    '.spec.steps',
    { minItems: 1, maxItems: 1000, 'x-kubernetes-list-map-keys': ['name'] },
  ],
  ['duplicate environment variables are valid', '.spec.steps[].env', { type: 'array' }],
  [
    'labels of the template are not pruned',
    '.spec.template.metadata.labels',
    { additionalProperties: { type: 'string' } },
  ],
  [
    'labels of a claim are not pruned',
    '.spec.template.spec.volumes[].ephemeral.volumeClaimTemplate.metadata.labels',
    { type: 'object' },
  ],
  ['a protocol has a default', '.spec.steps[].ports[].protocol', { default: 'TCP' }],
  ['the name is valid as a label value', '.metadata.name', { maxLength: 63 }],
])('%s', (_sentence, path, expected) => expect(at(path)).toMatchObject(expected));

test.each(VERSIONS)(
  '%s: the API server tracks the status as one field, not each field of each step',
  (_version, root) => {
    expect(nodesOf(root).find(({ path }) => path === '.status')?.schema).toMatchObject({
      'x-kubernetes-map-type': 'atomic',
    });
  },
);

const SETTING = /^\.spec\.(?:steps|finally)\[\]\.(?:job|pod|onFailure|when)(?:\.|$)/;

test.each(VERSIONS)('%s: our own fields have descriptions, the core types do not', (_version, root) => {
  const nodes = nodesOf(root);
  const described = nodes.filter(({ schema }) => schema.description !== undefined).map(({ path }) => path);
  const own = nodes
    .map(({ path }) => path)
    .filter((path) =>
      /^\.(?:spec|status)(?:\.\w+)?$|^\.spec\.stepPolicies\[\]\.\w+$|^\.spec\.(?:steps\[\]\.|finally\[\]\.)?(?:job(?:\.\w+)?|pod|onFailure|when)$|^\.status\.\w+(?:\[\])?\.\w+$/.test(
        path,
      ),
    );
  expect(own.filter((path) => !described.includes(path))).toEqual([]);
  const core = described.filter((path) => /^\.spec\.(?:(?:steps|containers|finally)\[\]|template\.)/.test(path));
  expect(core.filter((path) => !SETTING.test(path))).toEqual([]);
});

test('every override refers to an existing property', () => {
  const keys = [
    ...overrides.QUANTITIES,
    ...overrides.NULLABLE,
    ...overrides.OMITTED,
    ...overrides.OPTIONAL,
    ...Object.keys(overrides.LIST_MAPS),
    ...Object.keys(overrides.REPLACED),
  ];
  const unknown = keys.filter((key) => {
    const [model = '', property = ''] = key.split('.');
    return !propertiesOf(model).some(({ name }) => name === property);
  });
  expect(unknown).toEqual([]);
  expect([...overrides.ATOMIC].map((model) => coreSchema(model).type)).toEqual(
    Array(overrides.ATOMIC.size).fill('object'),
  );
});
