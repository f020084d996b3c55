/** Where reading a log goes on after it was cut off: each line is printed once. Pure, but for its memory. */

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z /;

export interface LogLine {
  /** RFC 3339, as the kubelet wrote it; empty where it wrote none. */
  readonly time: string;
  readonly text: string;
}

/** The time of a line in a form that compares as text: the kubelet leaves out zeros at the end. */
function parse(line: string): LogLine & { readonly key: string } {
  const [prefix, seconds = '', fraction = ''] = TIMESTAMP.exec(line) ?? [];
  if (prefix === undefined) return { time: '', text: line, key: '' };
  return { time: prefix.trimEnd(), text: line.slice(prefix.length), key: `${seconds}.${fraction.padEnd(9, '0')}` };
}

export class ResumePoint {
  /** The latest time, and the number of lines of that time that have been printed. */
  #last = '';
  #printed = 0;
  /** Lines of the latest time that are to be left out. */
  #skip = 0;

  /** For `sinceTime`: undefined before the first line. */
  get since(): string | undefined {
    return this.#last === '' ? undefined : `${this.#last.slice(0, 19)}Z`;
  }

  /** To be called before the log is opened again. */
  reopen(): void {
    this.#skip = this.#printed;
  }

  /** The line, or undefined if it has been printed before. */
  accept(line: string): LogLine | undefined {
    const { time, text, key } = parse(line);
    if (key === '') return { time, text };
    if (key < this.#last && this.#skip > 0) return undefined;
    if (key === this.#last && this.#skip > 0) {
      this.#skip--;
      return undefined;
    }
    // A clock that went back does not hide lines.
    this.#skip = 0;
    this.#printed = key === this.#last ? this.#printed + 1 : 1;
    this.#last = key;
    return { time, text };
  }
}
