import { beforeEach, expect, test } from '@jest/globals';
import { memoize } from '../../../shared/memoize.ts';

const asked: string[] = [];
beforeEach(() => void asked.splice(0));

const reader = (): ((text: string) => { readonly length: number }) =>
  memoize((text) => {
    asked.push(text);
    return { length: text.length };
  });

test('the function is called once for each text', () => {
  const read = reader();
  expect([read('1Gi'), read('1Gi'), read('2')]).toEqual([{ length: 3 }, { length: 3 }, { length: 1 }]);
  expect(asked).toEqual(['1Gi', '2']);
});

test('names of Object.prototype are ordinary keys', () => {
  const read = reader();
  for (const name of ['__proto__', 'constructor', 'toString']) expect(read(name)).toEqual({ length: name.length });
});

test('the cache is bounded', () => {
  const read = reader();
  for (let i = 0; i < 1001; i++) read(`text-${i}`);
  read('text-0');
  expect(asked).toHaveLength(1002);
});

test('a long text is not cached', () => {
  const read = reader();
  const long = 'a'.repeat(257);
  expect([read(long), read(long)]).toEqual([{ length: 257 }, { length: 257 }]);
  expect(asked).toHaveLength(2);
});
