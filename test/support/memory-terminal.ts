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
  readonly writes: string[] = [];
  readonly errors: string[] = [];

  constructor(size?: Terminal['size']) {
    this.size = size;
    this.isTerminal = size !== undefined;
  }

  get closed(): AbortSignal {
    return this.#reader.signal;
  }

  get text(): string {
    return this.writes.join('');
  }

  write(text: string): Promise<void> {
    this.writes.push(text);
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

  resize(size: NonNullable<Terminal['size']>): void {
    this.size = size;
    for (const listener of this.#resized) listener();
  }

  /** What a terminal shows after all writes: understands what `watch` sends. */
  get screen(): string {
    const lines: string[] = [];
    let row = 0;
    for (const write of this.writes) {
      const [, up, rest = ''] = /^(?:\u001B\[\d+D)?\u001B\[(\d+)A\u001B\[0J([^]*)$/.exec(write) ?? [
        undefined,
        '0',
        write,
      ];
      row -= Number(up);
      lines.length = row;
      const added = rest.split('\n').slice(0, -1);
      lines.push(...added);
      row += added.length;
    }
    return lines.map((line) => `${line}\n`).join('');
  }
}
