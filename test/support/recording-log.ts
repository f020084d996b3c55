/** A log that keeps its lines, for tests of what is said and how often. */
import { pino } from 'pino';
import type { Log } from '../../shared/log.ts';

export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export function recordingLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const log = pino(
    { level: 'debug', base: null, formatters: { level: (label) => ({ level: label }) } },
    { write: (text: string) => void lines.push(JSON.parse(text) as Line) },
  );
  return { log, lines };
}
