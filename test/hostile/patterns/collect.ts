/** Every regular expression that the program has: those that are written down, and those that it builds as it starts. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { regexLiterals } from './scan.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** What runs on what others wrote: bodies of reviews, files, flags, answers of the API server. */
const FOLDERS = ['shared', 'webhook', 'certs', 'cli', 'controller'];

export interface Pattern {
  /** For the reader: the file and line, or how it came to be. */
  readonly where: string;
  readonly regexp: RegExp;
}

export const sourceFiles = (): readonly string[] =>
  globSync(`{${FOLDERS.join(',')}}/**/*.ts`, { cwd: ROOT }).toSorted();

export const readSource = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Those that are written down. */
export function writtenPatterns(): readonly Pattern[] {
  return sourceFiles().flatMap((file) =>
    regexLiterals(readSource(file)).map(({ source, flags, line }) => ({
      where: `${file}:${line}`,
      regexp: new RegExp(source, flags),
    })),
  );
}

/** Those that `load` builds with `new RegExp`, by whichever module it imports for the first time. */
export async function builtPatterns(load: () => Promise<unknown>): Promise<readonly Pattern[]> {
  const built: Pattern[] = [];
  const original = globalThis.RegExp;
  const note = (regexp: RegExp): RegExp => {
    built.push({ where: `new RegExp, /${regexp.source}/${regexp.flags}`, regexp });
    return regexp;
  };
  globalThis.RegExp = new Proxy(original, {
    construct: (target, args: [string, string?]) => note(new target(...args)),
    apply: (target, _self, args: [string, string?]) => note(target(...args)),
  });
  try {
    await load();
  } finally {
    globalThis.RegExp = original;
  }
  return unique(built);
}

/** Each pattern once. */
export function unique(patterns: readonly Pattern[]): readonly Pattern[] {
  return [...new Map(patterns.map((one) => [String(one.regexp), one])).values()];
}
