/** A command line in memory: its files, and what it wrote. */
import { type Io, UnreadableError } from '../../../cli/io.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

type Command = (args: readonly string[], io: Io) => Promise<number>;

/** Runs a command; the file `-` is standard input. */
export async function run(
  command: Command,
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await command(args, {
    read: (name) => {
      const text = files[name];
      return text === undefined ? Promise.reject(new UnreadableError(`${name}: no such file`)) : Promise.resolve(text);
    },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}
