/** Where in a text a field of an object stands. */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { displayKey } from '../shared/validation/field-error.ts';
import type { YamlDocument } from './yaml.ts';

/** An object in a document: its node there. */
export interface Anchor {
  readonly document: YamlDocument;
  readonly node: Node | null;
}

/** An alias stands for the node that it names. */
export const target = (node: unknown, document: YamlDocument): unknown =>
  isAlias(node) ? node.resolve(document) : node;

export const startOf = (node: unknown): number | undefined => (node as Partial<Node> | null)?.range?.[0];

interface Step {
  readonly offset: number;
  readonly node: unknown;
  /** What is left of the path. */
  readonly rest: string;
}

/**
 * The offset of the deepest node on a path that is there: of a property its key, of an item its beginning. The path is
 * Kubernetes' text (`spec.containers[1].env[0].name`), in which keys are not quoted (`labels[a.example.com/b]`); so it is
 * read along the document, which knows its keys.
 */
export function locate({ document, node }: Anchor, path: string): number {
  let step: Step = { offset: startOf(node) ?? 0, node, rest: path };
  for (let next = advance(step, document, path); next !== undefined; next = advance(step, document, path)) step = next;
  return step.offset;
}

function advance({ node, rest }: Step, document: YamlDocument, path: string): Step | undefined {
  if (rest === '') return undefined;
  const here = target(node, document);
  if (isSeq(here)) {
    const [text = '', index = ''] = /^\[(\d+)\]/.exec(rest) ?? [];
    const item = here.items[Number(index)];
    const offset = startOf(item);
    return text === '' || offset === undefined ? undefined : { offset, node: item, rest: rest.slice(text.length) };
  }
  return isMap(here) ? intoMap(here.items, rest, rest === path) : undefined;
}

/** Of several keys that begin the rest, the longest is meant; of equal ones the last, which counts. */
function intoMap(pairs: readonly Pair[], rest: string, isFirst: boolean): Step | undefined {
  let found: { readonly length: number; readonly pair: Pair } | undefined;
  for (const pair of pairs) {
    const length = matchOf(keyOf(pair), rest, isFirst);
    if (length > 0 && length >= (found?.length ?? 0)) found = { length, pair };
  }
  const offset = startOf(found?.pair.key);
  return found === undefined || offset === undefined
    ? undefined
    : { offset, node: found.pair.value, rest: rest.slice(found.length) };
}

export const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : String(key));

/** How much of the rest the key takes; 0 where it doesn't begin it. */
function matchOf(written: string, rest: string, isFirst: boolean): number {
  const key = displayKey(written);
  const bracketed = `[${key}]`;
  if (rest.startsWith(bracketed)) return bracketed.length;
  const plain = isFirst ? key : `.${key}`;
  const isWhole = rest.startsWith(plain) && ['', '.', '['].includes(rest.charAt(plain.length));
  return isWhole ? plain.length : 0;
}
