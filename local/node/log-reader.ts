/** Reads a container's log for `kubectl logs`: filtered, the last lines, or followed. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { rotatedFile, type LogFile } from './log-file.ts';

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Unix milliseconds. */
  readonly since?: number;
}

function count(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** Parses the query parameters of the API server's request; ignores malformed ones. */
export function parseLogQuery(parameters: URLSearchParams, now: number): LogQuery {
  const flag = (name: string): boolean => ['true', '1'].includes(parameters.get(name) ?? '');
  const seconds = count(parameters.get('sinceSeconds'));
  const time = Date.parse(parameters.get('sinceTime') ?? '');
  const since = seconds === undefined ? (Number.isNaN(time) ? undefined : time) : now - seconds * 1000;
  const tailLines = count(parameters.get('tailLines'));
  const limitBytes = count(parameters.get('limitBytes'));
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
  };
}

/** Formats a stored line, with a line end if it is a full line; undefined if it is older than `since`. */
export function formatLine(line: string, query: LogQuery): string | undefined {
  const space = line.indexOf(' ');
  const time = line.slice(0, space);
  if (query.since !== undefined && Date.parse(time) < query.since) return undefined;
  const text = `${line.slice(space + 3)}${line[space + 1] === 'F' ? '\n' : ''}`;
  return query.timestamps ? `${time} ${text}` : text;
}

interface Snapshot {
  /** Whole lines of the rotated and the current file. */
  readonly lines: readonly string[];
  /** Byte offset of the next line in the current file. */
  readonly end: number;
}

async function snapshot(file: string): Promise<Snapshot> {
  const [before, current] = await Promise.all(
    [rotatedFile(file), file].map((name) => readFile(name).catch(() => Buffer.alloc(0))),
  );
  const end = (current?.lastIndexOf(10) ?? -1) + 1; // the rest is a line that is still being written
  const text = `${before?.toString('utf8') ?? ''}${current?.subarray(0, end).toString('utf8') ?? ''}`;
  return { lines: text.split('\n').slice(0, -1), end };
}

function format(lines: readonly string[], query: LogQuery): string {
  const shown = lines.map((line) => formatLine(line, query)).filter((line) => line !== undefined);
  const last = query.tailLines === undefined ? shown : shown.slice(Math.max(0, shown.length - query.tailLines));
  return last.join('');
}

/** The current log, filtered and truncated as the query says; empty if there is no file. */
export async function readLog(file: string, query: LogQuery): Promise<string> {
  const text = format((await snapshot(file)).lines, query);
  return query.limitBytes === undefined ? text : Buffer.from(text).subarray(0, query.limitBytes).toString('utf8');
}

/** Yields the current log, then each new line, until the log has ended or the signal is aborted. Never rejects. */
export async function* followLog(log: LogFile, query: LogQuery, signal: AbortSignal): AsyncGenerator<string> {
  let { rotations } = log;
  const first = await snapshot(log.file);
  let offset = first.end;
  yield format(first.lines, query);
  const newLinesQuery = { ...query, tailLines: Number.MAX_SAFE_INTEGER };
  while (!signal.aborted) {
    const changed = once(log.events, 'changed', { signal }).catch(() => undefined);
    const { ended } = log; // read before the file: all lines written before the end are then in the file
    const rotated = rotations !== log.rotations;
    const { lines, read } = await readFrom(rotated ? rotatedFile(log.file) : log.file, offset);
    if (lines.length > 0) yield format(lines, newLinesQuery);
    offset = rotated ? 0 : offset + read;
    if (rotated) rotations = log.rotations;
    else if (ended) return;
    else await changed;
  }
}

/** The whole lines from an offset, and their size in bytes. */
async function readFrom(
  file: string,
  offset: number,
): Promise<{ readonly lines: readonly string[]; readonly read: number }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(file, { start: offset })) chunks.push(chunk as Buffer);
  } catch {
    return { lines: [], read: 0 }; // removed with its Pod
  }
  const data = Buffer.concat(chunks);
  const read = data.lastIndexOf(10) + 1;
  return { lines: data.subarray(0, read).toString('utf8').split('\n').slice(0, -1), read };
}
