/** Chooses the source of the control plane's binaries: pure, so that tests cover every kind of machine. */
import { BINARIES, type BinaryName, type CacheEntry } from './inventory.ts';

/** The minor release to download by default: the newest that the project supports. */
export const DEFAULT_RELEASE = '1.36';

/** The only Debian release whose `kubernetes` source package is known to build with build-debian.sh. */
export const BUILDABLE_DEBIAN = 'bookworm';

export interface Machine {
  readonly platform: string;
  /** The architecture, as Node names it. */
  readonly arch: string;
  readonly uid: number | undefined;
  /** The text of /etc/os-release; empty if there is no such file. */
  readonly osRelease: string;
}

/** A source that could not provide the binaries, and why. */
export interface FailedSource {
  readonly source: string;
  readonly reason: string;
}

/** The cache of downloaded and built binaries: `sequentialjob/kubernetes` in `$XDG_CACHE_HOME`, else in `~/.cache`. */
export function cacheRoot(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const base = env['XDG_CACHE_HOME'];
  // The XDG specification says to ignore relative paths.
  return `${base?.startsWith('/') === true ? base : `${home}/.cache`}/sequentialjob/kubernetes`;
}

/** Go's name of an architecture, which the downloads use; undefined if Kubernetes is not released for it. */
export function goArch(arch: string): string | undefined {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' };
  return names[arch];
}

function versionOf(name: string): readonly number[] | undefined {
  const match = /^v(\d+)\.(\d+)\.(\d+)-/.exec(name);
  return match === null ? undefined : match.slice(1).map(Number);
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/**
 * The newest folder of the cache that has all binaries for the machine's architecture and the requested release ("1.36" or
 * "1.36.2"; default any). Ignores incomplete folders and other files.
 */
export function newestComplete(entries: readonly CacheEntry[], arch: string, release?: string): string | undefined {
  const wanted = release?.replace(/^v/, '').split('.').map(Number);
  return entries
    .flatMap((entry) => {
      const version = versionOf(entry.name);
      return version === undefined ? [] : [{ ...entry, version }];
    })
    .filter((entry) => entry.missing.length === 0 && entry.name.endsWith(`-linux-${goArch(arch) ?? arch}`))
    .filter((entry) => wanted?.every((part, i) => entry.version[i] === part) ?? true)
    .sort((a, b) => compareVersions(b.version, a.version))[0]?.name;
}

/** The value of a key of /etc/os-release, without quotes. */
export function osReleaseValue(text: string, key: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${key}=`));
  return line?.slice(key.length + 1).replace(/^(["'])(.*)\1$/, '$2');
}

/** Why Debian's source package cannot be built on this machine; undefined if it can. */
export function whyNotDebian(machine: Machine): string | undefined {
  const id = osReleaseValue(machine.osRelease, 'ID');
  const codename = osReleaseValue(machine.osRelease, 'VERSION_CODENAME');
  if (machine.platform !== 'linux' || id !== 'debian') return 'this machine does not run Debian';
  if (codename !== BUILDABLE_DEBIAN)
    return `this is Debian ${codename ?? '(unnamed)'}; only ${BUILDABLE_DEBIAN}'s source package is known to build`;
  if (machine.uid !== 0) return 'installing the build tools needs root';
  return undefined;
}

/** Why the release downloads do not run on this machine; undefined if they do. */
export function whyNotDownload(machine: Machine): string | undefined {
  if (machine.platform !== 'linux')
    return `kube-controller-manager is released for Linux only, and this is ${machine.platform}`;
  return goArch(machine.arch) === undefined ? `Kubernetes is not released for ${machine.arch}` : undefined;
}

/** "etcd and kubectl", "etcd, kubectl and kube-apiserver". */
export function joinNames(names: readonly BinaryName[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** The error message if every source failed: the reason of each, and what the user can do. */
export function noBinariesMessage(failed: readonly FailedSource[]): string {
  return [
    `no control plane binaries (${joinNames(BINARIES)}) on this machine:`,
    ...failed.map(({ source, reason }) => `  - ${source}: ${reason}`),
    'To fix this, do one of the following:',
    `  - set KUBEBUILDER_ASSETS to a folder with ${joinNames(BINARIES)}`,
    '  - give this machine access to raw.githubusercontent.com, github.com and dl.k8s.io once; the downloads are cached',
    `  - run as root on Debian ${BUILDABLE_DEBIAN}, to build them from Debian's source package`,
  ].join('\n');
}
