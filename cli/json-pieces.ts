export interface Piece {
  readonly text: string;
  /** Where it begins in the whole. */
  readonly offset: number;
}

/**
 * JSON objects one after another, as kubectl takes them and YAML does not, cut apart; any other text, also a single JSON
 * object, in one piece. A text is JSON where it begins with a brace (apimachinery pkg/util/yaml GuessJSONStream).
 */
export function jsonPieces(text: string): readonly Piece[] {
  const whole = [{ text, offset: 0 }];
  const pieces: Piece[] = [];
  let offset = skipSpace(text, 0);
  while (offset < text.length) {
    const end = text[offset] === '{' ? endOfObject(text, offset) : undefined;
    if (end === undefined) return whole;
    pieces.push({ text: text.slice(offset, end), offset });
    offset = skipSpace(text, end);
  }
  return pieces.length < 2 ? whole : pieces;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && ' \t\r\n'.includes(text.charAt(i))) i++;
  return i;
}

/** The end of the object that begins here, by its braces; undefined where it has none. */
function endOfObject(text: string, from: number): number | undefined {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const character = text[i];
    if (character === '"') i = endOfString(text, i);
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return i + 1;
  }
  return undefined;
}

function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}
