/**
 * Golden cases: test/golden/<folder>/<what is the case>.yaml has what is given and what comes of it, as differences from
 * named worlds in base/; messages.yaml has the messages of all cases. test/golden/README.md says how to write one.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { isCollection, isPair, parse, parseDocument, stringify } from 'yaml';
import { MESSAGE } from '../../shared/api/reasons.ts';
import { changed, difference, isMap, itemsOf, NONE } from './difference.ts';
import { deepFreeze } from './freeze.ts';

const GOLDEN = fileURLToPath(new URL('../golden/', import.meta.url));
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const YAML = '.yaml';
const MESSAGES = `messages${YAML}`;
/** The longest value that is written on one line. */
const LINE = 110;
const IS_TEXT = /message$|^warnings$/i;

type Texts = Readonly<Record<string, unknown>>;

/** What comes of a case. */
export interface Outcome {
  /** Without its messages, as it differs from what was expected anyhow; undefined: it does not. */
  readonly result: unknown;
  /** The messages by the path of what they belong to, where they are others than those on record. */
  readonly messages: Texts;
}

interface CaseFile {
  readonly base?: string;
  readonly given?: unknown;
  readonly result?: unknown;
}

export class Golden {
  /** Of all cases. */
  readonly names: readonly string[];
  readonly #folder: string;
  readonly #worlds = new Map<string, unknown>();
  #messages: Readonly<Record<string, Texts>>;

  constructor(folder: string) {
    this.#folder = `${GOLDEN}${folder}/`;
    const files = readdirSync(this.#folder).filter((file) => file.endsWith(YAML) && file !== MESSAGES);
    this.names = files.map((file) => file.slice(0, -YAML.length));
    this.#messages = this.#read(MESSAGES) as Readonly<Record<string, Texts>>;
  }

  #read(file: string): unknown {
    return parse(readFileSync(`${this.#folder}${file}`, 'utf8'));
  }

  /** What is given in a case. */
  given(name: string): unknown {
    return deepFreeze(spoken(this.#world(`${name}${YAML}`)));
  }

  base(name: string): unknown {
    const file = `base/${name}${YAML}`;
    if (!this.#worlds.has(file)) this.#worlds.set(file, this.#world(file));
    return this.#worlds.get(file);
  }

  #world(file: string): unknown {
    const { base, given = {} } = this.#read(file) as CaseFile;
    return changed(base === undefined ? undefined : this.base(base), given);
  }

  /** What is on record; with UPDATE_GOLDEN=1 the outcome is put there before. */
  recorded(name: string, outcome: Outcome): Outcome {
    if (UPDATE) this.#record(name, outcome);
    const { result } = this.#read(`${name}${YAML}`) as CaseFile;
    return { result, messages: this.#messages[name] ?? {} };
  }

  #record(name: string, { result, messages }: Outcome): void {
    const path = `${this.#folder}${name}${YAML}`;
    const file = parseDocument(readFileSync(path, 'utf8'));
    if (result === undefined) file.delete('result');
    else file.set('result', short(file.createNode(result, { aliasDuplicateObjects: false })));
    writeFileSync(path, file.toString({ lineWidth: 0 }));
    const all = this.names.map((one) => [one, one === name ? messages : (this.#messages[one] ?? {})] as const);
    this.#messages = Object.fromEntries(all.filter(([, texts]) => Object.keys(texts).length > 0));
    writeFileSync(`${this.#folder}${MESSAGES}`, stringify(this.#messages, { lineWidth: 0 }));
  }

  /** Files and messages that no case has: for when all cases have been read. */
  stale(): readonly string[] {
    const used = new Set([...this.names.map((name) => `${name}${YAML}`), ...this.#worlds.keys(), MESSAGES, 'base']);
    const files = readdirSync(this.#folder, { recursive: true }).map(String);
    const cases = Object.keys(this.#messages).map((name) => `${name}${YAML}`);
    return [...files, ...cases].filter((file) => !used.has(file));
  }
}

/** How `value` differs from `base`. */
export function outcome(base: unknown, value: unknown): Outcome {
  const [expected, found] = [apart(json(base)), apart(json(value))];
  const gone = [...expected.texts.keys()].filter((place) => !found.texts.has(place));
  const changed = [...found.texts].filter(([place, text]) => !isDeepStrictEqual(expected.texts.get(place), text));
  // The same is often said in several places: it is written once.
  const byText = new Map<string, string>();
  for (const [place, text] of [...gone.map((place) => [place, NONE] as const), ...changed]) {
    const key = JSON.stringify(text);
    byText.set(key, [byText.get(key) ?? [], place].flat().join(', '));
  }
  const messages = [...byText].map(([text, places]) => [places, JSON.parse(text) as unknown] as const);
  return { result: difference(expected.rest, found.rest), messages: Object.fromEntries(messages) };
}

/** As it goes over the wire: a field that is undefined is not there. */
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** A value without its messages, and these by the place that they have: in a list, by what the item is known by. */
function apart(value: unknown): { readonly rest: unknown; readonly texts: ReadonlyMap<string, unknown> } {
  const texts = new Map<string, unknown>();
  const without = (part: unknown, path: readonly string[]): unknown => {
    if (Array.isArray(part)) {
      const items = itemsOf(part);
      if (items !== undefined) return [...items].map(([name, item]) => without(item, [name]));
      return part.map((item, i) => without(item, [...path, String(i)]));
    }
    if (!isMap(part)) return part;
    const rest = Object.entries(part).filter((field) => !isText(field));
    for (const [key, text] of Object.entries(part).filter(isText)) {
      const place = [...path, ...(key === 'message' ? [] : [key])].join('.');
      if (texts.has(place)) throw new Error(`two messages have the same place: ${place}`);
      texts.set(place, text);
    }
    return Object.fromEntries(rest.map(([key, one]) => [key, without(one, [...path, key])]));
  };
  return { rest: without(value, []), texts };
}

const isText = ([key, text]: readonly [string, unknown]): boolean =>
  IS_TEXT.test(key) && (typeof text === 'string' || Array.isArray(text));

/** In what is given, messages by their names in shared/api/reasons.ts: `$notFailed`, or `[$starting, 0, extract]`. */
function spoken(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spoken);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, IS_TEXT.test(key) ? said(one) : spoken(one)]),
  );
}

function said(text: unknown): unknown {
  const [name, ...args] = [text].flat() as readonly unknown[];
  if (typeof name !== 'string' || !/^\$\w+$/.test(name)) return spoken(text);
  const message: unknown = Object.entries(MESSAGE).find(([key]) => key === name.slice(1))?.[1];
  if (message === undefined) throw new Error(`shared/api/reasons.ts has no message ${name}`);
  return typeof message === 'function' ? (message as (...all: unknown[]) => unknown)(...args.map(said)) : message;
}

/** Puts what fits on one line there. */
function short<T>(node: T): T {
  if (!isCollection(node)) return node;
  const text = JSON.stringify(node);
  node.flow = text.length <= LINE && !text.includes('\\n');
  for (const item of node.items) if (!node.flow) short(isPair(item) ? item.value : item);
  return node;
}
