/** The schema, the columns and the rule of the CRD of CronSequentialJob. */
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { SCHEDULE_CRD, SCHEDULE_CRD_WITH_RULES, toYaml } from '../../../../config/generate/crd.ts';
import { SCHEDULE_RESOURCE_SCHEMA } from '../../../../config/generate/schedule-schema.ts';
import { V1BETA1_SPEC_SCHEMA } from '../../../../config/generate/v1beta1-spec.ts';
import { SCHEDULE_VALIDATION_RULES } from '../../../../config/generate/validations.ts';
import { withScheduleDefaults } from '../../../../shared/api/schedule-defaults.ts';
import { SCHEDULE_DEFAULTS } from '../../../../shared/api/schedule.ts';
import type { Schema } from '../../../../shared/api/schema.ts';
import { SCHEDULE_SCHEMA } from '../../../../shared/validation/schema.ts';
import { evaluate } from '../../../support/cel.ts';
import { complaintsOf, nodesOf } from './structural.ts';

const NODES = nodesOf(SCHEDULE_RESOURCE_SCHEMA);
const TEMPLATE = '.spec.sequentialJobTemplate.spec';
const at = (path: string): Schema | undefined => NODES.find((node) => node.path === path)?.schema;

test('the schema is structural', () => expect(complaintsOf(SCHEDULE_RESOURCE_SCHEMA)).toEqual([]));

test('the API server tracks the status as one field', () =>
  expect(at('.status')).toMatchObject({ 'x-kubernetes-map-type': 'atomic' }));

test('the program puts the same schema together', () => {
  expect(SCHEDULE_SCHEMA).toEqual(JSON.parse(JSON.stringify(SCHEDULE_RESOURCE_SCHEMA)));
});

test('the template has every field of a SequentialJob, with the same schema but for the defaults', () => {
  const withoutDefaults = (root: Schema | undefined): unknown =>
    JSON.parse(JSON.stringify(root, (key, value: unknown) => (key === 'default' ? undefined : value)));
  expect(withoutDefaults(at(TEMPLATE))).toEqual(withoutDefaults(V1BETA1_SPEC_SCHEMA));
});

test('the template has no defaults but those of the keys of list maps, so that it stays as it was written', () => {
  const defaults = NODES.filter(({ path, schema }) => path.startsWith(TEMPLATE) && schema.default !== undefined);
  expect(defaults.length).toBeGreaterThan(0);
  expect(defaults.filter(({ path }) => !path.endsWith('.ports[].protocol'))).toEqual([]);
});

test('the fields of the schedule have the defaults of a CronJob', () => {
  const defaults = NODES.filter(({ path, schema }) => /^\.spec\.\w+$/.test(path) && schema.default !== undefined);
  expect(Object.fromEntries(defaults.map(({ path, schema }) => [path.slice(6), schema.default]))).toEqual(
    SCHEDULE_DEFAULTS,
  );
  const own = { schedule: '@daily', sequentialJobTemplate: { spec: { steps: [] } } };
  expect(withScheduleDefaults(own)).toEqual({ ...SCHEDULE_DEFAULTS, ...own });
  const given = { ...own, concurrencyPolicy: 'Forbid', suspend: true, failedJobsHistoryLimit: 0 } as const;
  expect(withScheduleDefaults(given)).toEqual({ ...SCHEDULE_DEFAULTS, ...given });
  const complete = withScheduleDefaults(own);
  expect(withScheduleDefaults(complete)).toBe(complete);
});

test('there is one version, and nothing to convert', () => {
  expect(SCHEDULE_CRD.spec.versions.map(({ name, served, storage }) => [name, served, storage])).toEqual([
    ['v1beta1', true, true],
  ]);
  expect(SCHEDULE_CRD.spec).not.toHaveProperty('conversion');
});

test('every column shows a field of the schema, with its type', () => {
  const columns = SCHEDULE_CRD.spec.versions.flatMap((one) => one.additionalPrinterColumns);
  const typeOf = (path: string): string | undefined => {
    if (path === '.metadata.creationTimestamp') return 'date';
    const { type, format } = at(path.replace(/\[\?.*\]/, '[]')) ?? {};
    return format === 'date-time' ? 'date' : type;
  };
  for (const { name, type, jsonPath } of columns) {
    // A time to come would be shown as one that has passed.
    const shown = name === 'Next' ? 'date' : type;
    expect([name, shown]).toEqual([name, typeOf(jsonPath)]);
  }
});

test('with the rules the CRD fits into the annotation of client-side apply', () => {
  expect(JSON.stringify(SCHEDULE_CRD_WITH_RULES).length).toBeLessThan(262_144);
});

test('the CRD with rules differs only in the rules at the root of its schema', () => {
  const [version] = SCHEDULE_CRD_WITH_RULES.spec.versions;
  const { 'x-kubernetes-validations': rules, ...schema } = version?.schema.openAPIV3Schema ?? {};
  expect(rules).toEqual(SCHEDULE_VALIDATION_RULES);
  expect(schema).toEqual(SCHEDULE_RESOURCE_SCHEMA);
  expect(JSON.stringify(SCHEDULE_CRD)).not.toContain('x-kubernetes-validations');
  expect(parse(toYaml(SCHEDULE_CRD))).toEqual(JSON.parse(JSON.stringify(SCHEDULE_CRD)));
});

test.each([
  ['30 2 * * *', []],
  ['@every 90m', []],
  ['TZ=UTC 30 2 * * *', ['spec.schedule']],
  ['CRON_TZ=Europe/Berlin @daily', ['spec.schedule']],
])('the rules about the schedule %j: %j', (schedule, fields) => {
  const refused = SCHEDULE_VALIDATION_RULES.filter(
    ({ rule }) => evaluate(rule, { self: { spec: { schedule } } }) !== true,
  );
  expect(refused.map(({ message }) => message.split(': ')[0])).toEqual(fields);
});

test('a rule is no transition rule, and its message is one line that starts with a path', () => {
  for (const { rule, message } of SCHEDULE_VALIDATION_RULES) {
    expect(rule).not.toContain('oldSelf');
    expect(message).toMatch(/^spec\.[\w.]+: .{1,200}$/);
  }
});
