/**
 * A small evaluator of Go's text/template, for the chart's templates: if, with, range, define, variables, pipelines and calls.
 * What it does not know it refuses. Semantics: https://pkg.go.dev/text/template
 */

export type Func = (...args: never[]) => unknown;
export type Funcs = Readonly<Record<string, Func>>;

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'print'; readonly pipe: string }
  | { readonly type: 'set'; readonly name: string; readonly declares: boolean; readonly pipe: string }
  | {
      readonly type: 'if' | 'with' | 'range';
      readonly pipe: string;
      readonly body: Node[];
      readonly otherwise: Node[];
    };

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, { value: unknown }>;
}

export class TemplateSet {
  readonly #templates = new Map<string, readonly Node[]>();
  readonly #functions: Funcs;

  /** `functions` beside `include`, which is here. */
  constructor(functions: Funcs) {
    this.#functions = { ...functions, include: (name: string, dot: unknown) => this.execute(name, dot) };
  }

  parse(name: string, text: string): void {
    const parser = new Parser(tokens(text), (defined, body) => this.#templates.set(defined, body));
    this.#templates.set(name, parser.list().nodes);
  }

  execute(name: string, dot: unknown): string {
    const nodes = this.#templates.get(name);
    if (nodes === undefined) throw new Error(`no template "${name}"`);
    return this.#run(nodes, { dot, variables: new Map([['$', { value: dot }]]) });
  }

  #run(nodes: readonly Node[], scope: Scope): string {
    return nodes.map((node) => this.#one(node, scope)).join('');
  }

  #one(node: Node, scope: Scope): string {
    if (node.type === 'text') return node.text;
    const value = this.#value(node.pipe, scope);
    const inner = (dot: unknown): Scope => ({ dot, variables: new Map(scope.variables) });
    switch (node.type) {
      case 'print':
        return printed(value);
      case 'set':
        if (node.declares) scope.variables.set(node.name, { value });
        else variable(scope, node.name).value = value;
        return '';
      case 'if':
        return this.#run(truth(value) ? node.body : node.otherwise, inner(scope.dot));
      case 'with':
        return truth(value) ? this.#run(node.body, inner(value)) : this.#run(node.otherwise, inner(scope.dot));
      case 'range': {
        const items = Array.isArray(value) ? value : Object.values(value ?? {});
        if (items.length === 0) return this.#run(node.otherwise, inner(scope.dot));
        return items.map((item) => this.#run(node.body, inner(item))).join('');
      }
    }
  }

  #value(pipe: string, scope: Scope): unknown {
    const words = pipe.match(WORD) ?? [];
    if (words.join('').replaceAll(/\s/g, '') !== pipe.replaceAll(/\s/g, '')) throw new Error(`not understood: ${pipe}`);
    const left = [...words];
    const value = this.#pipeline(left, scope);
    if (left.length > 0) throw new Error(`not understood: ${left.join(' ')} in ${pipe}`);
    return value;
  }

  #pipeline(words: string[], scope: Scope): unknown {
    let value = this.#command(words, scope, []);
    while (words[0] === '|') {
      words.shift();
      value = this.#command(words, scope, [value]);
    }
    return value;
  }

  #command(words: string[], scope: Scope, last: readonly unknown[]): unknown {
    const name = words[0] ?? '';
    const called = /^[a-zA-Z]/.test(name) && !CONSTANTS.has(name) ? this.#function(words.shift() ?? '') : undefined;
    const head = called ?? this.#operand(words, scope);
    const args: unknown[] = [];
    while (words.length > 0 && words[0] !== '|' && words[0] !== ')') args.push(this.#operand(words, scope));
    args.push(...last);
    if (typeof head === 'function') return (head as (...all: unknown[]) => unknown)(...args);
    if (args.length > 0) throw new Error(`${name} is no function`);
    return head;
  }

  #function(name: string): Func {
    const found = this.#functions[name];
    if (found === undefined) throw new Error(`no function "${name}"`);
    return found;
  }

  #operand(words: string[], scope: Scope): unknown {
    const word = words.shift() ?? '';
    if (word === '(') {
      const value = this.#pipeline(words, scope);
      const close = words.shift() ?? '';
      if (!close.startsWith(')')) throw new Error('a parenthesis is not closed');
      return field(value, close.slice(1));
    }
    if (CONSTANTS.has(word)) return CONSTANTS.get(word);
    if (word.startsWith('"')) return JSON.parse(word) as string;
    if (/^-?\d/.test(word)) return Number(word);
    if (word.startsWith('.')) return field(scope.dot, word);
    const [, name = '', path = ''] = /^(\$\w*)(.*)$/.exec(word) ?? [];
    if (name === '') throw new Error(`not understood: ${word}`);
    return field(variable(scope, name).value, path);
  }
}

const WORD = /"(?:[^"\\]|\\.)*"|\||\(|\)(?:\.\w+)*|\$?(?:\.?\w+)(?:\.\w+)*|\$|\.|-?\d+/g;
const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['nil', undefined],
]);

function variable({ variables }: Scope, name: string): { value: unknown } {
  const found = variables.get(name);
  if (found === undefined) throw new Error(`no variable ${name}`);
  return found;
}

/** `.a.b` of a value. What is not there is nothing; of nothing there is nothing to ask for, as in Go. */
function field(value: unknown, path: string): unknown {
  let current = value;
  for (const name of path.split('.').filter(Boolean)) {
    if (current === undefined || current === null) throw new Error(`nil pointer: ${path}`);
    const next: unknown = (current as Readonly<Record<string, unknown>>)[name];
    current = typeof next === 'function' ? (next as Func).bind(current as never) : next;
  }
  return current;
}

/** Maps and lists, which Go prints in its own way, the chart leaves to `toYaml`. */
function printed(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return String(value);
    default:
      throw new Error(`nothing to print: ${JSON.stringify(value)}`);
  }
}

export function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

type Token = { readonly text: string } | { readonly action: string };

/** Text and actions in turn, white space trimmed where `{{-` and `-}}` say so; comments left out. */
function tokens(source: string): readonly Token[] {
  const found: Token[] = [];
  let trims = false;
  let start = 0;
  const text = (end: number, trimsRight: boolean): void => {
    let piece = source.slice(start, end);
    if (trims) piece = piece.trimStart();
    if (trimsRight) piece = piece.trimEnd();
    found.push({ text: piece });
  };
  for (const match of source.matchAll(/\{\{(-\s)?\s*([\s\S]*?)\s*(\s-)?\}\}/g)) {
    const [whole, left, action = '', right] = match;
    text(match.index, left !== undefined);
    if (!action.startsWith('/*')) found.push({ action });
    trims = right !== undefined;
    start = match.index + whole.length;
  }
  text(source.length, false);
  return found;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #define: (name: string, body: readonly Node[]) => void;
  #at = 0;

  constructor(all: readonly Token[], define: (name: string, body: readonly Node[]) => void) {
    this.#tokens = all;
    this.#define = define;
  }

  /** Up to the action that ends it, which is given too; undefined at the end of the file. */
  list(): { readonly nodes: Node[]; readonly end: string | undefined } {
    const nodes: Node[] = [];
    for (let token = this.#tokens[this.#at++]; token !== undefined; token = this.#tokens[this.#at++]) {
      if ('text' in token) {
        nodes.push({ type: 'text', text: token.text });
        continue;
      }
      const { action } = token;
      if (action === 'end' || action === 'else' || action.startsWith('else ')) return { nodes, end: action };
      const node = this.#node(action);
      if (node !== undefined) nodes.push(node);
    }
    return { nodes, end: undefined };
  }

  #node(action: string): Node | undefined {
    const [, keyword = '', rest = ''] = /^(\w+)\s+([\s\S]*)$/.exec(action) ?? [];
    switch (keyword) {
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(keyword, rest);
      case 'define':
        this.#define(JSON.parse(rest) as string, this.#closed());
        return undefined;
      default: {
        const [, name, sign, pipe] = /^(\$\w+)\s*(:?=)\s*([\s\S]*)$/.exec(action) ?? [];
        if (name === undefined || pipe === undefined) return { type: 'print', pipe: action };
        return { type: 'set', name, declares: sign === ':=', pipe };
      }
    }
  }

  #branch(type: 'if' | 'with' | 'range', pipe: string): Node {
    const { nodes, end } = this.list();
    if (end === undefined) throw new Error(`{{ ${type} ${pipe} }} has no end`);
    if (end === 'end') return { type, pipe, body: nodes, otherwise: [] };
    if (end === 'else') return { type, pipe, body: nodes, otherwise: this.#closed() };
    const next = this.#node(end.replace(/^else\s+/, ''));
    return { type, pipe, body: nodes, otherwise: next === undefined ? [] : [next] };
  }

  #closed(): Node[] {
    const { nodes, end } = this.list();
    if (end !== 'end') throw new Error('an end is missing');
    return nodes;
  }
}
