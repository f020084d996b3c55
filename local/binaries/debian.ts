/** Builds Debian's `kubernetes` source package, for Debian machines that reach Debian's archive but not the release downloads. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BUILDABLE_DEBIAN } from './choose.ts';

const KEPT_LINES = 15;

/**
 * Builds into the cache and returns the folder, which appears atomically. At most one build runs for a cache: a second
 * caller waits for the first and uses its result. The kernel releases the lock of a killed build. Rejects with the last
 * lines of the build's output.
 */
export async function buildFromDebian(cache: string, arch: string, log: (line: string) => void): Promise<string> {
  await mkdir(cache, { recursive: true });
  const script = join(import.meta.dirname, 'build-debian.sh');
  const child = spawn('flock', [join(cache, '.lock'), 'bash', script, cache, BUILDABLE_DEBIAN, arch], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let folder = '';
  child.stdout.on('data', (chunk: Buffer) => (folder += chunk.toString()));
  const last: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    // The script indents its own messages. The rest is the output of apt and Go, shown only after a failure.
    if (/^ {2}\S/.test(line)) log(line);
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`the build exited with code ${code ?? 'none'}:\n${last.join('\n')}`);
  return folder.trim();
}
