/** The rules in CEL as a document; what a server makes of them is in test/integration/core-schema-rules.test.ts. */
import { expect, test } from '@jest/globals';
import { CRD, CRD_WITH_RULES } from '../../../../config/generate/crd.ts';
import { VALIDATION_RULES } from '../../../../config/generate/validations.ts';
import { RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import { nodesOf } from './structural.ts';

const RULES = VALIDATION_RULES.map(({ rule, message }) => [message, rule] as const);

test('the CRD with rules differs from the other CRD only in the rules at its root', () => {
  const { 'x-kubernetes-validations': rules, ...schema } =
    CRD_WITH_RULES.spec.versions[0]?.schema.openAPIV3Schema ?? {};
  expect(rules).toEqual(VALIDATION_RULES);
  expect(schema).toEqual(RESOURCE_SCHEMA);
  expect(JSON.stringify(CRD)).not.toContain('x-kubernetes-validations');
});

test.each(RULES)('"%s" is a transition rule: the API server evaluates it on updates only', (_message, rule) => {
  expect(rule).toContain('oldSelf.');
});

test.each(RULES)('"%s" passes before the start', (_message, rule) =>
  expect(rule).toMatch(/^!has\(oldSelf\.status\) \|\| !has\(oldSelf\.status\.startTime\) \|\| /),
);

test.each(RULES)('"%s" uses only fields of the schema', (_message, rule) => {
  const declared = new Set(nodesOf(RESOURCE_SCHEMA).map(({ path }) => path));
  const read = [...rule.matchAll(/\b(?:self|oldSelf)((?:\.[a-z]\w*)+)/g)].map(([, path = '']) =>
    path.replace(/\.map$/, ''),
  );
  expect(read.filter((path) => !declared.has(path))).toEqual([]);
});

test('a rule uses only features of 1.25, and its message is one line that starts with a path', () => {
  expect([...new Set(VALIDATION_RULES.flatMap(Object.keys))]).toEqual(['rule', 'message']);
  expect(VALIDATION_RULES.map(({ message }) => message)).toEqual(
    VALIDATION_RULES.map(() => expect.stringMatching(/^spec\.[\w.]+: .{1,200}$/)),
  );
});

test('lists that a rule iterates over have a maximum length: without it the CEL cost would exceed the budget', () => {
  const limits = new Map(nodesOf(RESOURCE_SCHEMA).map(({ path, schema }) => [path, schema.maxItems]));
  expect([limits.get('.spec.containers'), limits.get('.spec.stepPolicies'), limits.get('.status.steps')]).toEqual([
    1000, 1000, 1000,
  ]);
});

test('with the rules the CRD still fits into the annotation of client-side apply', () => {
  expect(JSON.stringify(CRD_WITH_RULES).length).toBeLessThan(128 * 1024);
});
