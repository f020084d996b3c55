/** Text that must not reach a terminal as it is, and whether some has: told by its characters, not by how the program tells. */

/** Each kind, with a text that has it. */
export const HARMS: readonly (readonly [string, string])[] = [
  ['a colour (ESC, CSI)', '\u001B[31mred\u001B[0m'],
  ['a title (OSC) that ends with a bell', '\u001B]0;pwned\u0007'],
  ['a link (OSC) that ends with ST', '\u001B]8;;http://evil.example\u001B\\click\u001B]8;;\u001B\\'],
  ['a control sequence in eight bits (C1)', '\u009B2J'],
  ['a control string in eight bits (C1)', '\u009D0;pwned\u009C'],
  ['a device control string', '\u001BP+q544e\u001B\\'],
  ['an override of direction', '\u202Etxt.exe'],
  ['an isolate', '\u2066a\u2069'],
  ['a line separator of Unicode', 'a\u2028b\u2029c'],
  ['half a surrogate pair', '\uD800'],
  ['a carriage return that hides the line', 'fine\rbad'],
  ['a backspace, a bell, a null and a delete', '\b\u0007\u0000\u007F'],
];

/** All of them in one text, between two words. */
export const EVIL = `before ${HARMS.map(([, text]) => text).join(' ')} after`;

/** The characters of a text that do harm. */
export function harmful(text: string): readonly string[] {
  const found: string[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 ? character !== '\n' && character !== '\t' : code >= 0x7f && code <= 0x9f;
    const isDirection = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x206f);
    const isHalf = code >= 0xd800 && code <= 0xdfff;
    if (isControl || isDirection || isHalf) found.push(`U+${code.toString(16).padStart(4, '0')}`);
  }
  return found;
}

/** The same of every text in a value, keys too. */
export function harmfulIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return harmful(value);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => harmful(key).concat(harmfulIn(one)));
}
