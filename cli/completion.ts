/** `sequentialjob completion SHELL`, and the hidden `__complete` that the scripts ask. */
import { printableLine } from '../shared/printable-text.ts';
import type { CommandContext } from './command-context.ts';
import { type Candidate, type Candidates, candidatesFor, type ProgramSpec } from './complete/candidates.ts';
import { completionScript, type Shell } from './complete/scripts.ts';
import { EXIT } from './exit-codes.ts';

/** Prints the script. Resolves with the exit code. */
export async function completion(shell: Shell, { terminal }: CommandContext): Promise<number> {
  await terminal.write(completionScript(shell));
  return EXIT.ok;
}

/** Cobra's directives for kubectl and the scripts: 0, files complete the word, too; 4, they do not. */
const DIRECTIVE = { files: ':0', noFiles: ':4' } as const;

/** Prints the candidates for the last word. Never fails: a shell shows no errors there. */
export async function complete(
  words: readonly string[],
  program: ProgramSpec,
  context: CommandContext,
): Promise<number> {
  const asked = candidatesFor(words, program);
  const candidates = asked.kind === 'fixed' ? asked.candidates : await lookUpLazily(asked, context);
  const directive = asked.kind === 'file' ? DIRECTIVE.files : DIRECTIVE.noFiles;
  await context.terminal.write([...candidates.map(lineOf), directive].map((line) => `${line}\n`).join(''));
  return EXIT.ok;
}

type Asked = Exclude<Candidates, { readonly kind: 'fixed' }>;

const lookUpLazily = async (asked: Asked, { env }: CommandContext): Promise<readonly Candidate[]> =>
  (await import('./complete/look-up.ts')).lookUp(asked, env);

const lineOf = ({ text, description }: Candidate): string =>
  description === undefined ? printableLine(text) : `${printableLine(text)}\t${printableLine(description)}`;
