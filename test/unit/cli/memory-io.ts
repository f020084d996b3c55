/** A command line in memory: its files, and what it wrote. */
import { type Io, UnreadableError } from '../../../cli/stdio.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

type Command = (args: readonly string[], io: Io) => Promise<number>;

/** Runs a command, with these environment variables; the file `-` is standard input. */
export async function run(
  command: Command,
  args: readonly string[],
  files: Readonly<Record<string, string>>,
  env: Io['env'] = {},
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
    env,
  });
  return { code, out, err };
}
