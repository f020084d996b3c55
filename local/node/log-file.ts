/**
 * A container's output on disk: one line per line, each after the time it came and a letter (F for a full line, P for a part
 * whose end was still to come), in a file of bounded size. When the file is full it becomes the previous half, so that between
 * one and two halves are kept.
 */
import { EventEmitter } from 'node:events';
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { tailOf } from './termination.ts';

const HALF_BYTES = 5 * 1024 * 1024;
/** A line without an end is written in pieces of this size, as container runtimes do. */
const LONGEST_LINE = 16 * 1024;

/** The name of the half before the current one. */
export function previousHalf(file: string): string {
  return `${file}.before`;
}

export class LogFile {
  readonly file: string;
  /** Emits `changed` after new lines, after a new half and at the end. */
  readonly events = new EventEmitter<{ changed: [] }>();
  readonly #now: () => number;
  #fd: number;
  #size = 0;
  #pending: Buffer = Buffer.alloc(0);
  #tail = '';
  #ended = false;
  /** Grows with each new half: a reader that sees another number opens the file anew. */
  generation = 0;

  constructor(file: string, now: () => number) {
    this.file = file;
    this.#now = now;
    this.#fd = openSync(file, 'w');
    this.events.setMaxListeners(0);
  }

  /** True after `end`: nothing will follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last lines, as a termination message takes them. */
  get tail(): string {
    return this.#tail;
  }

  append(chunk: Buffer): void {
    if (this.#ended) return;
    this.#tail = tailOf(this.#tail + chunk.toString('utf8'));
    const data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
      lines.push(data.subarray(start, end + 1));
      start = end + 1;
    }
    this.#pending = data.subarray(start);
    const part = this.#pending.length >= LONGEST_LINE ? this.#takePending() : undefined;
    this.#write(lines, part);
  }

  /** Writes what has no line end yet and closes the file. */
  end(): void {
    if (this.#ended) return;
    this.#write([], this.#takePending());
    this.#ended = true;
    closeSync(this.#fd);
    this.events.emit('changed');
  }

  #takePending(): Buffer | undefined {
    const part = this.#pending;
    this.#pending = Buffer.alloc(0);
    return part.length === 0 ? undefined : part;
  }

  #write(lines: readonly Buffer[], part?: Buffer): void {
    if (lines.length === 0 && part === undefined) return;
    const time = new Date(this.#now()).toISOString();
    const full = Buffer.from(`${time} F `);
    const partial = part === undefined ? [] : [Buffer.from(`${time} P `), part, Buffer.from('\n')];
    const block = Buffer.concat([...lines.flatMap((line) => [full, line]), ...partial]);
    // A write in one piece: a reader sees whole lines, or a last line without its end, which it leaves for later.
    writeSync(this.#fd, block);
    this.#size += block.length;
    if (this.#size >= HALF_BYTES) this.#turn();
    this.events.emit('changed');
  }

  #turn(): void {
    closeSync(this.#fd);
    renameSync(this.file, previousHalf(this.file));
    this.#fd = openSync(this.file, 'w');
    this.#size = 0;
    this.generation++;
  }
}
