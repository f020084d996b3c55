import { expect, test } from '@jest/globals';
import { CRD, toYaml } from '../../../../config/generate/crd.ts';
import { coreSchema } from '../../../../config/generate/core-schema.ts';
import { propertiesOf } from '../../../../config/generate/core-models.ts';
import * as overrides from '../../../../config/generate/overrides.ts';
import { RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import type { Schema } from '../../../../shared/api/schema.ts';
import { parse } from 'yaml';
import { complaintsOf, nodesOf } from './structural.ts';

const NODES = nodesOf(RESOURCE_SCHEMA);
const SPEC = RESOURCE_SCHEMA.properties?.['spec']?.properties ?? {};
const STEP = SPEC['containers']?.items?.properties ?? {};
const TEMPLATE = SPEC['template']?.properties ?? {};
const POD = TEMPLATE['spec']?.properties ?? {};

const at = (path: string): Schema | undefined => NODES.find((node) => node.path === path)?.schema;

test('the schema is structural', () => {
  expect(complaintsOf(RESOURCE_SCHEMA)).toEqual([]);
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

test('every object has properties, except for the items of lists that must be empty', () => {
  const open = NODES.filter(
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
  ['V1Container', STEP],
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
  ['V1PodFailurePolicyRule', at('.spec.stepPolicies[].podFailurePolicy.rules[]')?.properties ?? {}],
])('every property of %s is in the schema', (model, properties) => {
  expect(Object.keys(properties)).toEqual(propertiesOf(model).map(({ name }) => name));
});

test.each<readonly [string, string, object]>([
  ['a quantity is int-or-string', '.spec.containers[].resources.limits{}', { 'x-kubernetes-int-or-string': true }],
  [
    'a port of a probe is int-or-string',
    '.spec.containers[].livenessProbe.httpGet.port',
    { 'x-kubernetes-int-or-string': true },
  ],
  ['a size limit is a quantity', '.spec.template.spec.volumes[].emptyDir.sizeLimit', { pattern: expect.any(String) }],
  ['an int32 has its limits', '.spec.containers[].ports[].containerPort', { maximum: 2 ** 31 - 1 }],
  ['an int64 has no limits', '.spec.template.spec.terminationGracePeriodSeconds', { type: 'integer', format: 'int64' }],
  ['a timestamp is nullable', '.spec.template.metadata.creationTimestamp', { format: 'date-time', nullable: true }],
  ['the template has no containers', '.spec.template.spec.containers', { maxItems: 0, nullable: true }],
  [
    'the list of steps is a map with the key name',
    '.spec.containers',
    { minItems: 1, maxItems: 1000, 'x-kubernetes-list-map-keys': ['name'] },
  ],
  ['duplicate environment variables are valid', '.spec.containers[].env', { type: 'array' }],
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
  ['a protocol has a default', '.spec.containers[].ports[].protocol', { default: 'TCP' }],
  ['the name is valid as a label value', '.metadata.name', { maxLength: 63 }],
])('%s', (_sentence, path, expected) => expect(at(path)).toMatchObject(expected));

test('our own fields have descriptions, the core types do not', () => {
  const described = NODES.filter(({ schema }) => schema.description !== undefined).map(({ path }) => path);
  const own = NODES.map(({ path }) => path).filter((path) =>
    /^\.(?:spec|status)(?:\.\w+)?$|^\.spec\.stepPolicies\[\]\.\w+$|^\.status\.\w+(?:\[\])?\.\w+$/.test(path),
  );
  expect(own.filter((path) => !described.includes(path))).toEqual([]);
  expect(described.filter((path) => /^\.spec\.(?:containers\[\]|template\.)/.test(path))).toEqual([]);
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
