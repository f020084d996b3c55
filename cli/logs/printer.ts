/** Writes log lines, each with a prefix that names its step. */
import { printable } from '../../shared/printable-text.ts';
import { paint, span, type Tone } from '../status/style.ts';
import type { Terminal } from '../terminal.ts';
import type { LogLine } from './resume-point.ts';
import type { LogSource } from './selection.ts';

export interface PrinterOptions {
  readonly hasPrefix: boolean;
  readonly hasTimestamps: boolean;
}

/** Neighboring steps have different ones. */
const TONES: readonly Tone[] = ['busy', 'good', 'waiting', 'strong'];

export type PrintLine = (line: LogLine, source: LogSource) => Promise<void>;

/** A terminal gets no control characters of the program. A pipe or a file gets the lines as the program wrote them. */
export function linePrinter(terminal: Terminal, { hasPrefix, hasTimestamps }: PrinterOptions): PrintLine {
  return async ({ time, text }, { label, position }) => {
    const tone = TONES[position % TONES.length] ?? 'plain';
    const prefix = hasPrefix ? `${paint([span(`[${label}]`, tone)], terminal.hasColor)} ` : '';
    const stamp = hasTimestamps && time !== '' ? `${time} ` : '';
    await terminal.write(`${prefix}${stamp}${terminal.isTerminal ? printable(text) : text}\n`);
  };
}
