export interface StreamPart {
  readonly text: string;
  /** Offset of the part in the whole text. */
  readonly offset: number;
}

/**
 * Splits a stream of JSON objects, which kubectl accepts and a YAML parser does not. Any other text, and a single JSON
 * object, is returned as one part. A text is JSON if it begins with a brace (apimachinery pkg/util/yaml GuessJSONStream).
 */
export function splitJsonStream(text: string): readonly StreamPart[] {
  const whole = [{ text, offset: 0 }];
  const parts: StreamPart[] = [];
  let offset = skipSpace(text, 0);
  while (offset < text.length) {
    const end = text[offset] === '{' ? endOfObject(text, offset) : undefined;
    if (end === undefined) return whole;
    parts.push({ text: text.slice(offset, end), offset });
    offset = skipSpace(text, end);
  }
  return parts.length < 2 ? whole : parts;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && ' \t\r\n'.includes(text.charAt(i))) i++;
  return i;
}

/** The end of the object that begins at `from`, found by counting braces; undefined if the object is not closed. */
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
