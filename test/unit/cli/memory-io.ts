/** A command line in memory: its files, and what it wrote. */
import { runProgram } from '../../../cli/program.ts';
import { type Io, UnreadableError } from '../../../cli/stdio.ts';
import { MemoryTerminal } from '../../support/memory-terminal.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command, with these environment variables; the file `-` is standard input. */
export async function run(
  command: 'lint' | 'render' | 'convert',
  args: readonly string[],
  files: Readonly<Record<string, string>>,
  env: Io['env'] = {},
): Promise<Ran> {
  let [out, err] = ['', ''];
  const terminal = new MemoryTerminal();
  const io: Io = {
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
  };
  const context = { terminal, env, now: () => 0, program: 'sequentialjob' };
  const code = await runProgram([command, ...args], context, () => io);
  return { code, out, err: terminal.errors.map((line) => `${line}\n`).join('') + err };
}
