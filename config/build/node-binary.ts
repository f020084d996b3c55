/**
 * The Node that goes into an executable: the locked npm package of its processor (ADR 5). `npm ci` installs that of this machine; the
 * other one is fetched by npm, and its archive checked against the lock file each time.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readLock, type LockedPackage } from '../supply-chain/lock.ts';

export type Arch = 'x64' | 'arm64';
export const ARCHES: readonly Arch[] = ['x64', 'arm64'];

/** Where the build keeps what it has fetched, from the project's root. */
const FETCHED = 'dist/node';

/** The name of the package with Node for this kind of processor. */
export const nodePackage = (arch: Arch): string => `node-linux-${arch}`;

/** @throws Error if the lock file has no Node for this processor. */
export function lockedNode(root: string, arch: Arch): LockedPackage {
  const found = readLock(root).find(({ path }) => path === `node_modules/${nodePackage(arch)}`);
  if (found === undefined) throw new Error(`package-lock.json has no ${nodePackage(arch)}`);
  return found;
}

/** The folder of the package from the project's root, if npm has installed it or a build has fetched it. */
export function presentNodeFolder(root: string, arch: Arch): string | undefined {
  const name = nodePackage(arch);
  return [`node_modules/${name}`, `${FETCHED}/${name}`].find((folder) =>
    existsSync(join(root, folder, 'package.json')),
  );
}

/**
 * The folder of the package from the project's root: with bin/node, LICENSE and package.json. Fetches it if npm has not installed it.
 *
 * @throws Error if it cannot be fetched, or is not what the lock file says.
 */
export function nodeFolder(root: string, arch: Arch): string {
  const installed = `node_modules/${nodePackage(arch)}`;
  if (existsSync(join(root, installed))) return installed;
  const { name, version, integrity } = lockedNode(root, arch);
  const fetched = join(root, FETCHED);
  const archive = join(fetched, `${name}-${version}.tgz`);
  mkdirSync(fetched, { recursive: true });
  if (!existsSync(archive)) run('npm', ['pack', `${name}@${version}`, '--silent', `--pack-destination=${fetched}`]);
  try {
    checkIntegrity(archive, integrity);
  } catch (error) {
    rmSync(archive);
    throw error;
  }
  const folder = `${FETCHED}/${name}`;
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder));
  const files = ['bin/node', 'LICENSE', 'package.json'].map((file) => `package/${file}`);
  run('tar', ['-xzf', archive, '-C', join(root, folder), '--strip-components=1', '--no-same-owner', ...files]);
  return folder;
}

/** @throws Error if the file does not have this checksum, which is written as in a lock file. */
export function checkIntegrity(file: string, integrity: string | undefined): void {
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${file} is not what package-lock.json says: ${found}`);
}

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args[0]} failed`);
}
