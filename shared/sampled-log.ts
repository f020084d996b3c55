/** Lines of the log that strangers can cause, as often as they like: the first ones, and from then on how many there were. */
import type { Log } from './log.ts';

type Level = 'info' | 'warn' | 'error';

/** A line: what does not change from one to the next names its kind. */
export interface SampledLine {
  readonly level: Level;
  readonly msg: string;
  /** Says which of the lines with this text; of constants, so that there are few. */
  readonly kind: string;
  /** What else the line says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface SampledLogOptions {
  readonly log: Log;
  /** Lines of one kind in one minute, before they are only counted; default 1. */
  readonly burst?: number;
  /** How long a kind is counted for; default 60 s. */
  readonly periodMs?: number;
}

const MINUTE_MS = 60_000;

/** Kinds at once. There are a dozen; a mistake of ours must not make them as many as there are requests. */
const MAX_KINDS = 64;

interface Period {
  written: number;
  /** Not written since the last line. */
  left: number;
  line: SampledLine;
}

/** Writes at most so many lines of a kind in a minute, and one more at its end with the number of those it left out. */
export class SampledLog {
  readonly #log: Log;
  readonly #burst: number;
  readonly #periodMs: number;
  readonly #periods = new Map<string, Period>();

  constructor({ log, burst = 1, periodMs = MINUTE_MS }: SampledLogOptions) {
    this.#log = log;
    this.#burst = burst;
    this.#periodMs = periodMs;
  }

  write(line: SampledLine): void {
    const { level, msg, fields } = line;
    const kind = `${level} ${msg} ${line.kind}`;
    const period = this.#periods.get(kind) ?? this.#begin(kind, line);
    // Of too many kinds the last are not told apart, and not told.
    if (period === undefined) return;
    if (period.written < this.#burst) {
      period.written += 1;
      this.#log[level](fields, msg);
      return;
    }
    period.left += 1;
    period.line = line;
  }

  #begin(kind: string, line: SampledLine): Period | undefined {
    if (this.#periods.size >= MAX_KINDS) return undefined;
    const period: Period = { written: 0, left: 0, line };
    this.#periods.set(kind, period);
    this.#await(kind, period);
    return period;
  }

  /** The end of a period in which something was left out is the beginning of the next. */
  #await(kind: string, period: Period): void {
    setTimeout(() => {
      const { left, line } = period;
      if (left === 0) {
        this.#periods.delete(kind);
        return;
      }
      this.#log[line.level]({ ...line.fields, omitted: left }, line.msg);
      period.left = 0;
      period.written = this.#burst;
      this.#await(kind, period);
    }, this.#periodMs).unref();
  }
}
