/**
 * Finds the regular expressions in a source file. A scanner, not a parser: it knows strings, templates and comments, and
 * takes a slash for a division where something that has a value stands before it.
 */
import { stripTypeScriptTypes } from 'node:module';

export interface Literal {
  readonly source: string;
  readonly flags: string;
  readonly line: number;
}

/** What a value ends with. A keyword does too, which `KEYWORDS` sorts out. */
const ENDS_VALUE = /[\w$)\]}'"`]/;
const KEYWORDS: ReadonlySet<string> = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'void',
  'delete',
  'await',
  'yield',
]);

/** Every literal in a TypeScript file, in order. Throws on what is not closed. */
export function regexLiterals(typescript: string): readonly Literal[] {
  return new Scanner(stripTypeScriptTypes(typescript)).scan();
}

class Scanner {
  readonly #text: string;
  readonly #found: Literal[] = [];
  #at = 0;
  /** The last word or sign that means something. */
  #last = '';

  constructor(text: string) {
    this.#text = text;
  }

  scan(): readonly Literal[] {
    this.#code('');
    return this.#found;
  }

  /** Reads code up to a closing brace of its own, or to the end of the text. */
  #code(closing: '' | '}'): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at);
      if (char === '{') depth += 1;
      else if (char === '}' && depth === 0 && closing === '}') return;
      else if (char === '}') depth -= 1;
      this.#token(char);
    }
    if (closing !== '') throw new Error('a template is not closed');
  }

  #token(char: string): void {
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (two === '//') this.#skipTo('\n');
    else if (two === '/*') this.#skipTo('*/');
    else if (char === '/' && !this.#isDivision()) this.#regex();
    else if (char === '"' || char === "'") this.#string(char);
    else if (char === '`') this.#template();
    else this.#word(char);
  }

  #word(char: string): void {
    const word = /^[\w$]+/.exec(this.#text.slice(this.#at, this.#at + 80))?.[0] ?? char;
    if (word.trim() !== '') this.#last = word;
    this.#at += word.length;
  }

  #isDivision(): boolean {
    return ENDS_VALUE.test(this.#last.slice(-1)) && !KEYWORDS.has(this.#last);
  }

  #skipTo(end: string): void {
    const found = this.#text.indexOf(end, this.#at + 2);
    this.#at = found < 0 ? this.#text.length : found + end.length;
  }

  #string(quote: string): void {
    for (this.#at += 1; this.#text.charAt(this.#at) !== quote; this.#at += 1) this.#pastEscape();
    this.#at += 1;
    this.#last = quote;
  }

  #template(): void {
    this.#at += 1;
    while (this.#text.charAt(this.#at) !== '`') {
      if (this.#text.startsWith('${', this.#at)) {
        this.#at += 2;
        this.#last = '(';
        this.#code('}');
      } else {
        this.#pastEscape();
      }
      this.#at += 1;
    }
    this.#at += 1;
    this.#last = '`';
  }

  #regex(): void {
    const start = this.#at + 1;
    let isInClass = false;
    for (this.#at = start; isInClass || this.#text.charAt(this.#at) !== '/'; this.#at += 1) {
      const char = this.#text.charAt(this.#at);
      if (char === '[') isInClass = true;
      else if (char === ']') isInClass = false;
      this.#pastEscape();
    }
    const source = this.#text.slice(start, this.#at);
    const flags = /^[a-z]*/.exec(this.#text.slice(this.#at + 1, this.#at + 12))?.[0] ?? '';
    this.#at += 1 + flags.length;
    this.#found.push({ source, flags, line: this.#text.slice(0, start).split('\n').length });
    this.#last = ')';
  }

  /** Over the backslash: what it escapes is passed over by the caller. */
  #pastEscape(): void {
    if (this.#at >= this.#text.length) throw new Error('a string, a template or a pattern is not closed');
    if (this.#text.charAt(this.#at) === '\\') this.#at += 1;
  }
}
