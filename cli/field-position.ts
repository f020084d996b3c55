/** The position in a YAML text of a field of an object. */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { displayKey } from '../shared/validation/field-error.ts';
import type { YamlDocument } from './yaml.ts';

/** An object of a YAML document, with the node that it was read from. */
export interface ObjectNode {
  readonly document: YamlDocument;
  readonly node: Node | null;
}

/** The node that an alias refers to; any other node is returned unchanged. */
export const resolveAlias = (node: unknown, document: YamlDocument): unknown =>
  isAlias(node) ? node.resolve(document) : node;

export const startOffset = (node: unknown): number | undefined => (node as Partial<Node> | null)?.range?.[0];

interface Cursor {
  readonly offset: number;
  readonly node: unknown;
  /** The part of the path below `node`. */
  readonly remainingPath: string;
}

/**
 * The offset of the deepest existing node on a path: for a property its key, for a list item its first character. A
 * Kubernetes field path (`spec.steps[1].env[0].name`) does not quote keys (`labels[a.example.com/b]`), so it cannot
 * be parsed by itself: it is matched against the keys of the document.
 */
export function fieldOffset({ document, node }: ObjectNode, path: string): number {
  let step: Cursor = { offset: startOffset(node) ?? 0, node, remainingPath: path };
  for (let next = descend(step, document, path); next !== undefined; next = descend(step, document, path)) step = next;
  return step.offset;
}

function descend({ node, remainingPath }: Cursor, document: YamlDocument, path: string): Cursor | undefined {
  if (remainingPath === '') return undefined;
  const here = resolveAlias(node, document);
  if (isSeq(here)) {
    const [text = '', index = ''] = /^\[(\d+)\]/.exec(remainingPath) ?? [];
    const item = here.items[Number(index)];
    const offset = startOffset(item);
    return text === '' || offset === undefined
      ? undefined
      : { offset, node: item, remainingPath: remainingPath.slice(text.length) };
  }
  return isMap(here) ? descendIntoMap(here.items, remainingPath, remainingPath === path) : undefined;
}

/** If several keys match, the longest is meant; of duplicate keys the last, whose value YAML readers use. */
function descendIntoMap(pairs: readonly Pair[], rest: string, isFirst: boolean): Cursor | undefined {
  let found: { readonly length: number; readonly pair: Pair } | undefined;
  for (const pair of pairs) {
    const length = matchedLength(keyOf(pair), rest, isFirst);
    if (length > 0 && length >= (found?.length ?? 0)) found = { length, pair };
  }
  const offset = startOffset(found?.pair.key);
  return found === undefined || offset === undefined
    ? undefined
    : { offset, node: found.pair.value, remainingPath: rest.slice(found.length) };
}

export const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : String(key));

/** The length of the path's beginning that the key matches; 0 if it does not match. */
function matchedLength(written: string, rest: string, isFirst: boolean): number {
  const key = displayKey(written);
  const bracketed = `[${key}]`;
  if (rest.startsWith(bracketed)) return bracketed.length;
  const plain = isFirst ? key : `.${key}`;
  const isWhole = rest.startsWith(plain) && ['', '.', '['].includes(rest.charAt(plain.length));
  return isWhole ? plain.length : 0;
}
