/**
 * Rate-limited log lines, for events that any client can cause: the first lines are written, later ones only counted.
 */
import type { Log } from './log.ts';

type Level = 'info' | 'warn' | 'error';

/** A log line; `level`, `msg` and `kind` identify its kind. */
export interface SampledLine {
  readonly level: Level;
  readonly msg: string;
  /** Tells apart lines with the same message. Only constants, so that there are few kinds. */
  readonly kind: string;
  /** The structured fields of the line. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface SampledLogOptions {
  readonly log: Log;
  /** Lines of one kind per period before they are only counted; default 1. */
  readonly burst?: number;
  /** The length of a period; default 60 s. */
  readonly periodMs?: number;
}

const MINUTE_MS = 60_000;

/** Maximum number of kinds at once. About a dozen exist; a bug must not create one kind per request. */
const MAX_KINDS = 64;

interface Period {
  written: number;
  /** Lines that were not written since the last one. */
  omitted: number;
  line: SampledLine;
}

/** Writes at most `burst` lines of a kind per period, and at its end one more with the number of omitted lines. */
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
    const period = this.#periods.get(kind) ?? this.#startPeriod(kind, line);
    // Lines of kinds beyond the maximum are dropped.
    if (period === undefined) return;
    if (period.written < this.#burst) {
      period.written += 1;
      this.#log[level](fields, msg);
      return;
    }
    period.omitted += 1;
    period.line = line;
  }

  #startPeriod(kind: string, line: SampledLine): Period | undefined {
    if (this.#periods.size >= MAX_KINDS) return undefined;
    const period: Period = { written: 0, omitted: 0, line };
    this.#periods.set(kind, period);
    this.#scheduleEnd(kind, period);
    return period;
  }

  /** A period in which lines were omitted is followed by another one. */
  #scheduleEnd(kind: string, period: Period): void {
    setTimeout(() => {
      const { omitted, line } = period;
      if (omitted === 0) {
        this.#periods.delete(kind);
        return;
      }
      this.#log[line.level]({ ...line.fields, omitted }, line.msg);
      period.omitted = 0;
      period.written = this.#burst;
      this.#scheduleEnd(kind, period);
    }, this.#periodMs).unref();
  }
}
