/** Rules of a CronSequentialJob that test/golden/admission does not show by itself. */
import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { formatFieldError, validateSequentialJob, warningsFor } from '../../../../shared/validation/index.ts';
import { scheduleWarnings } from '../../../../shared/validation/schedule-warnings.ts';
import { inTemplate, textInTemplate, validateCronSequentialJob } from '../../../../shared/validation/schedule.ts';
import '../../../support/properties.ts';
import { v1beta1Object } from '../../../support/versions.ts';

const RUN = { steps: [{ name: 'load', image: 'busybox:1.36' }] };

const schedule = (spec: object, metadata: object = { name: 'nightly' }): object => ({
  apiVersion: 'batch.example.com/v1beta1',
  kind: 'CronSequentialJob',
  metadata,
  spec: { schedule: '@daily', sequentialJobTemplate: { spec: RUN }, ...spec },
});
const withRun = (run: unknown): object => schedule({ sequentialJobTemplate: { spec: run } });
const withMetadata = (metadata: object): object => schedule({ sequentialJobTemplate: { metadata, spec: RUN } });

const errorsOf = (object: unknown): readonly string[] => validateCronSequentialJob(object).map(formatFieldError);
const fieldsOf = (object: unknown): readonly string[] => validateCronSequentialJob(object).map(({ field }) => field);

describe('the name', () => {
  it.each([
    ['52 characters', 52, []],
    ['53 characters', 53, ['metadata.name']],
  ])('may have %s', (_says, length, fields) => {
    expect(fieldsOf(schedule({}, { name: 'a'.repeat(length) }))).toEqual(fields);
  });

  it.each([
    ['47 characters', 47, []],
    ['48 characters', 48, ['metadata.generateName']],
  ])('may be generated from %s', (_says, length, fields) => {
    expect(fieldsOf(schedule({}, { generateName: 'a'.repeat(length) }))).toEqual(fields);
  });
});

const LABELS = 'spec.sequentialJobTemplate.metadata.labels';
const ANNOTATIONS = 'spec.sequentialJobTemplate.metadata.annotations';

test.each<readonly [sentence: string, metadata: object, fields: readonly string[]]>([
  [
    'labels and annotations as Kubernetes takes them',
    { labels: { a: '', 'example.com/A_b.c': 'X-1' }, annotations: { 'a.b/c': 'any text\n', d: '' } },
    [],
  ],
  ['null', { labels: null, annotations: null }, []],
  [
    'a label of ours',
    { labels: { 'batch.example.com/cronsequentialjob': 'x' } },
    [`${LABELS}[batch.example.com/cronsequentialjob]`],
  ],
  [
    'an annotation of ours',
    { annotations: { 'batch.example.com/scheduled-time': 'x' } },
    [`${ANNOTATIONS}[batch.example.com/scheduled-time]`],
  ],
  ['a key with a space', { labels: { 'a b': '' } }, [LABELS]],
  ['a key with two slashes', { annotations: { 'a.b/c/d': '' } }, [ANNOTATIONS]],
  ['a key without a name', { annotations: { 'a.b/': '' } }, [ANNOTATIONS]],
  ['a key with a capital in its prefix', { annotations: { 'A.b/c': '' } }, [ANNOTATIONS]],
  ['an empty key', { labels: { '': 'a' } }, [LABELS]],
  ['a key that is too long', { labels: { ['a'.repeat(64)]: '' } }, [LABELS]],
  ['a value that is too long', { labels: { a: 'b'.repeat(64) } }, [`${LABELS}[a]`]],
  ['a value that ends with a dot', { labels: { a: 'b.' } }, [`${LABELS}[a]`]],
  ['a value that is a number', { labels: { a: 1 } }, [`${LABELS}[a]`]],
])('metadata of the runs: %s', (_sentence, metadata, fields) => {
  expect(fieldsOf(withMetadata(metadata))).toEqual(fields);
});

describe('the template', () => {
  it('is validated as the SequentialJob that it becomes, with its paths', () => {
    const run = {
      steps: [
        { name: 'load', image: 'A B', job: { activeDeadlineSeconds: 9 } },
        { name: 'load', image: 'x:1', ports: [{ containerPort: 'x' }] },
      ],
      template: { spec: { containers: [{ name: 'a' }] } },
      activeDeadlineSeconds: 8,
    };
    expect(errorsOf(withRun(run))).toEqual([
      'spec.sequentialJobTemplate.spec.steps[0].image: Invalid value: "A B": invalid reference format',
      'spec.sequentialJobTemplate.spec.steps[0].job.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to spec.sequentialJobTemplate.spec.activeDeadlineSeconds of 8',
      'spec.sequentialJobTemplate.spec.steps[1].ports[0].containerPort: Invalid value: "string": spec.sequentialJobTemplate.spec.steps[1].ports[0].containerPort in body must be of type integer: "string"',
      'spec.sequentialJobTemplate.spec.steps[1].name: Duplicate value: "load"',
      'spec.sequentialJobTemplate.spec.template.spec.containers: Forbidden: the containers are the steps in spec.sequentialJobTemplate.spec.steps',
    ]);
  });

  it('is not validated where it is none', () => {
    for (const run of [undefined, null, 'x', 7, []]) {
      expect(fieldsOf(withRun(run))).toEqual(['spec.sequentialJobTemplate.spec']);
    }
    expect(fieldsOf(schedule({ sequentialJobTemplate: null }))).toEqual(['spec.sequentialJobTemplate']);
  });

  it('property: has the errors and the warnings of a SequentialJob, as many and in their order', () => {
    const damaged = fc.tuple(v1beta1Object, fc.integer({ min: 0, max: 3 })).map(([{ spec }, how]) => {
      const steps = spec['steps'] as readonly object[];
      const more = [...steps, ...steps, { image: 'A B' }].slice(0, how + 3);
      return how === 0 ? spec : Object.assign({}, spec, { steps: more });
    });
    let withErrors = 0;
    fc.assert(
      fc.property(damaged, (spec) => {
        const alone = { apiVersion: 'batch.example.com/v1beta1', kind: 'SequentialJob', metadata: { name: 'a' }, spec };
        const errors = validateSequentialJob(alone);
        withErrors += errors.length;
        expect(validateCronSequentialJob(withRun(spec)).map(({ field, type }) => [field, type])).toEqual(
          errors.map(({ field, type }) => [inTemplate(field), type]),
        );
        expect(scheduleWarnings(withRun(spec)).filter((one) => !/\.(?:suspend|resume): /.test(one))).toEqual(
          warningsFor(alone).map(inTemplate),
        );
      }),
      { numRuns: 100 },
    );
    expect(withErrors).toBeGreaterThan(0);
  });

  it('has at most a hundred errors together with those of the schedule', () => {
    const steps = Array.from({ length: 200 }, () => ({ name: 'A', image: 'x:1' }));
    const errors = errorsOf(schedule({ schedule: 'never', sequentialJobTemplate: { spec: { steps } } }));
    expect(errors).toHaveLength(101);
    expect(errors[0]).toMatch(/^spec\.schedule: /);
    expect(errors.at(-1)).toBe('spec: Invalid value: has more errors than the 100 that are listed');
  });

  it('is too large where a spec alone would be', () => {
    const steps = [{ name: 'a', image: 'x:1', args: ['x'.repeat(1024 * 1024)] }];
    expect(fieldsOf(withRun({ steps }))).toEqual(['spec', 'spec.sequentialJobTemplate.spec']);
  });
});

test.each([
  ['spec.steps[0]', 'spec.sequentialJobTemplate.spec.steps[0]'],
  ['spec', 'spec.sequentialJobTemplate.spec'],
  ['metadata.name', 'metadata.name'],
  ['specs.a', 'specs.a'],
])('the path %s stands at %s', (path, expected) => expect(inTemplate(path)).toBe(expected));

test('the paths of a text are those of the template', () => {
  expect(textInTemplate('spec.job: see spec.template.spec.volumes and pod.spec.x, "spec.a"')).toBe(
    'spec.sequentialJobTemplate.spec.job: see spec.sequentialJobTemplate.spec.template.spec.volumes and pod.spec.x, "spec.sequentialJobTemplate.spec.a"',
  );
});

test('property: validation returns a result for any JSON', () => {
  const words = fc.constantFrom(
    'schedule',
    'timeZone',
    'sequentialJobTemplate',
    'metadata',
    'labels',
    'spec',
    'steps',
    '__proto__',
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, depthSize: 'large' },
      fc.constantFrom<unknown>(null, '', 'a', '@daily', '* * * * *', 'Europe/Berlin', -1, 1.5, true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(words, tie('value'), { maxKeys: 6 }),
    ),
  })).value;
  const judge = (object: unknown): void => {
    expect(errorsOf(object)).toEqual(errorsOf(object));
    expect(Array.isArray(scheduleWarnings(object))).toBe(true);
  };
  fc.assert(
    fc.property(json, (value) => {
      judge(value);
      judge({ kind: 'CronSequentialJob', spec: value });
      judge(schedule({ sequentialJobTemplate: value }));
    }),
    { numRuns: 200 },
  );
});

test.each<readonly [sentence: string, spec: object, warned: readonly string[]]>([
  ['a plain schedule', {}, []],
  ['a date that there is in some years', { schedule: '0 0 29 2 *' }, []],
  ['a date that there never is', { schedule: '0 0 30 2 *' }, ['spec.schedule']],
  ['a schedule that is none', { schedule: 'never' }, []],
  ['a deadline of 9 seconds', { startingDeadlineSeconds: 9 }, ['spec.startingDeadlineSeconds']],
  ['a deadline of 10 seconds', { startingDeadlineSeconds: 10 }, []],
  ['a zone with @every', { schedule: '@every 1h', timeZone: 'Europe/Berlin' }, ['spec.timeZone']],
  ['a zone with @hourly', { schedule: '@hourly', timeZone: 'Europe/Berlin' }, []],
])('warnings: %s', (_sentence, spec, warned) => {
  expect(scheduleWarnings(schedule(spec)).map((warning) => warning.split(': ')[0])).toEqual(warned);
});
