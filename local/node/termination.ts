/** Termination messages, with the kubelet's limits: pure. */

const MESSAGE_BYTES = 4096;
const TAIL_BYTES = 2048;
const TAIL_LINES = 80;

function lastBytes(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  return buffer.length <= bytes ? text : buffer.subarray(-bytes).toString('utf8');
}

/** The end of a log, at most 80 lines and 2 KiB. */
export function tailOf(text: string): string {
  const lines = lastBytes(text, TAIL_BYTES).split('\n');
  const ended = lines.at(-1) === '';
  return lines.slice(-(TAIL_LINES + (ended ? 1 : 0))).join('\n');
}

export interface Termination {
  /** The content of the container's termination message file. */
  readonly file: string;
  readonly logTail: string;
  readonly exitCode: number;
  readonly policy: string;
}

/** The termination message of a container; undefined if it has none. */
export function terminationMessage({ file, logTail, exitCode, policy }: Termination): string | undefined {
  if (file !== '') return Buffer.from(file).subarray(0, MESSAGE_BYTES).toString('utf8');
  return policy === 'FallbackToLogsOnError' && exitCode !== 0 && logTail !== '' ? tailOf(logTail) : undefined;
}
