/** `sequentialjob convert`: writes the SequentialJobs of a file in another API version. */
import { GROUP } from '../shared/api/group.ts';
import { ConversionError } from '../shared/conversion/index.ts';
import { convertDocument } from './convert-document.ts';
import { toJson } from './read-manifests.ts';
import { splitJsonStream } from './split-json-stream.ts';
import { type Io, label, UnreadableError } from './stdio.ts';
import { readYaml, type YamlDocument } from './yaml.ts';

/** `refused`: a document cannot be converted, or there is no SequentialJob. */
const EXIT = { ok: 0, refused: 1, unreadable: 2 } as const;

export type ConvertVersion = 'v1beta1' | 'v1alpha1';

/**
 * Converts every SequentialJob of a file, and returns the exit code. Other documents are written as they are. If something
 * cannot be converted, writes nothing but the reason, to standard error.
 */
export async function convertFile(file: string, to: ConvertVersion, io: Io): Promise<number> {
  const apiVersion = `${GROUP}/${to}`;
  try {
    return convertText(label(file), await io.read(file), { io, apiVersion });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    io.err(`sequentialjob: ${error.message}\n`);
    return EXIT.unreadable;
  }
}

interface Target {
  readonly io: Io;
  readonly apiVersion: string;
}

function convertText(file: string, text: string, { io, apiVersion }: Target): number {
  const written: string[] = [];
  let [number, converted] = [0, 0];
  for (const [i, piece] of splitJsonStream(text).entries()) {
    if (i > 0) written.push('\n');
    let end = 0;
    for (const document of readYaml(piece.text)) {
      number++;
      const [start, , next] = document.range;
      const [before, source] = [piece.text.slice(end, start), piece.text.slice(end, next)];
      end = next;
      const result = convertOne(document, apiVersion);
      if ('problem' in result) {
        io.err(`${file}: document ${number}: ${result.problem}\n`);
        return EXIT.refused;
      }
      converted += result.converted;
      if (result.isRewritten) io.err(`${file}: document ${number}: written anew, without its comments\n`);
      written.push(result.converted === 0 ? source : textOf(document, before));
    }
  }
  if (converted === 0) io.err(`sequentialjob: ${file}: no SequentialJob to convert\n`);
  if (converted > 0) io.out(written.join(''));
  return converted === 0 ? EXIT.refused : EXIT.ok;
}

type Result = ReturnType<typeof convertDocument> | { readonly problem: string };

function convertOne(document: YamlDocument, apiVersion: string): Result {
  const read = toJson(document);
  if ('problems' in read) return { problem: read.problems[0]?.message ?? '' };
  try {
    return convertDocument(document, read.content, apiVersion);
  } catch (failure) {
    if (failure instanceof ConversionError) return { problem: failure.message };
    // The library writes nodes by recursion, which ends in no other way for an anchor within itself.
    if (failure instanceof RangeError) return { problem: 'YAML: nested too deeply' };
    throw failure;
  }
}

/** The document as text. The library leaves out a comment before the first document, which is in `before`. */
function textOf(document: YamlDocument, before: string): string {
  const text = document.toString({ lineWidth: 0 });
  return text.includes(before.trim()) ? text : `${before}${text}`;
}
