import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { escaped, escapedLine, printable, printableLine, printableTexts } from '../../../shared/printable-text.ts';
import { harmful, HARMS } from '../../support/harmful-text.ts';

describe('printable removes what a terminal would interpret and what readers cannot see', () => {
  it.each<readonly [string, string, string]>([
    ['a color', '\u001B[1;31mred\u001B[0m', 'red'],
    ['a cursor movement that overwrites text', 'ok\u001B[2K\u001B[1Gno', 'okno'],
    ['a request to the terminal, which it answers as if the user typed', '\u001B[6n\u001B[>c', ''],
    ['a title (OSC), up to the bell', '\u001B]0;root@prod\u0007after', 'after'],
    ['a link (OSC 8), but not its text', '\u001B]8;;http://evil\u001B\\click\u001B]8;;\u001B\\', 'click'],
    ['a clipboard sequence (OSC 52) with an 8-bit terminator', '\u001B]52;c;cm0=\u009Cx', 'x'],
    ['a device control string', '\u001BPq#0;2\u001B\\sixel', 'sixel'],
    ['the same sequences as 8-bit controls (C1)', '\u009B31mred\u009D0;title\u0007x\u0090q\u009Cy', 'redxy'],
    ['only the introducer of a control string without an end', '\u001B]0;title', '0;title'],
    ['a reset, and a change of the character set', '\u001Bcx\u001B(0y', 'xy'],
    ['a control sequence that is interrupted by another character', '\u001B[3\u00001mx', '31mx'],
    ['bells, backspaces and nulls', 'a\u0007b\b\bc\u0000d\u007F', 'abcd'],
    ['a direction override', 'file\u202Etxt.exe', 'filetxt.exe'],
    ['direction embeddings and isolates', '\u202Aa\u202Bb\u202Cc\u2066d\u2067e\u2068f\u2069', 'abcdef'],
  ])('%s', (_says, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it.each<readonly [string, string, string]>([
    ['line ends of other systems', 'a\r\nb\rc', 'a\nb\nc'],
    ['line ends of Unicode', 'a\u2028b\u2029c\u0085d', 'a\nb\nc\nd'],
    ['half a surrogate pair becomes a replacement character', 'a\uD800b\uDC00', 'a\uFFFDb\uFFFD'],
  ])('line ends and control characters are normalized: %s', (_says, text, expected) => {
    expect(printable(text)).toBe(expected);
  });
});

test.each([
  ['tabs and lines', 'a\tb\n  c'],
  ['Arabic and Hebrew, with the marks that they need', 'خطأ في الملف \u200F(قرص)\u200E שגיאה'],
  ['Persian and Hindi, with their joiners', 'می\u200Cخواهم क्\u200Dष'],
  ['Thai, Chinese, Japanese, Korean', 'ผิดพลาด\u200Bครับ 錯誤 エラー 오류'],
  ['emoji, joined and with skin', '👩🏽‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️'],
  ['combining accents', 'e\u0301'],
  ['messages of Kubernetes', 'Back-off pulling image "a/b:1": ErrImagePull: 401 ("…")'],
])('is unchanged: %s', (_says, text) => {
  expect(printable(text)).toBe(text);
  expect(escaped(text)).toBe(text);
});

const PARTS = [
  ...HARMS.map(([, text]) => text),
  '\u001B',
  '[',
  ']',
  '0',
  ';',
  'm',
  '\\',
  '\u009C',
  '\u009B',
  ' ',
  '\r',
  '\n',
  'é',
  '\uD83D',
  '\uDE00',
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...PARTS), fc.string({ unit: 'binary' })), { maxLength: 20 })
  .map((parts) => parts.join(''));

test('the result is harmless for any text, and the function is idempotent', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const make of [printable, printableLine, escapedLine]) {
        expect(harmful(make(text))).toEqual([]);
        expect(make(make(text))).toBe(make(text));
      }
      expect(printableLine(text)).not.toMatch(/[\n\t]/);
      expect(escapedLine(text)).not.toMatch(/[\n\t]/);
    }),
    { numRuns: 5000 },
  );
});

test('escaped JSON is equivalent and harmless', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const json = escaped(JSON.stringify({ [text]: [text] }));
      expect(harmful(json)).toEqual([]);
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }),
    { numRuns: 2000 },
  );
});

describe('plainTexts', () => {
  it('returns the same object if nothing needs to change', () => {
    const value = { a: ['x', { b: 'y' }], c: 1, d: null, e: undefined };
    expect(printableTexts(value)).toBe(value);
  });

  it('copies only the changed parts', () => {
    const value = Object.freeze({ a: Object.freeze(['x', 'y\u0007']), b: Object.freeze({ c: 'z' }), d: true });
    const made = printableTexts(value);
    expect(made).toEqual({ a: ['x', 'y'], b: { c: 'z' }, d: true });
    expect(made.b).toBe(value.b);
  });
});
