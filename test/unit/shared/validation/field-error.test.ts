import { expect, test } from '@jest/globals';
import {
  duplicate,
  formatErrorBody,
  formatFieldError,
  formatFieldErrors,
  invalid,
  notSupported,
  Path,
  required,
  tooMany,
} from '../../../../shared/validation/field-error.ts';

const AT = Path.of('spec').child('list').index(2).child('map').key('a/b');

test('a path is formatted as in Kubernetes', () => {
  expect(AT.toString()).toBe('spec.list[2].map[a/b]');
  expect(Path.ROOT.child('spec').toString()).toBe('spec');
});

test('a path has only the beginning of a property or key that is as long as the body', () => {
  const long = 'x'.repeat(1_000_000);
  const shown = `${'x'.repeat(256)}...`;
  expect(Path.of('spec').child(long).index(0).child('name').toString()).toBe(`spec.${shown}[0].name`);
  expect(Path.ROOT.child(long).key(long).toString()).toBe(`${shown}[${shown}]`);
});

test.each([
  ['a string', 'a"b', 'Invalid value: "a\\"b": why'],
  ['a number', 5, 'Invalid value: 5: why'],
  ['a boolean', true, 'Invalid value: true: why'],
  ['null', null, 'Invalid value: null: why'],
  ['an object', { a: 1 }, 'Invalid value: "object": why'],
  ['a list', [1], 'Invalid value: "array": why'],
])('%s is formatted', (_sentence, value, body) => expect(formatErrorBody(invalid(AT, value, 'why'))).toBe(body));

test('errors are formatted as in Kubernetes', () => {
  expect(formatFieldError(required(AT))).toBe('spec.list[2].map[a/b]: Required value');
  expect(formatFieldError(tooMany(AT, 3, 2))).toBe('spec.list[2].map[a/b]: Too many: 3: must have at most 2 items');
  expect(formatFieldError(notSupported(AT, 'x', ['b', '', 'a']))).toBe(
    'spec.list[2].map[a/b]: Unsupported value: "x": supported values: "a", "b"',
  );
});

test('one error is printed alone, several in brackets, equal ones once', () => {
  const one = duplicate(Path.of('a'), 'x');
  expect(formatFieldErrors([one])).toBe('a: Duplicate value: "x"');
  expect(formatFieldErrors([one, one, required(Path.of('b'))])).toBe('[a: Duplicate value: "x", b: Required value]');
});
