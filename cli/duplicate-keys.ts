/** Duplicate keys of a map. JSON readers and go-yaml accept them: the last one wins. */
import { isMap, isSeq } from 'yaml';
import { Path } from '../shared/validation/field-error.ts';
import { type ObjectNode, keyOf, startOffset } from './field-position.ts';

export interface DuplicateKey {
  readonly path: string;
  /** Offset of the later key. */
  readonly offset: number;
}

/** The merge key of YAML 1.1, which a map may contain several times. */
const MERGE = '<<';

/** Finds duplicate keys, in the order of the text. Does not follow aliases: the anchored node is searched where it is defined. */
export function findDuplicateKeys({ node }: ObjectNode): readonly DuplicateKey[] {
  const found: DuplicateKey[] = [];
  collect(node, Path.ROOT, found);
  return found;
}

function collect(node: unknown, at: Path, found: DuplicateKey[]): void {
  if (isSeq(node)) node.items.forEach((item, i) => collect(item, at.index(i), found));
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const pair of node.items) {
    const key = keyOf(pair);
    const path = at.child(key);
    if (seen.has(key) && key !== MERGE) found.push({ path: path.toString(), offset: startOffset(pair.key) ?? 0 });
    seen.add(key);
    collect(pair.value, path, found);
  }
}
