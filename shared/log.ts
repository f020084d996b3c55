/** Structured logs: JSON lines for machines, coloured lines for people. */
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** A logger that writes to standard error, so that standard output stays free for what a command prints. */
export function createLog(options: { readonly level: LogLevel; readonly format: LogFormat }): Log {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Synchronous streams: pino's worker transports cannot be bundled, and a crash must not lose the last lines.
  return options.format === 'json'
    ? pino(settings, pino.destination({ dest: 2, sync: true }))
    : pino(settings, pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }));
}
