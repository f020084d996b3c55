/**
 * Whether every locked package has a licence that we can keep to: licences.json has the list. `license-checker-rseidelsohn` 5.0
 * looks at what is installed alone, without the packages of other platforms, and brings 31 packages.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LockedPackage } from './lock.ts';

/**
 * Licences as packages name them, an SPDX expression as a whole: of six hundred packages one names more than an identifier, so
 * that an expression is read by a person, once, and not by a program.
 */
export interface LicencePolicy {
  /** Of what may end in the program: permissive, no more asked than the notice that is shipped with it. */
  readonly shipped: readonly string[];
  /** Further ones of what only builds and tests, and is never handed on. */
  readonly development: readonly string[];
}

export const readLicencePolicy = (): LicencePolicy =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'licences.json'), 'utf8')) as LicencePolicy;

/**
 * The packages whose licence is not among the allowed ones. A dependency of a dependency counts as shipped whether or not the
 * bundle has it: what the bundle takes changes with one import.
 */
export function licenceFaults(packages: readonly LockedPackage[], policy: LicencePolicy): readonly string[] {
  const shipped = new Set(policy.shipped);
  const development = new Set([...policy.shipped, ...policy.development]);
  return packages
    .filter(({ licence = '', isDevelopment }) => !(isDevelopment ? development : shipped).has(licence))
    .map(
      ({ path, licence }) =>
        `${path}: ${licence === undefined ? 'names no licence' : `its licence, ${licence}, is not in licences.json`}`,
    );
}
