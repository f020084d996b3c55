import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  formatFieldErrors,
  validateSequentialJob,
  validateSpec,
  warningsFor,
} from '../../../../shared/validation/index.ts';
import { refusals, sequence, step } from './refusals.ts';

/** Says everything there is to say about a value, which must not throw, and twice the same. */
function judge(object: unknown): string {
  const say = (): string => formatFieldErrors(validateSequentialJob(object)) + warningsFor(object).join('');
  const said = say();
  expect(say()).toBe(said);
  expect(Array.isArray(validateSpec(object))).toBe(true);
  return said;
}

/** JSON in which the names and values that the rules look for come up often. */
const WORDS = `steps finally job containers template spec metadata labels name image env valueFrom secretKeyRef ports containerPort
  volumeMounts volumes mountPath resources requests limits cpu livenessProbe exec httpGet port onFailure when
  podFailurePolicy rules onExitCodes values initContainers restartPolicy __proto__ constructor toString length
  hasOwnProperty`;
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 8, depthSize: 'large' },
    fc.constantFrom<unknown>(null, '', 'a', '..', '1Gi', -1, 0, 1.5, 2 ** 53, true, 'Always'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...WORDS.split(/\s+/)), tie('value'), { maxKeys: 6 }),
  ),
})).value;

test('property: validation returns a result for any JSON', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void judge(value)));
});

test('property: validation returns a result for any JSON in place of the spec, the step or the template', () => {
  fc.assert(
    fc.property(json, fc.array(json, { maxLength: 3 }), (value, steps) => {
      judge(sequence(value as Record<string, unknown>));
      judge(sequence({ steps, template: value }));
      judge(
        sequence({
          steps: [value, step(), step({ job: value, pod: value })],
          finally: steps,
          template: { spec: value },
        }),
      );
      judge(sequence({ steps: [step({ job: { podFailurePolicy: value } })], job: value }));
    }),
    { numRuns: 300 },
  );
});

test('property: a valid sequence stays valid with any values of its free texts', () => {
  const text = fc.string({ maxLength: 50 });
  fc.assert(
    fc.property(fc.array(text), text, (args, value) => {
      expect(refusals(sequence({ steps: [step({ args, env: [{ name: 'A', value }] })] }))).toEqual([]);
    }),
  );
});

test('deep nesting causes no error', () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const nested = JSON.parse(`{"a":${'{"spec":'.repeat(3000)}1${'}'.repeat(3000)}}`) as unknown;
  for (const value of [JSON.parse(deep) as unknown, nested]) {
    judge(value);
    judge(sequence({ steps: value }));
    judge(
      sequence({
        steps: [step({ image: value, env: value, resources: { limits: { cpu: value } } })],
        template: value,
      }),
    );
  }
});

test('keys of Object.prototype are ordinary keys', () => {
  const labels = JSON.parse('{"__proto__": "x", "constructor": "y", "batch.example.com/__proto__": "z"}') as unknown;
  const lines = refusals(sequence({ steps: [step()], template: { metadata: { labels } } }));
  expect(lines).toEqual([
    'spec.template.metadata.labels[batch.example.com/__proto__]: Forbidden: labels under "batch.example.com/" are set by the controllers',
  ]);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});

test('a name of several megabytes is rejected quickly, and not repeated in the message', () => {
  const long = 'a.'.repeat(2_000_000);
  const start = performance.now();
  const said = judge({
    ...sequence({
      steps: [step({ name: long, image: long, env: [{ name: long }, { name: `${long}=` }], ports: [{ name: long }] })],
      template: {
        metadata: { labels: { [long]: long }, annotations: { [long]: long } },
        spec: { volumes: [{ name: long }] },
      },
    }),
    metadata: { name: long },
  });
  expect(said.length).toBeLessThan(20_000);
  expect(performance.now() - start).toBeLessThan(2000);
});

test.each([
  [null, 'Invalid value: "null": body must be of type object: "null"'],
  [[], 'Invalid value: "array": body must be of type object: "array"'],
  [{ metadata: { name: 'a' } }, 'spec: Required value'],
])('%j is rejected as a whole', (object, line) => expect(refusals(object)).toEqual([line]));
