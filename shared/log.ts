/** Structured logs: JSON lines for machines, colored lines for people. */
import { pino, type Logger, type LoggerOptions } from 'pino';
import { escaped, printableTexts } from './printable-text.ts';

export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

// Synchronous streams: pino's worker transports cannot be bundled, and a crash must not lose the last lines.
const TO_STANDARD_ERROR = { sync: true } as const;

/** A logger that writes to standard error; standard output is for the output of commands. */
export async function openLog(options: { readonly level: LogLevel; readonly format: LogFormat }): Promise<Log> {
  const { level, format } = options;
  if (format === 'json') return createLog({ level, format });
  // Loaded on demand: it is slow to load, and a cluster uses JSON.
  const { default: pretty } = await import('pino-pretty');
  const lines = { translateTime: 'SYS:HH:MM:ss.l', singleLine: true };
  const settings = { ...settingsOf(level), hooks: { streamWrite: toPrintable } };
  return pino(settings, pretty({ ...TO_STANDARD_ERROR, ...lines, destination: 2 }));
}

/** A JSON logger; synchronous, unlike `openLog`. */
export function createLog({ level }: { readonly level: LogLevel; readonly format: 'json' }): Log {
  return pino(settingsOf(level), pino.destination({ ...TO_STANDARD_ERROR, dest: 2 }));
}

/** A JSON line whose strings are printable: pino-pretty prints them without escapes. */
function toPrintable(line: string): string {
  try {
    return `${JSON.stringify(printableTexts(JSON.parse(line)))}\n`;
  } catch {
    return escaped(line);
  }
}

const settingsOf = (level: LogLevel): LoggerOptions => ({
  level,
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
  // People also read the lines in terminals, and they quote text of other programs.
  hooks: { streamWrite: escaped },
});
