/** Lines of output as spans with a tone. Pure: `paint` makes the text, with colors or without. */
import { styleText } from 'node:util';
import { printableLine } from '../../shared/printable-text.ts';

export type Tone = 'plain' | 'strong' | 'good' | 'bad' | 'busy' | 'waiting' | 'quiet';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One line, without its end. */
export type Line = readonly Span[];

export const span = (text: string, tone: Tone = 'plain'): Span => ({ text, tone });

const STYLES = {
  strong: 'bold',
  good: 'green',
  bad: 'red',
  busy: 'cyan',
  waiting: 'yellow',
  quiet: 'dim',
} as const satisfies Readonly<Record<Exclude<Tone, 'plain'>, string>>;

/**
 * The text of a line without blanks at its end. Text of the cluster may hold control characters: none of them is left
 * but those of the colors.
 */
export function paint(line: Line, hasColor: boolean): string {
  const spans = withoutTrailingBlanks(line.map(({ text, tone }) => ({ text: printableLine(text), tone })));
  return spans.map(({ text, tone }) => (hasColor ? colored(text, tone) : text)).join('');
}

/** The text of lines, each with its end. */
export const paintAll = (lines: readonly Line[], hasColor: boolean): string =>
  lines.map((line) => `${paint(line, hasColor)}\n`).join('');

function withoutTrailingBlanks(line: Line): Line {
  const last = line.at(-1);
  if (last === undefined) return line;
  const text = last.text.trimEnd();
  return text === '' ? withoutTrailingBlanks(line.slice(0, -1)) : [...line.slice(0, -1), { ...last, text }];
}

const colored = (text: string, tone: Tone): string =>
  tone === 'plain' || text.trim() === '' ? text : styleText(STYLES[tone], text, { validateStream: false });
