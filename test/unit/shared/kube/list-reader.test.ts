import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ApiError } from '../../../../shared/kube/errors.ts';
import { ListReader } from '../../../../shared/kube/list-reader.ts';

interface Read {
  readonly items: readonly unknown[];
  readonly bytes: readonly number[];
  readonly list: unknown;
}

/** Reads a body in pieces of so many bytes. */
function read(body: string, pieceBytes = 64 * 1024): Read {
  const items: unknown[] = [];
  const sizes: number[] = [];
  const reader = new ListReader((item, bytes) => {
    items.push(item);
    sizes.push(bytes);
  });
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.write(bytes.subarray(at, at + pieceBytes));
  return { items, bytes: sizes, list: reader.end() };
}

/** As each item stands alone and is read by nobody, JSON of whatever shape is an item. */
const anyItems = fc.array(fc.jsonValue(), { maxLength: 8 });

describe('ListReader', () => {
  it.each<readonly [string, string, readonly unknown[], unknown]>([
    [
      'items at the end, as in lists of built-in types',
      '{"kind":"JobList","metadata":{"resourceVersion":"7","continue":"t"},"items":[{"a":1},{"b":[2,{"c":"]"}]}]}\n',
      [{ a: 1 }, { b: [2, { c: ']' }] }],
      { kind: 'JobList', metadata: { resourceVersion: '7', continue: 't' }, items: [] },
    ],
    [
      'items before the rest, as in lists of custom resources',
      '{"apiVersion":"x/v1","items":[{"a":1}],"kind":"L","metadata":{"resourceVersion":"7"}}',
      [{ a: 1 }],
      { apiVersion: 'x/v1', items: [], kind: 'L', metadata: { resourceVersion: '7' } },
    ],
    ['null items, as Go writes them', '{"metadata":{},"items":null}', [], { metadata: {}, items: null }],
    ['whitespace everywhere', ' { "items" : [ {"a" : 1} , 2 , \n "x" ] } ', [{ a: 1 }, 2, 'x'], { items: [] }],
    ['the word "items" as a value', '{"kind":"items","a":[1],"items":[2]}', [2], { kind: 'items', a: [1], items: [] }],
    [
      'the word "items" as a nested key',
      '{"a":{"items":[1,2]},"b":[{"items":[3]}]}',
      [],
      { a: { items: [1, 2] }, b: [{ items: [3] }] },
    ],
    [
      'quotes and backslashes in strings',
      '{"items":[{"a":"\\\\\\"],"},"\\\\"]}',
      [{ a: '\\"],' }, '\\'],
      { items: [] },
    ],
  ])('%s', (_, body, items, list) => {
    expect(read(body)).toMatchObject({ items, list });
  });

  it('returns the same for any chunk boundaries, also inside a character', () => {
    fc.assert(
      fc.property(
        anyItems,
        fc.jsonValue(),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (items, other, piece, first) => {
          const list = first ? { items, metadata: { other, ü: '€' } } : { 'm"e': other, items, last: 'ü' };
          const { items: found, list: rest } = read(JSON.stringify(list), piece);
          expect(found).toEqual(JSON.parse(JSON.stringify(items)));
          expect(rest).toEqual({ ...(JSON.parse(JSON.stringify(list)) as object), items: [] });
        },
      ),
    );
  });

  it('reports the size of each item in bytes', () => {
    expect(read('{"items":[{"a":"€"},{}]}').bytes).toEqual([11, 2]);
  });

  it('passes an item on before the next one has arrived', () => {
    const items: unknown[] = [];
    const reader = new ListReader((item) => items.push(item));
    reader.write(Buffer.from('{"items":[{"a":1},{"b":'));
    expect(items).toEqual([{ a: 1 }]);
  });

  it.each<readonly [string, string]>([
    ['an invalid item', '{"items":[{"a":}]}'],
    ['a truncated body', '{"items":[{"a":1}'],
    ['an HTML page of a proxy', '<html>'],
  ])('rejects %s as invalid JSON', (_, body) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'Unreachable' }));
  });

  it.each<readonly [string, string]>([
    ['an item', '{"items":["'],
    ['a value beside the items', '{"a":"'],
  ])('buffers no more than necessary of %s that does not end', (_, start) => {
    const reader = new ListReader(() => undefined);
    reader.write(Buffer.from(start));
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const endless = (): void => {
      for (let i = 0; i < 17; i++) reader.write(piece);
    };
    expect(endless).toThrow(ApiError);
    expect(endless).toThrow(expect.objectContaining({ code: 'Unexpected' }));
  });
});
