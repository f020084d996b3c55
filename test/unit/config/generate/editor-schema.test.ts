/** The JSON Schema for editors: it accepts what the API accepts, and marks what the API would refuse or drop. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from '@jest/globals';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import { editorSchema } from '../../../../config/generate/editor-schema.ts';
import { RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import { compileSchema } from '../../../../shared/validation/ajv.ts';
import { coreCases, specOf } from '../../../support/core-cases.ts';
import { ROOT } from '../../../support/manifests.ts';
import '../../../support/properties.ts';
import { v1alpha1Object, v1beta1Object } from '../../../support/versions.ts';

const SCHEMA = editorSchema();
const SAMPLES = globSync('config/samples/*.yaml', { cwd: ROOT }).sort();

const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true, formats: { 'date-time': true } });
const validate = ajv.compile(SCHEMA);

const documentsOf = (path: string): readonly unknown[] =>
  parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => document.toJS() as unknown);

/** The object without the field of a later version with which conversion is tested: the CRD drops it, and an editor marks it. */
const withoutUnknown = (object: unknown): unknown =>
  JSON.parse(JSON.stringify(object), (key, value: unknown) => (key === 'ofTomorrow' ? undefined : value));

describe('a valid file has no errors', () => {
  it.each([...SAMPLES, 'test/fixtures/first-users.yaml'])('%s', (path) => {
    const documents = documentsOf(path);
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) expect([validate(document), validate.errors]).toEqual([true, null]);
  });

  test.each([
    ['v1beta1', v1beta1Object],
    ['v1alpha1', v1alpha1Object],
  ])('property: nor has any object of %s with which conversion is tested', (_version, objects) => {
    fc.assert(
      fc.property(objects, (object) => {
        validate(withoutUnknown(object));
        expect(validate.errors).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

const manifest = (lines: string): unknown =>
  parse(`{ apiVersion: batch.example.com/v1beta1, kind: SequentialJob, metadata: { name: etl }, ${lines} }`);

const V1ALPHA1 = 'batch.example.com/v1alpha1';

const schedule = (own: string, run: string): object =>
  parse(`{ apiVersion: batch.example.com/v1beta1, kind: CronSequentialJob, metadata: { name: nightly },
    spec: { schedule: '@daily', ${own}, sequentialJobTemplate: { spec: { ${run} } } } }`) as object;

describe('an editor marks', () => {
  it.each<readonly [string, unknown, string]>([
    ['a misspelled field of a step', manifest('spec: { steps: [{ name: a, imag: x }] }'), '/spec/steps/0'],
    [
      'a misspelled field of a core type',
      manifest('spec: { steps: [{ name: a, ports: [{ port: 1 }] }] }'),
      '/spec/steps/0/ports/0',
    ],
    ['a field of the other version', manifest('spec: { steps: [{ name: a }], stepPolicies: [] }'), '/spec'],
    ['a word where a number belongs', manifest('spec: { steps: [{ name: a }], resume: one }'), '/spec/resume'],
    [
      'a negative count',
      manifest('spec: { steps: [{ name: a }], job: { backoffLimit: -1 } }'),
      '/spec/job/backoffLimit',
    ],
    [
      'a value that is not one of the enumeration',
      manifest('spec: { steps: [{ name: a, onFailure: Retry }] }'),
      '/spec/steps/0/onFailure',
    ],
    ['a step without a name', manifest('spec: { steps: [{ image: a }] }'), '/spec/steps/0'],
    ['no steps', manifest('spec: { steps: [] }'), '/spec/steps'],
    ['no spec', manifest('status: {}'), ''],
    [
      'a quantity that is none',
      manifest('spec: { steps: [{ name: a, resources: { limits: { cpu: many } } }] }'),
      '/spec/steps/0/resources/limits/cpu',
    ],
    [
      'a container in the template',
      manifest('spec: { steps: [{ name: a }], template: { spec: { containers: [{ name: b }] } } }'),
      '/spec/template/spec/containers',
    ],
    [
      'a name that is too long',
      {
        ...parse('{ apiVersion: batch.example.com/v1beta1, kind: SequentialJob, spec: { steps: [{ name: a }] } }'),
        metadata: { name: 'a'.repeat(64) },
      },
      '/metadata/name',
    ],
    [
      'an API version that does not exist',
      parse('{ apiVersion: batch.example.com/v1, kind: SequentialJob, metadata: {}, spec: { steps: [{ name: a }] } }'),
      '/apiVersion',
    ],
    [
      'a misspelled kind',
      parse(
        '{ apiVersion: batch.example.com/v1beta1, kind: SequentialJobs, metadata: {}, spec: { steps: [{ name: a }] } }',
      ),
      '/kind',
    ],
    ['a misspelled field of a schedule', schedule('timezone: UTC', 'steps: [{ name: a }]'), '/spec'],
    [
      'a policy of a schedule that is none',
      schedule('concurrencyPolicy: Wait', 'steps: [{ name: a }]'),
      '/spec/concurrencyPolicy',
    ],
    [
      'a misspelled field of a step of a schedule',
      schedule('suspend: true', 'steps: [{ name: a, imag: x }]'),
      '/spec/sequentialJobTemplate/spec/steps/0',
    ],
    [
      'a schedule of v1alpha1',
      { ...schedule('suspend: true', 'steps: [{ name: a }]'), apiVersion: V1ALPHA1 },
      '/apiVersion',
    ],
    [
      'a schedule in another group',
      { ...schedule('suspend: true', 'steps: [{ name: a }]'), apiVersion: 'batch/v1' },
      '/apiVersion',
    ],
    [
      'the kind in another group',
      parse('{ apiVersion: batch/v1, kind: SequentialJob, metadata: {}, spec: { steps: [{ name: a }] } }'),
      '/apiVersion',
    ],
  ])('%s', (_sentence, object, path) => {
    expect(validate(object)).toBe(false);
    expect(validate.errors?.map(({ instancePath }) => instancePath)).toContain(path);
  });
});

it('judges every container and template as the schema of the CRD does, but for fields that it drops', () => {
  const crd = compileSchema(RESOURCE_SCHEMA);
  const verdicts = coreCases().map((one) => {
    const object = {
      apiVersion: 'batch.example.com/v1beta1',
      kind: 'SequentialJob',
      metadata: { name: 'a' },
      spec: specOf(one),
    };
    return { name: one.name, crd: crd.validate(object), editor: validate(object) };
  });
  expect(verdicts.filter(({ crd, editor }) => crd !== editor).map(({ name }) => name)).toEqual([
    'a field that nobody knows',
    'a field of the Pod that nobody knows',
    'a volume of an unknown source',
    'a secret by the name of the other field',
  ]);
  expect(verdicts.filter(({ editor }) => !editor).length).toBeGreaterThan(20);
  expect(verdicts.filter(({ editor }) => editor).length).toBeGreaterThan(200);
});

it('is plain JSON Schema: none of the keywords of Kubernetes', () => {
  expect(JSON.stringify(SCHEMA)).not.toMatch(/"x-kubernetes|"nullable"|"format":"int/);
});

it('describes the fields of the core types and our own', () => {
  const definitions = SCHEMA['definitions'] as Readonly<Record<string, { readonly properties?: object }>>;
  const texts = JSON.stringify(definitions['v1beta1']?.properties);
  for (const words of ['How often a failed Pod is retried', 'Image pull policy. One of Always', 'Entrypoint array.']) {
    expect(texts).toContain(words);
  }
  expect(JSON.stringify(definitions['V1PodSpec'])).toContain('List of volumes that can be mounted');
});
