/**
 * SPDX license expressions, https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions: identifiers, `+`, `WITH`, `AND`
 * before `OR`, parentheses. Operators are upper case, as npm wants them.
 */

type Expression =
  | { readonly kind: 'licence'; readonly id: string; readonly orLater: boolean; readonly exception?: string }
  | { readonly kind: 'AND' | 'OR'; readonly parts: readonly Expression[] };

const TOKEN = /\s*(\(|\)|[A-Za-z0-9][A-Za-z0-9.:-]*\+?)/y;
const OPERATORS: ReadonlySet<string> = new Set(['AND', 'OR', 'WITH', '(', ')']);

function tokenize(text: string): readonly string[] {
  const trimmed = text.trimEnd();
  const pattern = new RegExp(TOKEN);
  const tokens: string[] = [];
  while (pattern.lastIndex < trimmed.length) {
    const token = pattern.exec(trimmed)?.[1];
    if (token === undefined) throw new SyntaxError(`not an SPDX expression: ${text}`);
    tokens.push(token);
  }
  return tokens;
}

/** By recursive descent: one method for each level of precedence. */
class Parser {
  readonly #tokens: readonly string[];
  readonly #text: string;
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  whole(): Expression {
    const expression = this.#either();
    return this.#next === this.#tokens.length ? expression : this.#refuse();
  }

  #refuse(): never {
    throw new SyntaxError(`not an SPDX expression: ${this.#text}`);
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }

  #joined(kind: 'AND' | 'OR', part: () => Expression): Expression {
    const parts = [part()];
    while (this.#takes(kind)) parts.push(part());
    const [first = this.#refuse()] = parts;
    return parts.length === 1 ? first : { kind, parts };
  }

  #either(): Expression {
    return this.#joined('OR', () => this.#joined('AND', () => this.#one()));
  }

  #one(): Expression {
    if (!this.#takes('(')) return this.#licence();
    const inner = this.#either();
    return this.#takes(')') ? inner : this.#refuse();
  }

  #licence(): Expression {
    const token = this.#identifier();
    const orLater = token.endsWith('+');
    const licence = { kind: 'licence', id: orLater ? token.slice(0, -1) : token, orLater } as const;
    return this.#takes('WITH') ? { ...licence, exception: this.#identifier() } : licence;
  }

  #identifier(): string {
    const token = this.#tokens[this.#next++];
    return token === undefined || OPERATORS.has(token) ? this.#refuse() : token;
  }
}

function permits(expression: Expression, allowed: ReadonlySet<string>): boolean {
  switch (expression.kind) {
    case 'OR':
      return expression.parts.some((part) => permits(part, allowed));
    case 'AND':
      return expression.parts.every((part) => permits(part, allowed));
    case 'licence':
      // "Or later" leaves the choice to us; an exception is a licence of its own, listed as such or not at all.
      return expression.exception === undefined
        ? allowed.has(expression.id)
        : allowed.has(`${expression.id} WITH ${expression.exception}`);
  }
}

/**
 * Whether whoever keeps to the licences of `allowed` may use something under this expression: of `OR` one must be among them,
 * of `AND` all.
 *
 * @throws SyntaxError for what is no SPDX expression, as `SEE LICENSE IN LICENSE` and `MIT/X11`.
 */
export const isPermitted = (expression: string, allowed: ReadonlySet<string>): boolean =>
  permits(new Parser(expression).whole(), allowed);
