/** Identifies a process by process id and start time: the kernel reuses the id alone. */
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, from /proc; undefined if there is no /proc. */
  readonly startTicks: string | undefined;
}

/** Parses the start time in `/proc/<pid>/stat`. The command name in it may contain spaces and parentheses. */
export function parseStartTicks(stat: string): string | undefined {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return afterName[19]; // field 22 of proc(5), counted from field 3
}

/** The identity of a running process; undefined if no process has that id. Never rejects. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return { pid, startTicks: stat === undefined ? undefined : parseStartTicks(stat) };
}

/** Whether the process with this id and start time still runs. Never rejects. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks;
}
