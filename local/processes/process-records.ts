/**
 * Records on disk which processes belong to a state folder, so that a later start can kill those that a killed parent has
 * left. Signals only processes whose id and start time both match the record.
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
    return undefined; // a killed process has written the file only in part
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

/** Records a running process under a name, in place of an earlier record of that name. */
export async function recordProcess(folder: string, name: string, pid: number): Promise<void> {
  const identity = await identify(pid);
  if (identity === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), JSON.stringify(identity));
}

/**
 * Makes this process the owner of a record folder and kills every process that an exited owner has left in it. Rejects,
 * without changing anything, if the owner is another running process.
 */
export async function takeOwnership(folder: string, log: (line: string) => void): Promise<void> {
  const records = await readRecords(folder);
  const owner = records.get(OWNER);
  if (owner !== undefined && owner.pid !== process.pid && (await isAlive(owner))) {
    throw new Error(`in use by process ${owner.pid}, which is still running: stop it first (${folder})`);
  }
  for (const [name, identity] of records) {
    if (name === OWNER || !(await isAlive(identity))) continue;
    log(`killing ${name} (process ${identity.pid}), left over from an earlier run`);
    await kill(identity);
  }
  await rm(folder, { recursive: true, force: true });
  await recordProcess(folder, OWNER, process.pid);
}

/** Removes all records. The owner calls it after it has stopped its processes. */
export async function releaseOwnership(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function kill(identity: ProcessIdentity): Promise<void> {
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch {
    return; // has exited meanwhile
  }
  for (let tries = 0; tries < 100 && (await isAlive(identity)); tries++) await sleep(20);
}
