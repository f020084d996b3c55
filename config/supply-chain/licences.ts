/** Whether every locked package has a licence that we can keep to: licences.json has the list. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LockedPackage } from './lock.ts';
import { isPermitted } from './spdx.ts';

/** SPDX identifiers. */
export interface LicencePolicy {
  /** Of what may end in the program: permissive, no more asked than the notice that is shipped with it. */
  readonly shipped: readonly string[];
  /** Further ones of what only builds and tests, and is never handed on. */
  readonly development: readonly string[];
}

export const readLicencePolicy = (): LicencePolicy =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'licences.json'), 'utf8')) as LicencePolicy;

function faultOf(licence: string | undefined, allowed: ReadonlySet<string>): string | undefined {
  if (licence === undefined) return 'names no licence';
  try {
    return isPermitted(licence, allowed) ? undefined : `its licence, ${licence}, is not in licences.json`;
  } catch (error) {
    if (error instanceof SyntaxError) return `its licence is ${error.message}`;
    throw error;
  }
}

/**
 * The packages whose licence is not among the allowed ones. A dependency of a dependency counts as shipped whether or not the
 * bundle has it: what the bundle takes changes with one import.
 */
export function licenceFaults(packages: readonly LockedPackage[], policy: LicencePolicy): readonly string[] {
  const shipped = new Set(policy.shipped);
  const development = new Set([...policy.shipped, ...policy.development]);
  return packages.flatMap(({ path, licence, isDevelopment }) => {
    const fault = faultOf(licence, isDevelopment ? development : shipped);
    return fault === undefined ? [] : [`${path}: ${fault}`];
  });
}

/** How many packages have which licence, the most frequent first: `MIT 373, ISC 28`. */
export function countLicences(packages: readonly LockedPackage[]): string {
  const groups = Object.entries(Object.groupBy(packages, ({ licence = 'none' }) => licence));
  return groups
    .map(([licence, of = []]) => [licence, of.length] as const)
    .sort(([a, n], [b, m]) => m - n || a.localeCompare(b))
    .map(([licence, count]) => `${licence} ${count}`)
    .join(', ');
}
