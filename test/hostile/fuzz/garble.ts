/** Changes the bytes of a review: what no JSON writer would send. */
import type { Dice } from './dice.ts';

type Garbling = (body: Buffer, dice: Dice) => Buffer;

const at = (body: Buffer, dice: Dice): number => dice.below(body.length + 1);

function insert(body: Buffer, position: number, more: Buffer | string): Buffer {
  return Buffer.concat([body.subarray(0, position), Buffer.from(more), body.subarray(position)]);
}

const truncate: Garbling = (body, dice) => body.subarray(0, at(body, dice));

const flip: Garbling = (body, dice) => {
  const flipped = Buffer.from(body);
  for (let bits = 1 + dice.below(3); bits > 0 && flipped.length > 0; bits -= 1) {
    const byte = dice.below(flipped.length);
    flipped[byte] = (flipped[byte] ?? 0) ^ (1 << dice.below(8));
  }
  return flipped;
};

/** Overlong, cut, a surrogate, out of range; and a NUL and a BOM, which are legal UTF-8. */
const BYTES = ['c080', 'e28', 'eda080', 'f4908080', 'ff', 'fe', '80', '00', 'efbbbf', 'f09f99'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

const inject: Garbling = (body, dice) =>
  insert(body, dice.oneIn(3) ? dice.pick([0, body.length]) : at(body, dice), dice.pick(BYTES));

const TRAILERS = [
  ' ',
  '\n',
  '\u0000',
  '}',
  ']',
  ',',
  '{}',
  'null',
  '//',
  '\u00A0',
  '{"apiVersion":"admission.k8s.io/v1"}',
];

const trail: Garbling = (body, dice) => Buffer.concat([body, Buffer.from(dice.pick(TRAILERS))]);

const LITERALS = [
  '1e99999',
  '-1e99999',
  '1E400',
  'NaN',
  '-Infinity',
  '00',
  '01',
  '.5',
  '5.',
  '0x1',
  '1_0',
  '-',
  '"\\ud800"',
  '"\\u0000"',
  '"\\x"',
  'nul',
  'TRUE',
  "'a'",
];

/** A value is another literal: after a colon of which it is not known whether it is one. */
const literal: Garbling = (body, dice) => {
  const colon = body.indexOf(':', at(body, dice));
  if (colon < 0) return body;
  const end = body.subarray(colon).findIndex((byte) => byte === 0x2c || byte === 0x7d);
  return end < 0
    ? body
    : Buffer.concat([body.subarray(0, colon + 1), Buffer.from(dice.pick(LITERALS)), body.subarray(colon + end)]);
};

const KEYS = [
  '"uid":"other",',
  '"request":{},',
  '"spec":null,',
  '"operation":"DELETE",',
  '"__proto__":{"polluted":1},',
  '"containers":[],',
  '"kind":1,',
  '"object":[],',
];

/** A key that may be there already: the last one counts. */
const repeat: Garbling = (body, dice) => {
  const brace = body.indexOf('{', at(body, dice));
  return brace < 0 || body[brace + 1] === 0x7d ? body : insert(body, brace + 1, dice.pick(KEYS));
};

/** A value is a nesting of arrays or objects, closed or not. */
const nest: Garbling = (body, dice) => {
  const colon = body.indexOf(':', at(body, dice));
  const depth = dice.pick([100, 5_000, 100_000]);
  const [open, close] = dice.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['{"spec":', '}'],
  ] as const);
  const nesting = dice.oneIn(3) ? open.repeat(depth) : `${open.repeat(depth)}1${close.repeat(depth)}`;
  return colon < 0 ? Buffer.from(nesting) : insert(body, colon + 1, `${nesting},"x":`);
};

const otherEncoding: Garbling = (body, dice) => Buffer.from(body.toString(), dice.pick(['utf16le', 'latin1']));

const GARBLINGS: readonly Garbling[] = [
  truncate,
  flip,
  flip,
  inject,
  inject,
  trail,
  literal,
  literal,
  literal,
  repeat,
  repeat,
  repeat,
  otherEncoding,
];

/** Garbles once or twice. Deep nestings are dear, and rarer. */
export function garble(body: Buffer, dice: Dice): Buffer {
  let garbled = (dice.oneIn(100) ? nest : dice.pick(GARBLINGS))(body, dice);
  if (dice.oneIn(3)) garbled = dice.pick(GARBLINGS)(garbled, dice);
  return garbled;
}
