/** The lines of a container's log. */
import { StringDecoder } from 'node:string_decoder';
import { errorFromFailure } from '../../shared/kube/errors.ts';
import { objectPath, PODS } from '../../shared/kube/resources.ts';
import type { Connection } from './connect.ts';

export interface LogRequest {
  readonly pod: string;
  readonly container: string;
  readonly follow: boolean;
  readonly tailLines?: number | undefined;
  /** RFC 3339, whole seconds: lines from then on. */
  readonly sinceTime?: string | undefined;
  readonly signal: AbortSignal;
}

/** Programs may be silent for long; after that the log is opened again where it ended. */
const IDLE_MS = 600_000;

/** A longer line is delivered in parts. */
const MAX_LINE = 1024 * 1024;

/** Yields the lines with their timestamps, without line ends. Rejects with ApiError. */
export async function* readLog(connection: Connection, request: LogRequest): AsyncGenerator<string> {
  const { pod, container, follow, tailLines, sinceTime, signal } = request;
  const body = await connection.client.stream({
    path: objectPath(PODS, connection.namespace, pod, 'log'),
    query: { container, follow: follow || undefined, timestamps: true, tailLines, sinceTime },
    idleMs: IDLE_MS,
    signal,
  });
  try {
    yield* linesOf(body as AsyncIterable<Buffer>);
  } catch (error) {
    throw errorFromFailure(error);
  }
}

/** Splits at line feeds; a character may be spread over chunks. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  for await (const chunk of chunks) {
    const lines = `${pending}${decoder.write(chunk)}`.split('\n');
    pending = lines.pop() ?? '';
    yield* lines;
    if (pending.length < MAX_LINE) continue;
    yield pending;
    pending = '';
  }
  pending += decoder.end();
  if (pending !== '') yield pending;
}
