/** Standard output and standard error of a command for people, behind an interface that tests can replace. */
import { once } from 'node:events';
import { printableLine } from '../shared/printable-text.ts';
import { type Line, paintAll } from './status/style.ts';

export interface Terminal {
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
  /** The size in columns and lines; undefined where standard output is no terminal. */
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
  /** Aborted when the reader of standard output has gone (`| head`). */
  readonly closed: AbortSignal;
  /** Writes to standard output as it is. Resolves when the reader keeps up; never rejects. */
  write(text: string): Promise<void>;
  /** Writes lines to standard output, with colors where they are wanted. */
  print(lines: readonly Line[]): Promise<void>;
  /** Writes one line to standard error, without control characters. */
  error(text: string): void;
  /** Calls the listener when the size changes, until the signal is aborted. */
  onResize(listener: () => void, signal: AbortSignal): void;
}

/** Colors only on a terminal that shows them, and not against the user's wish (https://no-color.org). */
export function wantsColor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const closed = new AbortController();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed.abort();
  });
  const isTerminal = stdout.isTTY;
  const hasColor = wantsColor(isTerminal, env);
  const write = async (text: string): Promise<void> => {
    if (closed.signal.aborted || stdout.write(text)) return;
    await once(stdout, 'drain', { signal: closed.signal }).catch(() => undefined);
  };
  return {
    isTerminal,
    hasColor,
    get size() {
      return isTerminal ? { columns: stdout.columns || 80, rows: stdout.rows || 24 } : undefined;
    },
    closed: closed.signal,
    write,
    print: (lines) => write(paintAll(lines, hasColor)),
    error: (text) => void stderr.write(`${printableLine(text)}\n`),
    onResize: (listener, signal) => {
      stdout.on('resize', listener);
      signal.addEventListener('abort', () => stdout.off('resize', listener), { once: true });
    },
  };
}
