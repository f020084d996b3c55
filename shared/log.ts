/** Structured logs: JSON lines for machines, coloured lines for people. */
import { pino, type Logger, type LoggerOptions } from 'pino';
import { escaped, printableTexts } from './printable-text.ts';

export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

// Synchronous streams: pino's worker transports cannot be bundled, and a crash must not lose the last lines.
const TO_STANDARD_ERROR = { sync: true } as const;

/** A logger that writes to standard error, so that standard output stays free for what a command prints. */
export async function openLog(options: { readonly level: LogLevel; readonly format: LogFormat }): Promise<Log> {
  const { level, format } = options;
  if (format === 'json') return createLog({ level, format });
  // In a cluster nobody asks for it, and it is slow to load.
  const { default: pretty } = await import('pino-pretty');
  const lines = { translateTime: 'SYS:HH:MM:ss.l', singleLine: true };
  const settings = { ...settingsOf(level), hooks: { streamWrite: plainRecord } };
  return pino(settings, pretty({ ...TO_STANDARD_ERROR, ...lines, destination: 2 }));
}

/** The same for machines, at once. */
export function createLog({ level }: { readonly level: LogLevel; readonly format: 'json' }): Log {
  return pino(settingsOf(level), pino.destination({ ...TO_STANDARD_ERROR, dest: 2 }));
}

/** A line of JSON whose texts are plain: its reader shows them as they are. */
function plainRecord(line: string): string {
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
  // The lines are read in terminals, too, and the words of others are in them.
  hooks: { streamWrite: escaped },
});
