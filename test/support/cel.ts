/**
 * A small evaluator of CEL, for the expressions of config/: logic, equality, +, members, has() and calls. What it does not know
 * it refuses, as a server refuses an expression that does not compile, so a name that is misspelled shows. Stricter than CEL in
 * one thing: `a || b` fails where `a` does, and is not rescued by `b`. https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */

/** What names stand for: plain JSON, and objects whose methods an expression may call. */
export type Bindings = Readonly<Record<string, unknown>>;

type Method = (...args: readonly unknown[]) => unknown;

const TOKEN = /\s*(?:([A-Za-z_]\w*)|(\d+)|'([^'\\]*)'|"([^"\\]*)"|(\|\||&&|==|!=|[!+().,]))/y;

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
  const expression = parser.or();
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

  or(): Expression {
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
      const inner = this.or();
      this.#expect(')');
      return inner;
    }
    if (token?.type !== 'name') throw new SyntaxError(`"${token?.text ?? 'the end'}" is no value`);
    if (token.text === 'has') return this.#has();
    if (CONSTANTS.has(token.text)) return () => CONSTANTS.get(token.text);
    return (bindings) => fieldOf(bindings, token.text);
  }

  /** `has(a.b)`: whether `a` has a `b`. That `a` is there is not asked. */
  #has(): Expression {
    this.#expect('(');
    let object = this.#primary();
    this.#expect('.');
    let name = this.#name();
    while (this.#takes('.')) {
      object = member(object, name);
      name = this.#name();
    }
    this.#expect(')');
    return (bindings) => Object.hasOwn(objectOf(object(bindings)), name);
  }

  #member(start: Expression): Expression {
    let value = start;
    while (this.#takes('.')) {
      const name = this.#name();
      value = this.#takes('(') ? call(value, name, this.#args()) : member(value, name);
    }
    return value;
  }

  #args(): readonly Expression[] {
    const args: Expression[] = [];
    if (this.#takes(')')) return args;
    do args.push(this.or());
    while (this.#takes(','));
    this.#expect(')');
    return args;
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
    const method = fieldOf(objectOf(object(bindings)), name);
    if (typeof method !== 'function') throw new TypeError(`no such method: ${name}`);
    return (method as Method)(...args.map((one) => one(bindings)));
  };

function fieldOf(object: Bindings, name: string): unknown {
  if (!Object.hasOwn(object, name)) throw new TypeError(`no such key: ${name}`);
  return object[name];
}

function objectOf(value: unknown): Bindings {
  if (typeof value !== 'object' || value === null)
    throw new TypeError('no such overload: a member of what is no object');
  return value as Bindings;
}

function bool(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError('no such overload: logic of what is no bool');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no such overload: + of what is no string');
  return value;
}

/** Of plain values; whole objects are compared nowhere. */
function equal(a: unknown, b: unknown): boolean {
  const isPlain = [a, b].every((one) => one === null || typeof one !== 'object');
  if (!isPlain) throw new TypeError('no such overload: == of objects');
  return a === b;
}
