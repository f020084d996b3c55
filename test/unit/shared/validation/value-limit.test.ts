import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../../../shared/validation/field-error.ts';
import { validateSpec } from '../../../../shared/validation/index.ts';
import {
  validateLength,
  MAX_SPEC_BYTES,
  MAX_VALUES,
  validateSize,
  estimateMemory,
} from '../../../../shared/validation/value-limit.ts';

const FAULT = 'spec: Invalid value: must not have more than 10 values; in a map of more than 1000 each counts as ten';

/** What is said of an object with this spec where 10 values are the most. */
const said = (spec: unknown, bytes?: number): readonly string[] =>
  validateSize({ spec }, bytes, 10).map((fault) => formatFieldError(fault));

const items = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

describe('validateSize', () => {
  it.each<readonly [string, unknown]>([
    ['no spec', undefined],
    ['a spec that is not an object', 'text'],
    ['the maximum number of items', { a: items(9) }],
    ['the maximum number of properties', Object.fromEntries(items(10).map((one, i) => [`p${i}`, one]))],
    ['nulls', { a: [null, null], b: null }],
  ])('accepts %s', (_says, spec) => {
    expect(said(spec)).toEqual([]);
  });

  it.each<readonly [string, unknown]>([
    ['an item', { a: items(10) }],
    ['a property', Object.fromEntries(items(11).map((one, i) => [`p${i}`, one]))],
    ['a nested value', { a: [{ b: { c: [items(2), items(3)] } }] }],
  ])('rejects %s above the limit', (_says, spec) => {
    expect(said(spec)).toEqual([FAULT]);
  });

  it('does not count if the JSON is too short for so many values', () => {
    const spec = { a: items(10) };
    expect(said(spec, 6)).toEqual([]);
    expect(said(spec, 7)).toEqual([FAULT]);
  });

  const map = (count: number): object => Object.fromEntries(items(count).map((one, i) => [i.toString(36), one]));
  const largest = 1000 + (MAX_VALUES - 1000) / 10 - 1;

  it.each<readonly [string, object, number]>([
    ['the maximum number of properties in one map', { a: map(largest) }, 0],
    ['one property more', { a: map(largest + 1) }, 1],
    ['the same number in two maps', { a: map(largest / 2), b: map(largest / 2) }, 0],
    ['any number of small maps', Object.fromEntries(items(150).map((_, i) => [`m${i}`, map(1000)])), 0],
  ])('counts each property of a large map beyond the first thousand as ten: %s', (_, spec, count) => {
    const text = JSON.stringify({ spec });
    expect(validateSize(JSON.parse(text), text.length)).toHaveLength(count);
  });

  it('counts all JSON that is long enough for too many values', () => {
    // A list of digits, whose property and braces make it longer.
    const spec = { '': items(MAX_VALUES) };
    const text = JSON.stringify({ spec });
    expect(validateSize(JSON.parse(text), text.length)).toHaveLength(1);
    const fewer = JSON.stringify({ spec: { '': items(MAX_VALUES - 1) } });
    expect(validateSize(JSON.parse(fewer), fewer.length)).toEqual([]);
  });
});

describe('validateLength', () => {
  const ofBytes = (bytes: number, character = 'x'): unknown => {
    const rest = JSON.stringify({ a: '' }).length;
    return { a: character.repeat((bytes - rest) / new TextEncoder().encode(character).length) };
  };

  it.each(['x', 'ä', '€'])('accepts 1 MiB of JSON in UTF-8, and no byte more: %s', (character) => {
    // A multiple of the character's bytes, beside the quotes and the braces.
    const fitting = ofBytes(MAX_SPEC_BYTES - 8 + 2, character);
    expect(validateLength(fitting)).toEqual([]);
    expect(validateLength({ ...(fitting as object), b: 'xxxx' }).map(formatFieldError)).toEqual([
      'spec: Too long: may not be more than 1048576 bytes',
    ]);
  });

  it('does not measure if the whole JSON is within the limit', () => {
    const long = ofBytes(MAX_SPEC_BYTES + 1);
    expect(validateLength(long, MAX_SPEC_BYTES)).toEqual([]);
    expect(validateLength(long, MAX_SPEC_BYTES + 1)).toHaveLength(1);
  });

  it('is reported with the other errors of a spec that bypassed admission', () => {
    const long = {
      steps: [
        { name: 'load', image: 'x'.repeat(MAX_SPEC_BYTES) },
        { name: 'load', image: 'x:1' },
      ],
    };
    expect(validateSpec(long).map(({ type, field }) => [type, field])).toEqual([
      ['FieldValueTooLong', 'spec'],
      ['FieldValueInvalid', 'spec.steps[0].image'],
      ['FieldValueDuplicate', 'spec.steps[1].name'],
    ]);
  });
});

describe('estimateMemory', () => {
  it('uses two bytes per character for a string with a character beyond Latin-1, as V8 does', () => {
    const [latin, wide] = ['é'.repeat(1000), `${'x'.repeat(999)}…`].map((text) => estimateMemory({ text })) as [
      number,
      number,
    ];
    expect(wide - latin).toBe(1000);
    expect(estimateMemory({ text: '' })).toBeLessThan(latin - 900);
  });
});
