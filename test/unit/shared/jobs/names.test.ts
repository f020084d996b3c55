import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { jobName, type StepRef } from '../../../../shared/jobs/names.ts';

function step(change: Partial<StepRef> = {}): StepRef {
  return { name: 'etl', index: 1, container: 'transform', resumes: 0, ...change };
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

describe('jobName', () => {
  it.each([
    ['the name has the sequence, the index and the container', step(), 'etl-1-transform'],
    ['the name has the number of the resume', step({ resumes: 1 }), 'etl-1-transform-r1'],
    ['the name of a step in finally says so', step({ isFinally: true }), 'etl-finally-1-transform'],
    ['so does its name after a resume', step({ isFinally: true, resumes: 2 }), 'etl-finally-1-transform-r2'],
    ['a name of 63 characters is not truncated', step({ name: 'a'.repeat(51) }), `${'a'.repeat(51)}-1-transform`],
    [
      'a name of 63 characters with a resume is not truncated',
      step({ name: 'a'.repeat(48), resumes: 2 }),
      `${'a'.repeat(48)}-1-transform-r2`,
    ],
  ])('%s', (_says, ref, expected) => {
    expect(jobName(ref)).toBe(expected);
  });

  it.each<readonly [string, StepRef, StepRef]>([
    ['another container', step({ container: 'x'.repeat(63) }), step({ container: `${'x'.repeat(62)}y` })],
    ['another index', step({ name: 'a'.repeat(63), index: 1 }), step({ name: 'a'.repeat(63), index: 2 })],
    ['another resume', step({ name: 'a'.repeat(63), resumes: 1 }), step({ name: 'a'.repeat(63), resumes: 2 })],
    ['the first resume instead of none', step({ name: 'a'.repeat(63) }), step({ name: 'a'.repeat(63), resumes: 1 })],
    [
      'finally instead of the other steps',
      step({ name: 'a'.repeat(63) }),
      step({ name: 'a'.repeat(63), isFinally: true }),
    ],
  ])('truncated names stay distinct: %s', (_says, one, other) => {
    expect(jobName(one)).toHaveLength(63);
    expect(jobName(one)).not.toBe(jobName(other));
  });

  it.each<readonly [string, StepRef, StepRef]>([
    ['the index', step({ container: '2-load' }), step({ name: 'etl-1', index: 2, container: 'load' })],
    ['the first index', step({ index: 0, container: '0-x' }), step({ name: 'etl-0', index: 0, container: 'x' })],
    ['a resume', step({ container: '2', resumes: 1 }), step({ name: 'etl-1', index: 2, container: 'r1' })],
    [
      'long names',
      step({ container: `2-${'x'.repeat(60)}` }),
      step({ name: 'etl-1', index: 2, container: 'x'.repeat(60) }),
    ],
  ])('two sequences never have the same Job name, if the name could be split in two ways: %s', (_says, one, other) => {
    expect(jobName(one)).not.toBe(jobName(other));
    for (const name of [jobName(one), jobName(other)]) expect(name).toMatch(/-[0-9a-z]{8}$/);
  });

  it.each<readonly [string, StepRef]>([
    ['a step of etl-finally', step({ name: 'etl-finally' })],
    ['a step of finally whose container starts with an index', step({ isFinally: true, container: '2-load' })],
    ['a step of etl-finally-1', step({ name: 'etl-finally-1', index: 2, container: 'load' })],
  ])('a name that a step of finally could have, or of another sequence, gets a hash: %s', (_says, ref) => {
    expect(jobName(ref)).toMatch(/-[0-9a-z]{8}$/);
  });

  it('a step of finally and one of a sequence named after it have different names', () => {
    expect(jobName(step({ isFinally: true }))).not.toBe(jobName(step({ name: 'etl-finally' })));
  });

  it.each(['r1', 'step-r1', '0', '2x-y', 'v1-2', '1000-x'])(
    'a name that can be split in only one way gets no hash: %s',
    (container) => {
      expect(jobName(step({ container }))).toBe(`etl-1-${container}`);
    },
  );

  it('no two steps of different sequences in a namespace have the same Job name', () => {
    const word = fc.constantFrom('a', 'b', '0', '1', '2', 'r1', 'finally');
    const label = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('-'));
    const isFinally = fc.boolean();
    const ref = fc.record({ name: label, index: fc.nat(2), container: label, resumes: fc.nat(1), isFinally });
    const identity = (one: StepRef): string => `${one.name}/${one.isFinally}/${one.index}/${one.container}`;
    fc.assert(
      fc.property(ref, ref, (one, other) => {
        // A step and the resume of its namesake are never there at once: they are the same step of the same sequence.
        fc.pre(one.name !== other.name || one.index !== other.index || one.isFinally !== other.isFinally);
        fc.pre(identity(one) !== identity(other));
        expect(jobName(one)).not.toBe(jobName(other));
      }),
      { numRuns: 20_000 },
    );
  });

  it('never changes, because another version of the controller must find the Job', () => {
    expect(jobName(step({ name: 'a'.repeat(60), index: 12, container: 'b'.repeat(60) }))).toMatchInlineSnapshot(
      `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-8wpks02y"`,
    );
  });

  it('never has a dash before the dash of the hash', () => {
    expect(jobName(step({ name: 'a'.repeat(53), index: 1 }))).toMatch(/a-[0-9a-z]{8}$/);
    expect(jobName(step({ name: `${'a'.repeat(50)}.--`, index: 1 }))).toMatch(/a-[0-9a-z]{8}$/);
  });

  it('is a DNS label of at most 63 characters, and deterministic', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    const ref = fc.record({ name: label, index: fc.nat(999), container: label, resumes: fc.nat(1000) });
    fc.assert(
      fc.property(ref, (one) => {
        expect(jobName(one)).toMatch(LABEL);
        expect(jobName(one).length).toBeLessThanOrEqual(63);
        expect(jobName(one)).toBe(jobName({ ...one }));
      }),
    );
  });
});
