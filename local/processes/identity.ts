/** Who a process is: a process id alone is reused by the system, the pair of id and start time is not. */
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, as /proc tells it; undefined where there is no /proc. */
  readonly startTicks: string | undefined;
}

/** Start time out of the text of `/proc/<pid>/stat`; the command name in it may hold spaces and parentheses. */
export function parseStartTicks(stat: string): string | undefined {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return afterName[19]; // field 22 of proc(5), counted from field 3
}

/** The identity of a living process, or undefined when there is none of that id. Never rejects. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return { pid, startTicks: stat === undefined ? undefined : parseStartTicks(stat) };
}

/** Whether that very process still lives: same id and same start time. Never rejects. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks;
}
