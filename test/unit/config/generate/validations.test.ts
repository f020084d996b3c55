/** The rules in CEL as a document; executed-rules.test.ts executes them. */
import { expect, test } from '@jest/globals';
import { CRD, CRD_WITH_RULES } from '../../../../config/generate/crd.ts';
import {
  V1ALPHA1_VALIDATION_RULES,
  VALIDATION_RULES,
  type ValidationRule,
} from '../../../../config/generate/validations.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import type { Schema } from '../../../../shared/api/schema.ts';
import { nodesOf } from './structural.ts';

const VERSIONS: readonly (readonly [version: string, rules: readonly ValidationRule[], schema: Schema])[] = [
  ['v1beta1', VALIDATION_RULES, RESOURCE_SCHEMA],
  ['v1alpha1', V1ALPHA1_VALIDATION_RULES, V1ALPHA1_RESOURCE_SCHEMA],
];

const RULES = VERSIONS.flatMap(([version, rules, schema]) =>
  rules.map(({ rule, message }) => [version, message, rule, schema] as const),
);

test.each(VERSIONS)(
  '%s: the CRD with rules differs from the other CRD only in the rules at its root',
  (name, own, root) => {
    const { 'x-kubernetes-validations': rules, ...schema } =
      CRD_WITH_RULES.spec.versions.find((one) => one.name === name)?.schema.openAPIV3Schema ?? {};
    expect(rules).toEqual(own);
    expect(schema).toEqual(root);
    expect(JSON.stringify(CRD)).not.toContain('x-kubernetes-validations');
  },
);

test.each(RULES)('%s: "%s" is a transition rule: the API server evaluates it on updates only', (_, _message, rule) => {
  expect(rule).toContain('oldSelf.');
});

test.each(RULES)('%s: "%s" passes before the start', (_, _message, rule) =>
  expect(rule).toMatch(/^!has\(oldSelf\.status\) \|\| !has\(oldSelf\.status\.startTime\) \|\| /),
);

test.each(RULES)('%s: "%s" uses only fields of the schema', (_, _message, rule, schema) => {
  const declared = new Set(nodesOf(schema).map(({ path }) => path));
  const read = [...rule.matchAll(/\b(?:self|oldSelf)((?:\.[a-z]\w*)+)/g)].map(([, path = '']) =>
    path.replace(/\.(?:map|filter)$/, ''),
  );
  expect(read.filter((path) => !declared.has(path))).toEqual([]);
});

test.each(VERSIONS)(
  '%s: a rule uses only features of 1.25, and its message is one line that starts with a path',
  (_, rules) => {
    expect([...new Set(rules.flatMap(Object.keys))]).toEqual(['rule', 'message']);
    expect(rules.map(({ message }) => message)).toEqual(
      rules.map(() => expect.stringMatching(/^spec\.[\w.]+: .{1,200}$/)),
    );
  },
);

test.each([
  ['v1beta1', RESOURCE_SCHEMA, { steps: 1000, finally: 20 }],
  ['v1alpha1', V1ALPHA1_RESOURCE_SCHEMA, { containers: 1000, finally: 20, stepPolicies: 1020 }],
])(
  '%s: lists that a rule iterates over have a maximum length: without it the CEL cost would exceed the budget',
  (_version, schema, lists) => {
    const limits = new Map(nodesOf(schema).map(({ path, schema: { maxItems } }) => [path, maxItems]));
    for (const [name, limit] of Object.entries(lists)) expect(limits.get(`.spec.${name}`)).toBe(limit);
    expect(limits.get('.status.steps')).toBe(1000);
  },
);

test('the same changes are refused in both versions', () => {
  const paths = (rules: typeof VALIDATION_RULES): readonly string[] =>
    rules.map(({ message }) =>
      message.replace('spec.containers', 'spec.steps').replace('spec.backoffLimit', 'spec.job.backoffLimit'),
    );
  expect(paths(V1ALPHA1_VALIDATION_RULES).filter((message) => !message.startsWith('spec.stepPolicies'))).toEqual(
    paths(VALIDATION_RULES),
  );
});

test('with both versions and the rules the CRD fits into the annotation of client-side apply', () => {
  expect(JSON.stringify(CRD_WITH_RULES).length).toBeLessThan(262_144);
});
