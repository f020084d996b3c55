import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import type {
  SequentialJob,
  SequentialJobSpec,
  SequentialJobStatus,
  StepStatus,
} from '../../../../shared/api/types.ts';
import { formatFieldError } from '../../../../shared/validation/index.ts';
import { immutablePart, effectiveSpec } from '../../../../shared/validation/effective-spec.ts';
import { validateUpdate } from '../../../../shared/validation/update.ts';
import {
  json,
  roughV1beta1Object as roughObject,
  soundV1beta1Object as soundObject,
} from '../../../support/arbitraries.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container, NOW, sequentialJob } from '../../../support/objects.ts';

type Json = Readonly<Record<string, unknown>>;

const [A, B, C] = [container('extract'), container('transform'), container('load')];
const NEW_C = container('load', { image: 'registry.example.com/etl:2.0' });
const NEW_B = container('transform', { image: 'registry.example.com/etl:2.0' });
const D = container('report');

/** Running its second step. */
const RUNNING: SequentialJobStatus = {
  startTime: NOW,
  progress: { currentIndex: 1, currentStep: 'transform', completedIndices: [0], summary: '1/3' },
};
const FAILED: SequentialJobStatus = {
  ...RUNNING,
  conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: NOW, reason: 'x', message: 'x' }],
};
const COMPLETED: SequentialJobStatus = { startTime: NOW, progress: { completedIndices: [0, 1, 2], summary: '3/3' } };

const spec = (more: Json = {}): SequentialJobSpec => ({ steps: [A, B, C], ...more });
const future = (more: Json = {}): SequentialJobSpec => spec({ updatePolicy: 'FutureSteps', ...more });
const objectOf = (now: SequentialJobSpec, status: SequentialJobStatus | undefined): SequentialJob => ({
  ...sequentialJob({ status }),
  spec: now,
});

type Row = readonly [sentence: string, recorded: SequentialJobSpec, now: SequentialJobSpec];

const FOLLOWED: readonly Row[] = [
  ['nothing changed', spec(), spec()],
  ['the sequence was suspended', spec(), spec({ suspend: true })],
  [
    'the defaults of this version were added',
    spec(),
    spec({ job: { backoffLimit: 3 }, suspend: false, template: { spec: { restartPolicy: 'Never' } } }),
  ],
  [
    'a quantity has another notation',
    spec({ steps: [{ ...A, resources: { limits: { cpu: '0.5' } } }] }),
    spec({ steps: [{ ...A, resources: { limits: { cpu: '500m' } } }] }),
  ],
];

const ACCEPTED: readonly Row[] = [
  ['a later step changed', future(), future({ steps: [A, B, NEW_C] })],
  ['a later step changed together with updatePolicy', spec(), future({ steps: [A, B, NEW_C] })],
];

type Refusal = readonly [...Row, fields: readonly string[]];

const REFUSED: readonly Refusal[] = [
  ['a later step changed', spec(), spec({ steps: [A, B, NEW_C] }), ['spec.steps[2].image']],
  ['the current step changed', future(), future({ steps: [A, NEW_B, C] }), ['spec.steps[1].image']],
  ['the backoffLimit changed', future(), future({ job: { backoffLimit: 9 } }), ['spec.job.backoffLimit']],
  ['an unknown field was removed', spec({ shards: 2 }), spec(), ['spec.shards']],
  [
    'an allowed change was made at the same time',
    future(),
    future({ steps: [A, NEW_B, NEW_C, D] }),
    ['spec.steps[1].image'],
  ],
  ['all steps were removed', future(), future({ steps: null }), ['spec.steps']],
];

describe('the stored spec is the effective one', () => {
  test.each(FOLLOWED)('because no immutable field changed: %s', (_sentence, recorded, now) => {
    const object = deepFreeze(objectOf(now, RUNNING));
    const held = effectiveSpec(deepFreeze(recorded), object);
    expect(held).toEqual({ spec: now, change: 'none', errors: [] });
    expect(held.spec).toBe(object.spec);
  });

  test.each(ACCEPTED)('because the change is allowed: %s', (_sentence, recorded, now) => {
    const object = deepFreeze(objectOf(now, RUNNING));
    const held = effectiveSpec(deepFreeze(recorded), object);
    expect(held).toEqual({ spec: now, change: 'accepted', errors: [] });
    expect(held.spec).toBe(object.spec);
  });

  const all = spec({ steps: [D], job: { backoffLimit: 0 }, template: { spec: { restartPolicy: 'OnFailure' } } });

  test.each([undefined, {}, { phase: 'Pending' }, { progress: RUNNING.progress }] as const)(
    'after any change before the start (%j)',
    (status) => {
      const object = objectOf(all, status as SequentialJobStatus);
      expect(effectiveSpec(spec(), object)).toEqual({ spec: all, change: 'none', errors: [] });
      expect(effectiveSpec(spec(), object).spec).toBe(all);
    },
  );

  test('after any change while the object is being deleted', () => {
    const object = objectOf(all, RUNNING);
    const going = { ...object, metadata: { ...object.metadata, deletionTimestamp: NOW } };
    expect(effectiveSpec(spec(), going)).toEqual({ spec: all, change: 'none', errors: [] });
  });
});

describe('the recorded spec is the effective one', () => {
  test.each(REFUSED)('completely, if %s', (_sentence, recorded, now, fields) => {
    const held = effectiveSpec(deepFreeze(recorded), deepFreeze(objectOf(now, RUNNING)));
    expect(held.change).toBe('refused');
    expect(held.errors.map(({ field }) => field)).toEqual(fields);
    expect(immutablePart(held.spec)).toEqual(immutablePart(recorded));
    expect(held.spec.steps[0]).toBe(recorded.steps[0]);
  });

  test.each<readonly [sentence: string, was: Json, is: Json, run: Json]>([
    ['the sequence is suspended', {}, { suspend: true }, { suspend: true }],
    ['the sequence is unsuspended', { suspend: true }, { suspend: false }, { suspend: false }],
    ['the TTL is removed', { ttlSecondsAfterFinished: 1 }, {}, {}],
    ['a deadline is added', {}, { activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 9 }],
    ['the sequence is resumed', { resume: 1 }, { resume: 2 }, { resume: 2 }],
    ['updatePolicy changes', {}, { updatePolicy: 'FutureSteps' }, { updatePolicy: 'FutureSteps' }],
  ])('with the current values of the mutable fields: %s', (_sentence, was, is, run) => {
    const recorded = spec({ job: { backoffLimit: 1 }, ...was });
    const held = effectiveSpec(recorded, objectOf(spec({ job: { backoffLimit: 2 }, ...is }), RUNNING));
    expect(held.spec).toEqual(spec({ job: { backoffLimit: 1 }, ...run }));
  });

  it('and the same object is returned again for the same input', () => {
    const object = objectOf(future({ steps: [A, NEW_B, C], suspend: true }), RUNNING);
    const first = effectiveSpec(spec(), object);
    expect(effectiveSpec(first.spec, object)).toEqual(first);
    expect(effectiveSpec(first.spec, { ...object, spec: spec() })).toMatchObject({ change: 'none' });
  });

  it('for a completed sequence, too, because it has no later steps', () => {
    expect(effectiveSpec(future(), objectOf(future({ steps: [A, B, C, D] }), COMPLETED))).toMatchObject({
      change: 'refused',
      spec: future(),
    });
  });

  it('for a failed sequence, too: the failed step runs again with the recorded spec', () => {
    const mended = future({ steps: [A, NEW_B, C], resume: 1 });
    expect(effectiveSpec(future(), objectOf(mended, FAILED))).toMatchObject({
      change: 'refused',
      spec: future({ resume: 1 }),
    });
  });
});

describe('a step whose Job was rejected', () => {
  const rejected = (steps: readonly StepStatus[] = []): SequentialJobStatus => ({
    ...FAILED,
    steps,
    progress: { completedIndices: [0], summary: '1/3', currentIndex: 1, failureReason: 'JobRejected' },
  });
  const mended = future({ steps: [A, NEW_B, C] });

  test.each<readonly [string, SequentialJobSpec, SequentialJobStatus, string]>([
    ['can be changed under FutureSteps', mended, rejected(), 'accepted'],
    ['cannot be changed under Immutable', spec({ steps: [A, NEW_B, C] }), rejected(), 'refused'],
    ['cannot be changed if the sequence has failed for another reason', mended, FAILED, 'refused'],
    [
      'cannot be changed if it had a Job before it was resumed',
      mended,
      rejected([{ index: 1, name: 'transform', state: 'Failed' }]),
      'refused',
    ],
    ['does not make the steps before it mutable', future({ steps: [D, B, C] }), rejected(), 'refused'],
  ])('%s', (_sentence, now, status, change) => {
    expect(effectiveSpec(future(), objectOf(now, status)).change).toBe(change);
  });
});

describe('for any input', () => {
  const anything = fc.oneof(json, roughObject, soundObject);
  const check = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): void =>
    fc.assert(fc.property(arbitrary, holds), { numRuns: 500 });
  /** The spec and the status of objects that nobody has checked, in the place of sound ones. */
  const asObject = (rough: Json, status: unknown = rough['status']): SequentialJob =>
    ({ ...sequentialJob(), spec: rough['spec'], status }) as unknown as SequentialJob;
  const started = fc.constantFrom<SequentialJobStatus>(RUNNING, FAILED, COMPLETED, { startTime: NOW });

  it('there is a result', () => {
    check(fc.tuple(anything, json, json), ([recorded, one, another]) => {
      const held = effectiveSpec(recorded as SequentialJobSpec, asObject({ spec: one }, another));
      expect(held.errors.length > 0).toBe(held.change === 'refused');
    });
    check(fc.tuple(roughObject, roughObject), ([before, after]) => {
      expect(['none', 'accepted', 'refused']).toContain(
        effectiveSpec(before['spec'] as SequentialJobSpec, asObject(deepFreeze(after))).change,
      );
    });
  });

  it('an unchanged spec is never a change', () => {
    check(fc.tuple(fc.oneof(roughObject, soundObject), started), ([object, status]) => {
      const copy = JSON.parse(JSON.stringify(object)) as Json;
      const held = effectiveSpec(copy['spec'] as SequentialJobSpec, asObject(object, status));
      expect(held.change).toBe('none');
      expect(held.spec).toBe(object['spec']);
    });
  });

  it('the effective spec is always an allowed update of the recorded one', () => {
    check(fc.tuple(soundObject, fc.oneof(roughObject, soundObject), started), ([was, is, status]) => {
      const recorded = was['spec'] as SequentialJobSpec;
      const held = effectiveSpec(recorded, asObject(is, status));
      const faults = (now: unknown): readonly string[] =>
        validateUpdate({ spec: recorded, status }, { spec: now })
          .filter(({ field }) => field !== 'spec.resume')
          .map(formatFieldError);
      expect(faults(held.spec)).toEqual([]);
      expect(held.errors.map(formatFieldError)).toEqual(faults(is['spec']));
    });
  });

  test('a thousand changed steps are compared without delay', () => {
    const many = (image: string): SequentialJobSpec =>
      spec({ steps: Array.from({ length: 1000 }, (_, i) => container(`s${i}`, { image })) });
    expect(effectiveSpec(many('a:1'), objectOf(many('a:2'), RUNNING)).errors).toHaveLength(100);
  });
});
