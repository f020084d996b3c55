/**
 * A container's log on disk, as container runtimes write it: each line has a timestamp and a letter, F for a full line, P for
 * a partial one. When the file is full it is rotated: it replaces the previous rotated file, so at most two files are kept.
 */
import { EventEmitter } from 'node:events';
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { tailOf } from './termination.ts';

const MAX_FILE_BYTES = 5 * 1024 * 1024;
/** A longer line is written as partial lines of this size, as container runtimes do. */
const MAX_LINE_BYTES = 16 * 1024;

/** The name of the rotated file. */
export function rotatedFile(file: string): string {
  return `${file}.before`;
}

export class LogFile {
  readonly file: string;
  /** Emits `changed` after new lines, after a rotation and at the end. */
  readonly events = new EventEmitter<{ changed: [] }>();
  readonly #now: () => number;
  #fd: number;
  #size = 0;
  #pending: Buffer = Buffer.alloc(0);
  #tail = '';
  #ended = false;
  /** The number of rotations. A reader that sees it change opens the file again. */
  rotations = 0;

  constructor(file: string, now: () => number) {
    this.file = file;
    this.#now = now;
    this.#fd = openSync(file, 'w');
    this.events.setMaxListeners(0);
  }

  /** True after `end`: no more lines follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last lines, within the limits of a termination message. */
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
    const part = this.#pending.length >= MAX_LINE_BYTES ? this.#takePending() : undefined;
    this.#write(lines, part);
  }

  /** Writes the last line if it has no line end, and closes the file. */
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
    // One write: a reader sees whole lines, except perhaps for the last one, which it reads again later.
    writeSync(this.#fd, block);
    this.#size += block.length;
    if (this.#size >= MAX_FILE_BYTES) this.#rotate();
    this.events.emit('changed');
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.file, rotatedFile(this.file));
    this.#fd = openSync(this.file, 'w');
    this.#size = 0;
    this.rotations++;
  }
}
