/** The input and output of a command, behind an interface that tests can replace. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { printable } from '../shared/printable-text.ts';

export interface Io {
  /** The text of a file, or of standard input for `-`. Rejects with UnreadableError. */
  readonly read: (name: string) => Promise<string>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A file cannot be read. The message names the file. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** The file name that means standard input. */
export const STDIN = '-';

/** The name of a file in messages. */
export const label = (name: string): string => (name === STDIN ? '<stdin>' : name);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
};

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'is not UTF-8 text';
  return REASONS[code ?? ''] ?? (error instanceof Error ? error.message : String(error));
}

/** Writes to standard error. Escapes control characters, which a terminal would interpret: the text may quote a file or a server. */
export const writeError = (text: string): void => void process.stderr.write(printable(text));

/** The streams, the files and the environment of this process. */
export function processIo(): Io {
  // A reader that closes the pipe early (`| head`) is not an error of this command; the exit code does not change.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    read: async (name) => {
      try {
        const bytes = name === STDIN ? await buffer(process.stdin) : await readFile(name);
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
      } catch (error) {
        throw new UnreadableError(`${label(name)}: ${reasonOf(error)}`, { cause: error });
      }
    },
    // Only a terminal interprets control characters: output to a pipe or a file is not escaped.
    out: (text) => void process.stdout.write(process.stdout.isTTY ? printable(text) : text),
    err: writeError,
    env: process.env,
  };
}
