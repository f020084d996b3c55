import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { readYaml, writeYaml } from '../../../cli/yaml.ts';

const read = (text: string): unknown => readYaml(text)[0]?.toJS();

test.each<readonly [string, unknown]>([
  ['yes', true],
  ['On', true],
  ['y', true],
  ['off', false],
  ['N', false],
  ['TRUE', true],
  ['tRUE', 'tRUE'],
  ['~', null],
  ['NULL', null],
  ['', null],
  ['0644', 420],
  ['-010', -8],
  ['0o17', 15],
  ['089', 89],
  ['0x1F', 31],
  ['-0b11', -3],
  ['1_000', 1000],
  ['+5', 5],
  ['0', 0],
  ['1.50', 1.5],
  ['.5', 0.5],
  ['1.', 1],
  ['1e3', 1000],
  ['-1.5E-1', -0.15],
  ['.inf', Infinity],
  ['-.Inf', -Infinity],
  ['.nan', Number.NaN],
  ['1:30', '1:30'],
  ['2006-01-02', '2006-01-02'],
  ['2006-01-02T15:04:05Z', '2006-01-02T15:04:05Z'],
  ['1.2.3', '1.2.3'],
  ['0.5m', '0.5m'],
  ['.', '.'],
  ['e2', 'e2'],
  ['-.', '-.'],
  ['"yes"', 'yes'],
  ["'0644'", '0644'],
  ['!!str 0644', '0644'],
])('%s is read as %j', (text, value) => expect(read(`a: ${text}`)).toEqual({ a: value }));

test('keys are strings', () => expect(read('{1: a, true: b, 0644: c}')).toEqual({ 1: 'a', true: 'b', '0644': 'c' }));
test('maps are merged', () =>
  expect(read('a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}')).toMatchObject({ b: { x: 1, y: 2 } }));
test('a directive is ignored', () => expect(read('%YAML 1.1\n---\na: 1:30')).toEqual({ a: '1:30' }));

test('property: parsers of YAML 1.1 and of 1.2 read the output back unchanged', () => {
  const WORDS = `yes|n|0644|1e3|1_0|.5|~|1:30|2006-01-02|<<|=|| a |a: b|#|0x1|0o17|0O17|0B1|+0b1_0|1_0.5|-.INF|-|\t`;
  const scalar = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\nb\n', 'a\n\n', ...WORDS.split('|')),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  );
  const value = fc.object({
    values: [scalar],
    key: fc.oneof(fc.string(), fc.constantFrom('yes', '1', '0O17', '<<')),
    maxDepth: 3,
  });
  fc.assert(
    fc.property(value, (json) => {
      const text = writeYaml(json);
      expect(read(text)).toEqual(json);
      expect(parse(text, { version: '1.2', logLevel: 'silent' })).toEqual(json);
      expect(parse(text, { version: '1.1', logLevel: 'silent' })).toEqual(json);
    }),
    { numRuns: 1000 },
  );
});
