/** Keys that a map has twice, which JSON and go-yaml let pass, and the last one wins. */
import { isMap, isSeq } from 'yaml';
import { Path } from '../shared/validation/field-error.ts';
import { type Anchor, keyOf, startOf } from './locate.ts';

export interface Duplicate {
  readonly path: string;
  /** Of the later one. */
  readonly offset: number;
}

/** The merge key of YAML 1.1, which may come more than once. */
const MERGE = '<<';

/** Finds them in the order of the text. Aliases are not followed: what they name is looked at in its own place. */
export function duplicatesIn({ node }: Anchor): readonly Duplicate[] {
  const found: Duplicate[] = [];
  search(node, Path.ROOT, found);
  return found;
}

function search(node: unknown, at: Path, found: Duplicate[]): void {
  if (isSeq(node)) node.items.forEach((item, i) => search(item, at.index(i), found));
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const pair of node.items) {
    const key = keyOf(pair);
    const here = at.child(key);
    if (seen.has(key) && key !== MERGE) found.push({ path: here.toString(), offset: startOf(pair.key) ?? 0 });
    seen.add(key);
    search(pair.value, here, found);
  }
}
