import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { splitJsonStream } from '../../../cli/split-json-stream.ts';
import { writeYaml } from '../../../cli/yaml.ts';
import { withDefaults } from '../../../shared/api/defaults.ts';
import type { Schema } from '../../../shared/api/schema.ts';
import type { SequentialJobSpec } from '../../../shared/api/types.ts';
import V1ALPHA1 from '../../../shared/api/v1alpha1.schema.generated.json' with { type: 'json' };
import {
  formatFieldError,
  readUserObject,
  validateSequentialJob,
  warningsFor,
} from '../../../shared/validation/index.ts';
import { RESOURCE_SCHEMA } from '../../../shared/validation/schema.ts';
import { withDefaultsAndFinalizer } from '../../../webhook/default.ts';
import { objectErrors, objectWarnings } from '../../../webhook/validate.ts';
import { run } from './memory-io.ts';

/** Texts that rules look at, good and bad, and that YAML could read as something else. */
const TEXTS = `load|data|busybox:1.36|UPPER|busybox|/data|1Gi|500m|-1|yes|0644||a b|Never|OnFailure|In|http|IfNotPresent|a\nb`;
const text = fc.constantFrom(...TEXTS.split('|'));
const number = fc.constantFrom(0, 1, 2, 80, -1, 70_000, 1.5);

/** A value of the right shape, at times of the wrong type; few fields of each object, so that good ones come up. */
function arbitrary(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const wrong = { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 'x', 7, true, [], [1]) };
  return fc.oneof({ weight: 40, arbitrary: right(schema, depth) }, wrong);
}

function right(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema['x-kubernetes-int-or-string'] === true) return fc.oneof(text, number);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.properties !== undefined) return objectOf(schema, depth);
  if (schema.items !== undefined) return fc.array(arbitrary(schema.items, depth - 1), { maxLength: depth > 0 ? 2 : 0 });
  if (schema.additionalProperties !== undefined) {
    return fc.dictionary(
      fc.constantFrom('cpu', 'memory', 'app', 'a.example.com/b'),
      arbitrary(schema.additionalProperties, depth - 1),
      { maxKeys: 2 },
    );
  }
  return schema.type === 'integer' ? number : schema.type === 'boolean' ? fc.boolean() : text;
}

function objectOf({ properties = {}, required = [] }: Schema, depth: number): fc.Arbitrary<unknown> {
  const names = Object.keys(properties);
  if (names.length === 0) return fc.constant({});
  const optional =
    depth > 0 ? fc.subarray(names, { maxLength: Math.min(3, names.length) }) : fc.constant([] as string[]);
  return optional.chain((chosen) => {
    const entries = [...new Set([...required, ...chosen])].map(
      (name) => [name, arbitrary(properties[name] ?? {}, depth - 1)] as const,
    );
    return fc.record(Object.fromEntries(entries));
  });
}

const specOf = ({ properties }: Schema): fc.Arbitrary<unknown> => arbitrary(properties?.['spec'] ?? {}, 7);

const NAMES = ['extract', 'transform', 'load', 'report'];
const settings = {
  job: fc.constantFrom(
    {},
    { backoffLimit: 1 },
    { activeDeadlineSeconds: 7 },
    { metadata: { labels: { 'job-name': 'a' } } },
  ),
  pod: fc.constantFrom({}, { priorityClassName: 'high' }),
  onFailure: fc.constantFrom('', 'Continue'),
};

/** Containers, or steps with these settings: mostly sound, with a slip here and there. */
const soundSteps = (more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}): fc.Arbitrary<readonly unknown[]> =>
  fc.uniqueArray(
    fc.record(
      {
        name: fc.constantFrom(...NAMES),
        image: fc.constantFrom('busybox:1.36', 'busybox', 'busybox:latest', 'a.example.com/b@sha256:0'),
        args: fc.array(fc.string(), { maxLength: 2 }),
        env: fc.array(fc.record({ name: fc.constant('A'), value: fc.string() }), { maxLength: 1 }),
        volumeMounts: fc.constantFrom([], [{ name: 'data', mountPath: '/data' }]),
        securityContext: fc.constantFrom({}, { privileged: true }),
        ...more,
      },
      { requiredKeys: ['name', 'image'] },
    ),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  );
const template = fc.constantFrom(null, {}, { spec: { volumes: [{ name: 'data', hostPath: { path: '/' } }] } });
const activeDeadlineSeconds = fc.constantFrom(5, 9);

const soundV1beta1 = fc.record(
  {
    steps: soundSteps(settings),
    template,
    job: fc.constantFrom(null, {}, { backoffLimit: 0 }, { backoffLimit: null, activeDeadlineSeconds: 7 }),
    activeDeadlineSeconds,
  },
  { requiredKeys: ['steps'] },
);

const soundV1alpha1 = fc.record(
  {
    containers: soundSteps(),
    template,
    backoffLimit: fc.constantFrom(0, 3, null),
    job: fc.constantFrom(null, {}, { activeDeadlineSeconds: 7 }),
    activeDeadlineSeconds,
    stepPolicies: fc.oneof(
      fc.constant([]),
      fc.uniqueArray(
        fc.record(
          {
            ...settings,
            name: fc.constantFrom(...NAMES),
            activeDeadlineSeconds: fc.constantFrom(7, null),
            job: fc.constantFrom({}, { pendingDeadlineSeconds: 5 }, { metadata: { labels: { 'job-name': 'a' } } }),
          },
          { requiredKeys: ['name'] },
        ),
        { maxLength: 2, selector: ({ name }) => name },
      ),
    ),
  },
  { requiredKeys: ['containers'] },
);
const metadata = fc.constantFrom<object>({ name: 'etl' }, { generateName: 'etl-' }, { name: 'Bad_' }, {});

/** The defaults of v1beta1 as the API server and the webhook set them: on an object, and into what can hold them. */
function complete(value: unknown): unknown {
  const given = value as SequentialJobSpec | null;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return value;
  const { template, job } = given;
  const holds = (part: unknown): boolean =>
    part === undefined || part === null || (typeof part === 'object' && !Array.isArray(part));
  return holds(template) && holds(template?.spec) && holds(job) ? withDefaults(given) : given;
}

const printed = (messages: readonly string[]): readonly string[] =>
  messages.map((message) => message.replaceAll(/[\r\n]+/g, ' ')).toSorted();

interface Expected {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

type Versioned = readonly [object: object, expected: Expected];

const object = (version: string, metadata: object, spec: unknown): object => ({
  apiVersion: `batch.example.com/${version}`,
  kind: 'SequentialJob',
  metadata,
  spec,
});

const v1beta1: fc.Arbitrary<Versioned> = fc
  .tuple(metadata, fc.oneof(specOf(RESOURCE_SCHEMA), soundV1beta1))
  .map(([meta, spec]) => {
    const target = object('v1beta1', meta, complete(spec));
    return [
      object('v1beta1', meta, spec),
      { errors: validateSequentialJob(target).map(formatFieldError), warnings: warningsFor(target) },
    ];
  });

const v1alpha1: fc.Arbitrary<Versioned> = fc
  .tuple(metadata, fc.oneof(specOf(V1ALPHA1 as Schema), soundV1alpha1))
  .map(([meta, spec]) => {
    const written = object('v1alpha1', meta, spec);
    const user = readUserObject(withDefaultsAndFinalizer(written));
    return [written, { errors: objectErrors(user).map(formatFieldError), warnings: objectWarnings(user) }];
  });

test.each([
  ['v1beta1', v1beta1],
  ['v1alpha1', v1alpha1],
])('property: of %s lint and the validation functions report the same, in YAML and in JSON', async (_, objects) => {
  let [good, bad] = [0, 0];
  await fc.assert(
    fc.asyncProperty(objects, async ([written, { errors, warnings }]) => {
      if (errors.length === 0) good++;
      else bad++;
      for (const a of [writeYaml(written), JSON.stringify(written)]) {
        const { code, out } = await run('lint', ['a'], { a });
        const lines = out
          .split('\n')
          .slice(0, -1)
          .map((line) => line.replace(/^a:\d+:\d+: /, ''));
        expect(code).toBe(errors.length === 0 ? 0 : 1);
        expect(lines.filter((line) => !line.startsWith('warning: ')).toSorted()).toEqual(printed(errors));
        expect(lines.filter((line) => line.startsWith('warning: ')).toSorted()).toEqual(
          printed(warnings.map((warning) => `warning: ${warning}`)),
        );
      }
    }),
    { numRuns: 300 },
  );
  // The generator is worth something only where both come up.
  expect(Math.min(good, bad)).toBeGreaterThan(10);
});

test('property: lint returns a result for any text', async () => {
  const names = ['apiVersion: batch.example.com/v1alpha1', 'kind: SequentialJob', 'spec:', '%YAML 1.1\n', '---\n'];
  const marks = [
    '  ',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: ',
    '!x ',
    '# ',
    '? ',
    ': ',
    '\t',
    '|',
    'a',
    '\0',
  ];
  const word = fc.constantFrom(...names, ...marks);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join('')),
      ),
      async (a) => {
        const { code } = await run('lint', ['a'], { a });
        expect([0, 1]).toContain(code);
      },
    ),
    { numRuns: 500 },
  );
});

test('YAML whose aliases expand without limit is rejected', async () => {
  const bomb = [
    'a: &a0 [x, x, x, x, x, x, x, x, x]',
    ...Array.from(
      { length: 9 },
      (_, i) => `b${i}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]`,
    ),
  ].join('\n');
  const { code, out } = await run('lint', ['a'], { a: bomb });
  expect(code).toBe(1);
  expect(out).toContain('YAML: Excessive alias count');
});

describe('JSON objects one after another', () => {
  test.each<readonly [string, readonly string[]]>([
    ['{"a":"}\\"{"}{"b":1}\n', ['{"a":"}\\"{"}', '{"b":1}']],
    [' {} \n\t{} ', ['{}', '{}']],
    ['{}', ['{}']],
    ['a: 1', ['a: 1']],
    ['{}\n---\n{}', ['{}\n---\n{}']],
    ['{} {', ['{} {']],
    ['{"a', ['{"a']],
    ['', ['']],
  ])('%j', (whole, pieces) => {
    const found = splitJsonStream(whole);
    expect(found.map((piece) => piece.text)).toEqual(pieces);
    for (const piece of found) expect(whole.startsWith(piece.text, piece.offset)).toBe(true);
  });
});
