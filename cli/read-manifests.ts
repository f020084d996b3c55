/** Reads the objects of a text, each with its position: from several documents, lists or a stream of JSON objects. */
import { isMap, isSeq, LineCounter } from 'yaml';
import { CRON, GROUP, KIND, LIST_KIND } from '../shared/api/group.ts';
import { isApiVersion } from '../shared/conversion/index.ts';
import { asObject } from '../shared/json/untrusted.ts';
import { splitJsonStream } from './split-json-stream.ts';
import { type ObjectNode, keyOf, fieldOffset, resolveAlias } from './field-position.ts';
import { findDuplicateKeys } from './duplicate-keys.ts';
import { readYaml, type YamlDocument } from './yaml.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Identifies an object of a file by number, from 1. Documents without content are not counted. */
export interface ObjectPlace {
  readonly document: number;
  /** The item numbers in the lists that contain the object, outermost list first. */
  readonly items: readonly number[];
}

/** A syntax error. */
export interface TextProblem extends Position {
  readonly place: ObjectPlace;
  readonly message: string;
}

/** A SequentialJob or a CronSequentialJob, or an object that was probably meant to be one (see `isOurs`). */
export interface Manifest {
  readonly place: ObjectPlace;
  readonly object: unknown;
  /** The position of a field or, if it is absent, of the deepest existing part of its path. */
  readonly positionOf: (path: string) => Position;
  readonly duplicates: readonly (Position & { readonly path: string })[];
}

export interface Manifests {
  readonly documents: number;
  /** In the order of the text. */
  readonly manifests: readonly Manifest[];
  readonly problems: readonly TextProblem[];
  /** The number of objects of other kinds. */
  readonly skipped: number;
}

/** Reads YAML or JSON. Never throws. A document with a syntax error yields no objects. */
export function readManifests(text: string): Manifests {
  const positionOf = positionLookup(text);
  const found: { manifests: Manifest[]; problems: TextProblem[]; skipped: number } = {
    manifests: [],
    problems: [],
    skipped: 0,
  };
  let number = 0;
  for (const piece of splitJsonStream(text)) {
    for (const document of readYaml(piece.text)) {
      if (isEmpty(document)) continue;
      number++;
      const at = (offset: number): Position => positionOf(piece.offset + offset);
      const place = { document: number, items: [] };
      const value = toJson(document);
      if ('problems' in value) {
        for (const { offset, message } of value.problems) found.problems.push({ ...at(offset), place, message });
        continue;
      }
      for (const one of expandLists({ document, node: document.contents }, value.content, place)) {
        if (isOurs(one.object)) found.manifests.push(toManifest(one, at));
        else found.skipped++;
      }
    }
  }
  return { documents: number, ...found };
}

function positionLookup(text: string): (offset: number) => Position {
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

/** The content of a document, or what is wrong with it. Never throws. */
export function toJson(document: YamlDocument): Content {
  if (document.errors.length > 0) {
    // The parser gives up on a document that is nested too deeply; its further errors are consequences of that.
    const tooDeep = document.errors.find(({ message }) => STACK_OVERFLOW.test(message));
    const errors = tooDeep === undefined ? document.errors : [tooDeep];
    return {
      problems: errors.map((error) => ({ offset: error.pos[0], message: `YAML: ${parseErrorMessage(error)}` })),
    };
  }
  try {
    return { content: document.toJS() as unknown };
  } catch (error) {
    // An alias without an anchor, or so many aliases that the library refuses to expand them.
    const message = error instanceof Error ? error.message : String(error);
    return {
      problems: [{ offset: document.contents?.range[0] ?? 0, message: `YAML: ${withoutStackOverflow(message)}` }],
    };
  }
}

/** YAML reads an unrendered `{{ .Values.x }}` as a map whose key is a map. */
const parseErrorMessage = ({ code, message }: YamlDocument['errors'][number]): string =>
  code === 'NON_STRING_KEY'
    ? 'a key must be a string, not a map or a list (render a template before linting it)'
    : withoutStackOverflow(message);

/** The error message of the recursive parser when the nesting is too deep. */
const STACK_OVERFLOW = /Maximum call stack|Stack overflow/;

const withoutStackOverflow = (message: string): string =>
  STACK_OVERFLOW.test(message) ? 'nested too deeply' : message;

interface FoundObject {
  readonly anchor: ObjectNode;
  readonly object: unknown;
  readonly place: ObjectPlace;
}

interface Typed {
  readonly apiVersion: unknown;
  readonly kind: unknown;
  readonly items: unknown;
}

/**
 * The object itself or, for a list, its items, which may be lists themselves. Items of a SequentialJobList or a CronSequentialJobList may omit
 * apiVersion and kind.
 */
function expandLists(anchor: ObjectNode, object: unknown, place: ObjectPlace): readonly FoundObject[] {
  const list = asObject<Typed>(object);
  if (list === undefined || !Array.isArray(list.items) || !isList(list)) return [{ anchor, object, place }];
  const nodes = itemNodes(anchor);
  const kind = LIST_KINDS.get(list.kind);
  const type = kind === undefined ? {} : { apiVersion: list.apiVersion, kind };
  return list.items.flatMap((item: unknown, i) => {
    const inner = asObject(item) === undefined ? item : { ...type, ...asObject(item) };
    const where = { ...place, items: [...place.items, i + 1] };
    return expandLists({ ...anchor, node: nodes[i] ?? null }, inner, where);
  });
}

/** The kind of the items by that of the list. */
const LIST_KINDS: ReadonlyMap<unknown, string> = new Map([
  [LIST_KIND, KIND],
  [CRON.listKind, CRON.kind],
]);

const isList = ({ apiVersion, kind }: Partial<Typed>): boolean =>
  (apiVersion === 'v1' && kind === 'List') || (isApiVersion(apiVersion) && LIST_KINDS.has(kind));

function itemNodes({ document, node }: ObjectNode): readonly ObjectNode['node'][] {
  const map = resolveAlias(node, document);
  const pair = isMap(map) ? map.items.findLast((one) => keyOf(one) === 'items') : undefined;
  const items = resolveAlias(pair?.value, document);
  return isSeq(items) ? (items.items as ObjectNode['node'][]) : [];
}

/**
 * Matches by kind or by apiVersion: if only one of the two is wrong, lint reports it instead of skipping the object. The
 * same kind in another API group is another resource.
 */
function isOurs(object: unknown): boolean {
  const { apiVersion, kind } = asObject<Typed>(object) ?? {};
  const group = typeof apiVersion === 'string' && apiVersion.includes('/') ? apiVersion.split('/')[0] : GROUP;
  return isApiVersion(apiVersion) || ((kind === KIND || kind === CRON.kind) && group === GROUP);
}

function toManifest({ anchor, object, place }: FoundObject, at: (offset: number) => Position): Manifest {
  return {
    place,
    object,
    positionOf: (path) => at(fieldOffset(anchor, path)),
    duplicates: findDuplicateKeys(anchor).map(({ path, offset }) => {
      const { line, column } = at(offset);
      return { line, column, path };
    }),
  };
}
