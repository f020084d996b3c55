import { describe, expect, it } from '@jest/globals';
import { assert, jsonValue, property } from 'fast-check';
import { StringInterner } from '../../../../shared/kube/string-interner.ts';
import { deepFreeze } from '../../../support/freeze.ts';

describe('the string interner', () => {
  it.each<readonly [string, unknown]>([
    [
      'an object with values of all JSON types',
      { text: 'a', number: 1.5, yes: true, nothing: null, list: [1, ['b', {}]] },
    ],
    ['keys of Object.prototype', JSON.parse('{"__proto__": {"a": "b"}, "constructor": "c", "length": 1}')],
    ['a string', 'text'],
  ])('returns an equal value for %s', (_says, value) => {
    expect(new StringInterner().intern(deepFreeze(value))).toStrictEqual(value);
  });

  it('returns an equal value for any JSON, whatever was interned before', () => {
    const compactor = new StringInterner();
    assert(
      property(jsonValue({ maxDepth: 4 }), (value) => {
        const json = JSON.stringify(value);
        expect(JSON.stringify(compactor.intern(value))).toBe(json);
      }),
    );
  });

  it('returns a copy of the string, so that the parsed object can be collected', () => {
    const value = { list: [{ a: 'b' }] };
    const kept = new StringInterner().intern(value);
    expect(kept).not.toBe(value);
    expect(kept.list[0]).not.toBe(value.list[0]);
  });

  it.each([
    ['during a list', 300_000, () => undefined],
    ['after a list', 20_000, (compactor: StringInterner) => compactor.endOfInitialLists()],
  ])('still distinguishes strings when its table is full, %s', (_when, length, prepare) => {
    const compactor = new StringInterner();
    prepare(compactor);
    for (let i = 0; i < length; i++) {
      const { uid, phase } = compactor.intern({ uid: `uid-${i}`, phase: 'Completed' });
      if (uid !== `uid-${i}` || phase !== 'Completed') throw new Error(`${uid}, ${phase}`);
    }
  });
});
