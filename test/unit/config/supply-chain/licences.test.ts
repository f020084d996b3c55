import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countLicences, licenceFaults, readLicencePolicy } from '../../../../config/supply-chain/licences.ts';
import { type LockedPackage, parseLock, readLock } from '../../../../config/supply-chain/lock.ts';
import { isPermitted } from '../../../../config/supply-chain/spdx.ts';
import { ROOT } from '../../../support/manifests.ts';

const ALLOWED = new Set(['MIT', 'ISC', 'Apache-2.0 WITH LLVM-exception', 'Zlib']);

describe('an SPDX expression', () => {
  it.each([
    ['MIT', true],
    ['GPL-3.0-only', false],
    ['(MIT)', true],
    [' MIT ', true],
    ['MIT+', true],
    ['GPL-2.0+', false],
    ['MIT OR GPL-3.0-only', true],
    ['GPL-3.0-only OR MIT', true],
    ['MIT AND GPL-3.0-only', false],
    ['MIT AND ISC', true],
    // AND before OR.
    ['GPL-3.0-only AND ISC OR MIT', true],
    ['MIT OR ISC AND GPL-3.0-only', true],
    ['(MIT OR ISC) AND GPL-3.0-only', false],
    ['GPL-3.0-only AND (ISC OR MIT)', false],
    ['((MIT) AND (Zlib OR GPL-3.0-only))', true],
    // An exception is listed together with its licence, or not at all.
    ['Apache-2.0 WITH LLVM-exception', true],
    ['Apache-2.0', false],
    ['MIT WITH LLVM-exception', false],
    ['LicenseRef-ours', false],
    ['UNLICENSED', false],
    ['MITx', false],
    ['mit', false],
  ])('%s: %j', (expression, permitted) => {
    expect(isPermitted(expression, ALLOWED)).toBe(permitted);
  });

  it.each([
    '',
    '()',
    '(MIT',
    'MIT)',
    'MIT ISC',
    'MIT OR',
    'AND MIT',
    'MIT WITH',
    'MIT WITH (ISC)',
    'MIT/X11',
    'SEE LICENSE IN LICENSE',
    'MIT or ISC',
    'OR',
  ])('"%s" is none', (expression) => {
    expect(() => isPermitted(expression, ALLOWED)).toThrow(SyntaxError);
  });
});

const one = (licence: string | undefined, isDevelopment: boolean): LockedPackage => {
  const [locked] = parseLock(
    JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0', dev: isDevelopment } } }),
  );
  if (locked === undefined) throw new Error('no package');
  return { ...locked, licence };
};

describe('the licences of the packages', () => {
  const policy = { shipped: ['MIT'], development: ['CC-BY-4.0'] };

  it.each<readonly [string, LockedPackage, readonly string[]]>([
    ['allowed', one('MIT', false), []],
    ['allowed for development, and only used there', one('CC-BY-4.0', true), []],
    ['allowed for what ships, and used in development', one('MIT', true), []],
    [
      'allowed for development alone, and shipped',
      one('CC-BY-4.0', false),
      ['its licence, CC-BY-4.0, is not in licences.json'],
    ],
    ['copyleft', one('GPL-3.0-only', true), ['its licence, GPL-3.0-only, is not in licences.json']],
    ['not named', one(undefined, false), ['names no licence']],
    ['no expression', one('SEE LICENSE IN X', false), ['its licence is not an SPDX expression: SEE LICENSE IN X']],
  ])('%s', (_name, locked, faults) => {
    expect(licenceFaults([locked], policy)).toEqual(faults.map((fault) => `node_modules/a: ${fault}`));
  });

  it('are counted, the most frequent first', () => {
    expect(countLicences([one('ISC', false), one('MIT', false), one('MIT', true), one(undefined, true)])).toBe(
      'MIT 2, ISC 1, none 1',
    );
  });

  it('of the lock file are all allowed', () => {
    expect(licenceFaults(readLock(ROOT), readLicencePolicy())).toEqual([]);
  });

  it('of the list all have a package that needs them', () => {
    const { shipped, development } = readLicencePolicy();
    const packages = readLock(ROOT);
    const without = (id: string): readonly string[] =>
      licenceFaults(packages, {
        shipped: shipped.filter((other) => other !== id),
        development: development.filter((other) => other !== id),
      });
    expect([...shipped, ...development].filter((id) => without(id).length === 0)).toEqual([]);
  });

  it('are in the lock file as the installed packages themselves say', () => {
    const installed = readLock(ROOT).filter(({ path }) => existsSync(join(ROOT, path, 'package.json')));
    expect(installed.length).toBeGreaterThan(100);
    for (const { path, licence } of installed) {
      const { license } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as { license?: string };
      expect([path, licence]).toEqual([path, license]);
    }
  });
});
