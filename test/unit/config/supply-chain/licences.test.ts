import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenceFaults, readLicencePolicy } from '../../../../config/supply-chain/licences.ts';
import { type LockedPackage, parseLock, readLock } from '../../../../config/supply-chain/lock.ts';
import { ROOT } from '../../../support/manifests.ts';

const one = (licence: string | undefined, isDevelopment: boolean): LockedPackage => {
  const [locked] = parseLock(
    JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0', dev: isDevelopment } } }),
  );
  if (locked === undefined) throw new Error('no package');
  return { ...locked, licence };
};

describe('the licences of the packages', () => {
  const policy = { shipped: ['MIT'], development: ['CC-BY-4.0', '(MIT OR CC0-1.0)'] };

  it.each<readonly [string, LockedPackage, readonly string[]]>([
    ['allowed', one('MIT', false), []],
    ['allowed for development, and only used there', one('CC-BY-4.0', true), []],
    ['allowed for the shipped program, and only used in development', one('MIT', true), []],
    [
      'allowed only for development, but shipped',
      one('CC-BY-4.0', false),
      ['its licence, CC-BY-4.0, is not in licences.json'],
    ],
    ['copyleft', one('GPL-3.0-only', true), ['its licence, GPL-3.0-only, is not in licences.json']],
    ['not named', one(undefined, false), ['names no licence']],
    ['a choice that is allowed as a whole', one('(MIT OR CC0-1.0)', true), []],
    ['a choice that is not listed', one('MIT OR ISC', true), ['its licence, MIT OR ISC, is not in licences.json']],
    ['empty', one('', true), ['its licence, , is not in licences.json']],
  ])('%s', (_name, locked, faults) => {
    expect(licenceFaults([locked], policy)).toEqual(faults.map((fault) => `node_modules/a: ${fault}`));
  });

  it('of the lock file are all allowed', () => {
    expect(licenceFaults(readLock(ROOT), readLicencePolicy())).toEqual([]);
  });

  it('of the list are each used by a package', () => {
    const { shipped, development } = readLicencePolicy();
    const packages = readLock(ROOT);
    const without = (id: string): readonly string[] =>
      licenceFaults(packages, {
        shipped: shipped.filter((other) => other !== id),
        development: development.filter((other) => other !== id),
      });
    expect([...shipped, ...development].filter((id) => without(id).length === 0)).toEqual([]);
  });

  it('are the same in the lock file as in the installed packages', () => {
    const installed = readLock(ROOT).filter(({ path }) => existsSync(join(ROOT, path, 'package.json')));
    expect(installed.length).toBeGreaterThan(100);
    for (const { path, licence } of installed) {
      const { license } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as { license?: string };
      expect([path, licence]).toEqual([path, license]);
    }
  });
});
