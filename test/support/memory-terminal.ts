/** A terminal in memory. */
import { type Line, paintAll } from '../../cli/status/style.ts';
import type { Terminal } from '../../cli/terminal.ts';

export class MemoryTerminal implements Terminal {
  readonly isTerminal: boolean;
  readonly hasColor = false;
  size: Terminal['size'];
  readonly #reader = new AbortController();
  readonly #resized = new Set<() => void>();
  /** Each write to standard output. */
  readonly writes: { readonly text: string; readonly columns: number }[] = [];
  readonly errors: string[] = [];

  constructor(size?: Terminal['size']) {
    this.size = size;
    this.isTerminal = size !== undefined;
  }

  get closed(): AbortSignal {
    return this.#reader.signal;
  }

  get text(): string {
    return this.writes.map(({ text }) => text).join('');
  }

  write(text: string): Promise<void> {
    this.writes.push({ text, columns: this.size?.columns ?? Infinity });
    return Promise.resolve();
  }

  print(lines: readonly Line[]): Promise<void> {
    return this.write(paintAll(lines, this.hasColor));
  }

  error(text: string): void {
    this.errors.push(text);
  }

  onResize(listener: () => void, signal: AbortSignal): void {
    this.#resized.add(listener);
    signal.addEventListener('abort', () => this.#resized.delete(listener));
  }

  /** The reader of standard output goes away. */
  leave(): void {
    this.#reader.abort();
  }

  resize(size: NonNullable<Terminal['size']>): void {
    this.size = size;
    for (const listener of this.#resized) listener();
  }

  /** What a terminal shows after all writes: it breaks lines anew for its current width, and understands what `watch` sends. */
  get screen(): string {
    const lines: string[] = [];
    for (const { text, columns } of this.writes) {
      // oxlint-disable-next-line no-control-regex -- they are what is looked for
      const [, up = '0', rest = text] = /^\u001B\[\d+D\u001B\[(\d+)A\u001B\[0J([^]*)$/.exec(text) ?? [];
      let rows = Number(up);
      while (rows > 0) {
        const last = lines.pop();
        if (last === undefined) throw new Error('the cursor leaves the screen');
        rows -= Math.max(1, Math.ceil(last.length / columns));
      }
      if (rows < 0) throw new Error('the cursor stops within a line');
      lines.push(...rest.split('\n').slice(0, -1));
    }
    return lines.map((line) => `${line}\n`).join('');
  }
}
