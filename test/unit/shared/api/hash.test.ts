import { describe, expect, it } from '@jest/globals';
import { fnv1a } from '../../../../shared/api/hash.ts';

describe('hash', () => {
  // FNV-1a, 64 bit: the vectors of the authors' test suite (isthe.com/chongo/src/fnv/test_fnv.c).
  it.each([
    ['', 0xcbf29ce484222325n],
    ['a', 0xaf63dc4c8601ec8cn],
    ['b', 0xaf63df4c8601f1a5n],
    ['foo', 0xdcb27518fed9d577n],
    ['foobar', 0x85944171f73967e8n],
  ])('of "%s" is as published', (text, expected) => {
    expect(fnv1a(text)).toBe(expected.toString(36).padStart(13, '0'));
  });
});
