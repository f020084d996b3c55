/** Makes an input that breaks something as small as a little patience makes it. */
import { decoded } from './oracles.ts';

/** Whether it still breaks. */
type Breaks = (body: Buffer) => Promise<boolean>;

const TRIES = 3_000;

export async function minimise(body: Buffer, breaks: Breaks): Promise<Buffer> {
  let left = TRIES;
  const patient: Breaks = async (candidate) => left-- > 0 && (await breaks(candidate));
  const value = decoded(body);
  return value === undefined || typeof value !== 'object'
    ? smallerBytes(body, patient)
    : smallerTree(value, body, patient);
}

/** Takes out pieces: halves first, single bytes at last. */
async function smallerBytes(body: Buffer, breaks: Breaks): Promise<Buffer> {
  let smallest = body;
  for (let size = body.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < smallest.length;) {
      const candidate = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (await breaks(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}

/** Takes out properties and items, those near the root first, as long as one can be spared. */
async function smallerTree(value: unknown, body: Buffer, breaks: Breaks): Promise<Buffer> {
  let smallest = body;
  for (const path of pathsIn(value)) {
    const tree: unknown = JSON.parse(smallest.toString());
    if (!removeAt(tree, path)) continue;
    const candidate = Buffer.from(JSON.stringify(tree));
    if (await breaks(candidate)) smallest = candidate;
  }
  return smallest;
}

type Branch = Record<string, unknown>;

/** In breadth; the items of a list from the last one on, so that those before keep their places. */
function pathsIn(root: unknown): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const open: (readonly [unknown, readonly string[]])[] = [[root, []]];
  for (let next = open.shift(); next !== undefined && found.length < TRIES; next = open.shift()) {
    const [value, path] = next;
    if (typeof value !== 'object' || value === null) continue;
    for (const key of Object.keys(value).toReversed().slice(0, TRIES)) {
      found.push([...path, key]);
      open.push([(value as Branch)[key], [...path, key]]);
    }
  }
  return found;
}

function removeAt(root: unknown, path: readonly string[]): boolean {
  const key = path.at(-1) ?? '';
  let parent = root;
  for (const step of path.slice(0, -1)) parent = (parent as Branch | undefined)?.[step];
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) return false;
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Branch)[key];
  return true;
}
