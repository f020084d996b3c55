/**
 * A small evaluator of CEL, for the expressions of config/: logic, conditions, comparisons, +, lists, members, has(), size(),
 * calls, contains() of a text, and the macros map and filter. What it does not know it refuses, as a server refuses an expression that does not compile,
 * so a name that is misspelled shows. Stricter than CEL in two things: `a || b` fails where `a` does, and is not rescued by `b`; and
 * two lists with other orders differ, also where the schema says that they are maps.
 * https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */
import { type Bindings, bool, equal, fieldOf, itemAt, itemsOf, number, objectOf, text, typeOf } from './cel-values.ts';

export type { Bindings } from './cel-values.ts';

type Method = (...args: readonly unknown[]) => unknown;

const TOKEN = /\s*(?:([A-Za-z_]\w*)|(\d+)|'([^'\\]*)'|"([^"\\]*)"|(\|\||&&|==|!=|[!+().,<?:{}[\]]))/y;

interface Token {
  readonly type: 'name' | 'value' | 'sign';
  readonly text: string;
  readonly value: unknown;
}

function tokensOf(source: string): readonly Token[] {
  const found: Token[] = [];
  const scan = new RegExp(TOKEN);
  const end = source.trimEnd().length;
  while (scan.lastIndex < end) {
    const at = scan.lastIndex;
    const match = scan.exec(source);
    if (match === null) throw new SyntaxError(`unexpected "${source.slice(at, at + 20)}"`);
    const [, name, digits, single, double, sign] = match;
    const literal = single ?? double;
    if (name !== undefined) found.push({ type: 'name', text: name, value: undefined });
    else if (sign !== undefined) found.push({ type: 'sign', text: sign, value: undefined });
    else found.push({ type: 'value', text: literal ?? digits ?? '', value: literal ?? Number(digits) });
  }
  return found;
}

/** The value of an expression. Throws for what is no CEL, and where a server could not evaluate it: a member that is not there. */
export function evaluate(source: string, bindings: Bindings): unknown {
  const parser = new Parser(tokensOf(source));
  const expression = parser.expression();
  parser.end();
  return expression(bindings);
}

/** Everything is parsed, also what is not evaluated. */
type Expression = (bindings: Bindings) => unknown;

const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    const left = this.#tokens[this.#at];
    if (left !== undefined) throw new SyntaxError(`"${left.text}" is left over`);
  }

  /** `a ? b : c`, or what binds closer. */
  expression(): Expression {
    const condition = this.#or();
    if (!this.#takes('?')) return condition;
    const yes = this.#or();
    this.#expect(':');
    const no = this.expression();
    return (bindings) => (bool(condition(bindings)) ? yes(bindings) : no(bindings));
  }

  #or(): Expression {
    return this.#chain(
      '||',
      () => this.#and(),
      (a, b) => (bindings) => bool(a(bindings)) || bool(b(bindings)),
    );
  }

  #and(): Expression {
    return this.#chain(
      '&&',
      () => this.#relation(),
      (a, b) => (bindings) => bool(a(bindings)) && bool(b(bindings)),
    );
  }

  #relation(): Expression {
    const left = this.#sum();
    if (this.#takes('<')) {
      const right = this.#sum();
      return (bindings) => number(left(bindings)) < number(right(bindings));
    }
    const negated = this.#takes('!=');
    if (!negated && !this.#takes('==')) return left;
    const right = this.#sum();
    return (bindings) => equal(left(bindings), right(bindings)) !== negated;
  }

  #sum(): Expression {
    return this.#chain(
      '+',
      () => this.#unary(),
      (a, b) => (bindings) => text(a(bindings)) + text(b(bindings)),
    );
  }

  #chain(sign: string, next: () => Expression, join: (a: Expression, b: Expression) => Expression): Expression {
    let left = next();
    while (this.#takes(sign)) left = join(left, next());
    return left;
  }

  #unary(): Expression {
    if (!this.#takes('!')) return this.#member(this.#primary());
    const operand = this.#unary();
    return (bindings) => !bool(operand(bindings));
  }

  #primary(): Expression {
    const token = this.#tokens[this.#at++];
    if (token?.type === 'value') return () => token.value;
    if (token?.type === 'sign' && token.text === '(') {
      const inner = this.expression();
      this.#expect(')');
      return inner;
    }
    if (token?.type === 'sign' && token.text === '[') return listOf(this.#list(']'));
    if (token?.type === 'sign' && token.text === '{') {
      this.#expect('}');
      return () => ({});
    }
    if (token?.type !== 'name') throw new SyntaxError(`"${token?.text ?? 'the end'}" is no value`);
    if (token.text === 'has') return this.#has();
    if (token.text === 'size') return this.#size();
    if (CONSTANTS.has(token.text)) return () => CONSTANTS.get(token.text);
    return (bindings) => fieldOf(bindings, token.text);
  }

  /** `has(a.b)`: whether `a` has a `b`. That `a` is there is not asked. */
  #has(): Expression {
    this.#expect('(');
    let object = this.#primary();
    let field: string | undefined;
    for (;;) {
      const at = field === undefined ? object : member(object, field);
      if (this.#takes('.')) [object, field] = [at, this.#name()];
      else if (this.#takes('[')) [object, field] = [this.#item(at), undefined];
      else break;
    }
    this.#expect(')');
    if (field === undefined) throw new SyntaxError('has() is asked of no field');
    const name = field;
    return (bindings) => Object.hasOwn(objectOf(object(bindings)), name);
  }

  #size(): Expression {
    this.#expect('(');
    const list = this.expression();
    this.#expect(')');
    return (bindings) => itemsOf(list(bindings)).length;
  }

  #member(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.#takes('[')) value = this.#item(value);
      else if (this.#takes('.')) value = this.#field(value);
      else return value;
    }
  }

  #field(object: Expression): Expression {
    const name = this.#name();
    if (!this.#takes('(')) return member(object, name);
    const macro = MACROS.get(name);
    if (macro === undefined) return call(object, name, this.#list(')'));
    const variable = this.#name();
    this.#expect(',');
    const body = this.expression();
    this.#expect(')');
    return (bindings) => macro(itemsOf(object(bindings)), (item) => body({ ...bindings, [variable]: item }));
  }

  #item(list: Expression): Expression {
    const index = this.expression();
    this.#expect(']');
    return (bindings) => itemAt(itemsOf(list(bindings)), number(index(bindings)));
  }

  /** Expressions up to this sign. */
  #list(end: string): readonly Expression[] {
    const items: Expression[] = [];
    if (this.#takes(end)) return items;
    do items.push(this.expression());
    while (this.#takes(','));
    this.#expect(end);
    return items;
  }

  #name(): string {
    const token = this.#tokens[this.#at++];
    if (token?.type !== 'name') throw new SyntaxError(`"${token?.text ?? 'the end'}" is no name`);
    return token.text;
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.type !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#takes(sign))
      throw new SyntaxError(`"${sign}" is missing before "${this.#tokens[this.#at]?.text ?? 'the end'}"`);
  }
}

const member =
  (object: Expression, name: string): Expression =>
  (bindings) =>
    fieldOf(objectOf(object(bindings)), name);

const call =
  (object: Expression, name: string, args: readonly Expression[]): Expression =>
  (bindings) => {
    const value = object(bindings);
    if (typeof value === 'string' && name === 'contains') return value.includes(text(args[0]?.(bindings)));
    const method = fieldOf(objectOf(value), name);
    if (typeof method !== 'function') throw new TypeError(`no such method: ${name}`);
    return (method as Method)(...args.map((one) => one(bindings)));
  };

type Macro = (items: readonly unknown[], body: (item: unknown) => unknown) => unknown;

const MACROS: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ['map', (items, body) => items.map(body)],
  ['filter', (items, body) => items.filter((item) => bool(body(item)))],
]);

/** A server compiles no list of items of several types. */
const listOf =
  (items: readonly Expression[]): Expression =>
  (bindings) => {
    const values = items.map((one) => one(bindings));
    if (new Set(values.map(typeOf)).size > 1) throw new TypeError('no such overload: a list of several types');
    return values;
  };
