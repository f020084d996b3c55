/**
 * Remembers on disk which processes belong to a state folder, so that a later start can end what a killed parent left
 * behind. Only processes whose id and start time both match the record are ever signalled.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './identity.ts';

const OWNER = 'owner';

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') {
      return undefined;
    }
    const startTicks = 'startTicks' in value && typeof value.startTicks === 'string' ? value.startTicks : undefined;
    return { pid: value.pid, startTicks };
  } catch {
    return undefined; // half-written by a killed process: nothing to go by
  }
}

async function readRecords(folder: string): Promise<ReadonlyMap<string, ProcessIdentity>> {
  const names = await readdir(folder).catch(() => []);
  const entries = await Promise.all(
    names.map(
      async (name) => [name, parseIdentity(await readFile(join(folder, name), 'utf8').catch(() => ''))] as const,
    ),
  );
  return new Map(entries.filter((entry): entry is [string, ProcessIdentity] => entry[1] !== undefined));
}

/** Writes down a living process under a name; the record is overwritten by the next one of that name. */
export async function recordProcess(folder: string, name: string, pid: number): Promise<void> {
  const identity = await identify(pid);
  if (identity === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), JSON.stringify(identity));
}

/**
 * Makes this process the owner of a record folder and ends every process that a dead owner left in it.
 * Rejects, touching nothing, when the owner is another living process.
 */
export async function takeOver(folder: string, log: (line: string) => void): Promise<void> {
  const records = await readRecords(folder);
  const owner = records.get(OWNER);
  if (owner !== undefined && owner.pid !== process.pid && (await isAlive(owner))) {
    throw new Error(`in use by process ${owner.pid}, which is still running: stop it first (${folder})`);
  }
  for (const [name, identity] of records) {
    if (name === OWNER || !(await isAlive(identity))) continue;
    log(`ending ${name} (process ${identity.pid}), left over from an earlier run`);
    await end(identity);
  }
  await rm(folder, { recursive: true, force: true });
  await recordProcess(folder, OWNER, process.pid);
}

/** Forgets all records: for an owner that has stopped what it started. */
export async function release(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function end(identity: ProcessIdentity): Promise<void> {
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch {
    return; // gone in between
  }
  for (let tries = 0; tries < 100 && (await isAlive(identity)); tries++) await sleep(20);
}
