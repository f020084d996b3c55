/** A text → the objects in it, each with its place: several documents, lists of objects, a stream of JSON objects. */
import { isMap, isSeq, LineCounter } from 'yaml';
import { API_VERSION, GROUP, KIND, LIST_KIND } from '../shared/api/group.ts';
import { asObject } from '../shared/json/untrusted.ts';
import { jsonPieces } from './json-pieces.ts';
import { type Anchor, keyOf, locate, target } from './locate.ts';
import { duplicatesIn } from './duplicates.ts';
import { readYaml, type YamlDocument } from './yaml.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Which object of a file, counted from 1. Documents without content don't count. */
export interface Place {
  readonly document: number;
  /** The places in the lists that the object is in, outermost first. */
  readonly items: readonly number[];
}

/** Something wrong with the text itself. */
export interface TextProblem extends Position {
  readonly place: Place;
  readonly message: string;
}

/** An object that is a SequentialJob, or was meant to be one. */
export interface Manifest {
  readonly place: Place;
  readonly object: unknown;
  /** Where a field stands, or the deepest part of its path that does. */
  readonly locate: (path: string) => Position;
  readonly duplicates: readonly (Position & { readonly path: string })[];
}

export interface Manifests {
  readonly documents: number;
  /** In the order of the text. */
  readonly manifests: readonly Manifest[];
  readonly problems: readonly TextProblem[];
  /** How many objects are of other kinds. */
  readonly others: number;
}

/** Reads a text, YAML or JSON. Never throws. A document with a problem gives no objects: they would be guesses. */
export function readManifests(text: string): Manifests {
  const positionOf = positions(text);
  const found: { manifests: Manifest[]; problems: TextProblem[]; others: number } = {
    manifests: [],
    problems: [],
    others: 0,
  };
  let number = 0;
  for (const piece of jsonPieces(text)) {
    for (const document of readYaml(piece.text)) {
      if (isEmpty(document)) continue;
      number++;
      const at = (offset: number): Position => positionOf(piece.offset + offset);
      const place = { document: number, items: [] };
      const value = contentOf(document);
      if ('problems' in value) {
        for (const { offset, message } of value.problems) found.problems.push({ ...at(offset), place, message });
        continue;
      }
      for (const one of objectsIn({ document, node: document.contents }, value.content, place)) {
        if (isOurs(one.object)) found.manifests.push(manifest(one, at));
        else found.others++;
      }
    }
  }
  return { documents: number, ...found };
}

function positions(text: string): (offset: number) => Position {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) lines.addNewLine(i + 1);
  return (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}

const isEmpty = ({ contents, errors }: YamlDocument): boolean =>
  errors.length === 0 && (contents === null || ('source' in contents && contents.source === ''));

type Content =
  | { readonly content: unknown }
  | { readonly problems: readonly { readonly offset: number; readonly message: string }[] };

function contentOf(document: YamlDocument): Content {
  if (document.errors.length > 0) {
    // What follows a nesting that was given up is about brackets that nobody read any more.
    const tooDeep = document.errors.find(({ message }) => OVERFLOW.test(message));
    const errors = tooDeep === undefined ? document.errors : [tooDeep];
    return { problems: errors.map((error) => ({ offset: error.pos[0], message: `YAML: ${wordsOf(error)}` })) };
  }
  try {
    return { content: document.toJS() as unknown };
  } catch (error) {
    // An alias without an anchor, or so many that the text unfolds without end.
    const message = error instanceof Error ? error.message : String(error);
    return { problems: [{ offset: document.contents?.range[0] ?? 0, message: `YAML: ${plainly(message)}` }] };
  }
}

/** `{{ .Values.x }}` is a map with a map for its key. */
const wordsOf = ({ code, message }: YamlDocument['errors'][number]): string =>
  code === 'NON_STRING_KEY'
    ? 'a key must be a text, no map and no list (a template must be rendered first)'
    : plainly(message);

/** How the parser, which calls itself for each level, says that there are too many. */
const OVERFLOW = /Maximum call stack|Stack overflow/;

const plainly = (message: string): string => (OVERFLOW.test(message) ? 'nested too deeply' : message);

interface Found {
  readonly anchor: Anchor;
  readonly object: unknown;
  readonly place: Place;
}

interface Typed {
  readonly apiVersion: unknown;
  readonly kind: unknown;
  readonly items: unknown;
}

/** The object itself or, of a list, its items, which may be lists again. Items of our own list need not say what they are. */
function objectsIn(anchor: Anchor, object: unknown, place: Place): readonly Found[] {
  const list = asObject<Typed>(object);
  if (list === undefined || !Array.isArray(list.items) || !isList(list)) return [{ anchor, object, place }];
  const nodes = itemNodes(anchor);
  const type = list.kind === LIST_KIND ? { apiVersion: API_VERSION, kind: KIND } : {};
  return list.items.flatMap((item: unknown, i) => {
    const inner = asObject(item) === undefined ? item : { ...type, ...asObject(item) };
    const where = { ...place, items: [...place.items, i + 1] };
    return objectsIn({ ...anchor, node: nodes[i] ?? null }, inner, where);
  });
}

const isList = ({ apiVersion, kind }: Partial<Typed>): boolean =>
  (apiVersion === 'v1' && kind === 'List') || (apiVersion === API_VERSION && kind === LIST_KIND);

function itemNodes({ document, node }: Anchor): readonly Anchor['node'][] {
  const map = target(node, document);
  const pair = isMap(map) ? map.items.findLast((one) => keyOf(one) === 'items') : undefined;
  const items = target(pair?.value, document);
  return isSeq(items) ? (items.items as Anchor['node'][]) : [];
}

/**
 * Ours by kind or by version: a slip in one of the two is a fault to report and nothing to pass over. The kind of
 * another group is another kind.
 */
function isOurs(object: unknown): boolean {
  const { apiVersion, kind } = asObject<Typed>(object) ?? {};
  const group = typeof apiVersion === 'string' && apiVersion.includes('/') ? apiVersion.split('/')[0] : GROUP;
  return apiVersion === API_VERSION || (kind === KIND && group === GROUP);
}

function manifest({ anchor, object, place }: Found, at: (offset: number) => Position): Manifest {
  return {
    place,
    object,
    locate: (path) => at(locate(anchor, path)),
    duplicates: duplicatesIn(anchor).map(({ path, offset }) => {
      const { line, column } = at(offset);
      return { line, column, path };
    }),
  };
}
