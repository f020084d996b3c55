/** As much of PromQL as it takes to find out which metrics and labels a query is about. */

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export interface Query {
  readonly selectors: readonly { readonly metric: string; readonly matchers: readonly Matcher[] }[];
  /** In `by (…)`, `on (…)` and the like. */
  readonly labels: readonly string[];
  readonly functions: readonly string[];
}

const TOKEN =
  /\s+|"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\$\w+|\d[\d.]*(?:e[+-]?\d+)?[smhdwy]?|[a-zA-Z_:][\w:]*|[!=~<>]+|[-+*/%^(){},]/y;
const LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const NAME = /^[a-zA-Z_:]/;

/** Throws at what it does not know. */
export function parseQuery(text: string): Query {
  const tokens = tokensOf(text);
  const selectors: Query['selectors'][number][] = [];
  const labels: string[] = [];
  const functions: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? '';
    if (!NAME.test(token) || WORDS.has(token)) continue;
    if (LISTS.has(token)) {
      const end = tokens.indexOf(')', i);
      if (tokens[i + 1] !== '(' || end < 0) throw new Error(`${token} without its labels: ${text}`);
      labels.push(...tokens.slice(i + 2, end).filter((each) => each !== ','));
      i = end;
    } else if (tokens[i + 1] === '(' || LISTS.has(tokens[i + 1] ?? '')) {
      functions.push(token);
    } else {
      const end = tokens[i + 1] === '{' ? tokens.indexOf('}', i) : i;
      if (end < 0) throw new Error(`a selector without its end: ${text}`);
      selectors.push({ metric: token, matchers: matchersOf(tokens.slice(i + 2, end)) });
      i = end;
    }
  }
  return { selectors, labels, functions };
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) throw new Error(`not understood at ${at}: ${text}`);
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (token.trim() !== '') tokens.push(token);
  }
  if (depth !== 0) throw new Error(`parentheses do not match: ${text}`);
  return tokens;
}

function matchersOf(tokens: readonly string[]): readonly Matcher[] {
  const matchers: Matcher[] = [];
  for (let i = 0; i < tokens.length; i += 4) {
    const [label = '', operator = '', value = '', comma = ','] = tokens.slice(i, i + 4);
    if (!['=', '!=', '=~', '!~'].includes(operator) || comma !== ',')
      throw new Error(`no matcher: ${tokens.join(' ')}`);
    matchers.push({ label, operator, value: JSON.parse(value) as string });
  }
  return matchers;
}
