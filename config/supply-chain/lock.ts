/**
 * package-lock.json as these checks see it: every package that `npm ci` may install, on any platform. `lockfile-lint` 5.0 lets a
 * package without a checksum and one that is a folder pass.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LockedPackage {
  /** Where it is installed, from the project's root: `node_modules/ajv`. */
  readonly path: string;
  /** The package's own name, also where it is installed under another. */
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, where its package.json has one. */
  readonly licence: string | undefined;
  readonly integrity: string | undefined;
  /** Absent where npm is to ask the configured registry by name and version. */
  readonly resolved: string | undefined;
  readonly hasInstallScript: boolean;
  /** Needed for building and testing alone: nothing of it ships. */
  readonly isDevelopment: boolean;
  /** A folder of this machine, and no package of a registry. */
  readonly isLink: boolean;
}

interface Entry {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

/** The name that a path of an installation ends with: `@scope/name` or `name`. */
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** All packages of a lock file of version 2 or 3, without the project itself, by path. */
export function parseLock(text: string): readonly LockedPackage[] {
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Entry>> };
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({
      path,
      name: entry.name ?? nameOf(path),
      version: entry.version ?? '',
      licence: entry.license,
      integrity: entry.integrity,
      resolved: entry.resolved,
      hasInstallScript: entry.hasInstallScript === true,
      isDevelopment: entry.dev === true || entry.devOptional === true,
      isLink: entry.link === true,
    }));
}

export const readLock = (root: string): readonly LockedPackage[] =>
  parseLock(readFileSync(join(root, 'package-lock.json'), 'utf8'));

const REGISTRY = 'https://registry.npmjs.org/';

function faultsOf(one: LockedPackage, named: ReadonlySet<string>): readonly string[] {
  const faults = [
    one.isLink || !one.path.startsWith('node_modules/') ? 'is a folder, and no package of the registry' : undefined,
    one.resolved !== undefined && !one.resolved.startsWith(REGISTRY) ? `comes from ${one.resolved}` : undefined,
    one.integrity?.startsWith('sha512-') === true ? undefined : 'has no sha512 integrity',
    one.hasInstallScript && !named.has(one.name)
      ? 'has an install script, and allowScripts in package.json does not name it'
      : undefined,
  ];
  return faults.filter((fault) => fault !== undefined).map((fault) => `${one.path}: ${fault}`);
}

/**
 * What makes an installation something else than the bytes that were reviewed: a package from outside of the registry, one
 * without a checksum, an install script that nobody has thought about. `named` are the keys of allowScripts.
 */
export const lockFaults = (packages: readonly LockedPackage[], named: ReadonlySet<string>): readonly string[] =>
  packages.flatMap((one) => faultsOf(one, named));

/** The packages whose install scripts package.json says something about. */
export function readAllowScripts(root: string): Readonly<Record<string, boolean>> {
  const { allowScripts = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly allowScripts?: Readonly<Record<string, boolean>>;
  };
  return allowScripts;
}
