/**
 * Text measured in the columns that a terminal shows it in: wide characters take two, joiners none. Pure, once `loadWidths`
 * has loaded the tables of Unicode. They are loaded only for texts that need them: they take a sixth of the start time.
 */

const ELLIPSIS = '…';
/** ASCII, and the characters of bars and cuts (… · │ ▒ █): a column each. */
const SIMPLE = /^[ -~\u2026\u00b7\u2502\u2592\u2588]*$/;

let measure: ((text: string) => number) | undefined;

/** Whether the width of the text is known without the tables. */
export const isSimple = (text: string): boolean => SIMPLE.test(text);

export async function loadWidths(): Promise<void> {
  measure ??= (await import('string-width')).default;
}

/** The number of columns. Without the tables, that of characters. */
export const widthOf = (text: string): number => (isSimple(text) ? text.length : (measure ?? countCharacters)(text));

const countCharacters = (text: string): number => [...characters(text)].length;

/** The text in at most `width` columns; a cut text ends in `…`. A character that the terminal shows as one is not split. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return '';
  return `${head(text, width - 1)}${ELLIPSIS}`;
}

/** The text in exactly `width` columns: cut, or filled with blanks on the right, or on the left. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = fit(text, width);
  const blanks = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return align === 'left' ? `${shown}${blanks}` : `${blanks}${shown}`;
}

/** The text broken at blanks into lines of at most `width` columns. A longer word is broken within. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (widthOf(line) > width) {
      // A character that is wider than the line stands alone.
      const part = head(line, width) || firstCharacter(line);
      if (part.length === line.length) break;
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return [...lines, line];
}

/** As many characters as `width` columns hold. */
function head(text: string, width: number): string {
  let [end, columns] = [0, 0];
  for (const { segment } of characters(text)) {
    columns += widthOf(segment);
    if (columns > width) break;
    end += segment.length;
  }
  return text.slice(0, end);
}

const firstCharacter = (text: string): string => [...characters(text)][0]?.segment ?? text;

const characters = (text: string): Intl.Segments => new Intl.Segmenter().segment(text);
