/** Choosing where the control plane's programs come from: pure, so that every situation fits in a table of tests. */
import { BINARIES, type BinaryName, type CacheEntry } from './inventory.ts';

/** The release line that is downloaded when nobody asks for another: the newest that the project supports. */
export const DEFAULT_RELEASE = '1.36';

/** The one Debian release whose `kubernetes` source package is known to build here. */
export const BUILDABLE_DEBIAN = 'bookworm';

export interface Machine {
  readonly platform: string;
  /** Node's name of the architecture. */
  readonly arch: string;
  readonly uid: number | undefined;
  /** The text of /etc/os-release; empty where there is none. */
  readonly osRelease: string;
}

/** A way that did not lead to the programs, and why. */
export interface Attempt {
  readonly way: string;
  readonly why: string;
}

/** Where downloaded and built programs are kept: `$XDG_CACHE_HOME`, else `~/.cache`, below our own name. */
export function cacheRoot(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const base = env['XDG_CACHE_HOME'];
  // The XDG specification has relative paths ignored.
  return `${base?.startsWith('/') === true ? base : `${home}/.cache`}/sequentialjob/kubernetes`;
}

/** Go's name of an architecture, which the downloads use; undefined for one that Kubernetes is not released for. */
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
 * The newest complete folder of the cache that fits the machine, and the release asked for ("1.36" or "1.36.2"), if any.
 * Unfinished and foreign folders are passed over.
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

/** The value of a key in /etc/os-release's format, unquoted. */
export function osReleaseValue(text: string, key: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${key}=`));
  return line?.slice(key.length + 1).replace(/^(["'])(.*)\1$/, '$2');
}

/** Why Debian's source package can't be built on this machine; undefined when it can. */
export function debianObstacle(machine: Machine): string | undefined {
  const id = osReleaseValue(machine.osRelease, 'ID');
  const codename = osReleaseValue(machine.osRelease, 'VERSION_CODENAME');
  if (machine.platform !== 'linux' || id !== 'debian') return 'this machine does not run Debian';
  if (codename !== BUILDABLE_DEBIAN)
    return `this is Debian ${codename ?? '(unnamed)'}, and only ${BUILDABLE_DEBIAN}'s source is known to build`;
  if (machine.uid !== 0) return 'installing the build tools needs root';
  return undefined;
}

/** Why the release downloads can't serve this machine; undefined when they can. */
export function downloadObstacle(machine: Machine): string | undefined {
  if (machine.platform !== 'linux')
    return `kube-controller-manager is released for Linux only, and this is ${machine.platform}`;
  return goArch(machine.arch) === undefined ? `Kubernetes is not released for ${machine.arch}` : undefined;
}

/** "etcd and kubectl", "etcd, kubectl and kube-apiserver". */
export function listing(names: readonly BinaryName[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** The one message for the case that nothing worked: what was tried, why it failed, and every alternative. */
export function nothingWorked(attempts: readonly Attempt[]): string {
  return [
    `no control plane programs (${listing(BINARIES)}) on this machine:`,
    ...attempts.map(({ way, why }) => `  - ${way}: ${why}`),
    'Any of these helps:',
    `  - set KUBEBUILDER_ASSETS to a folder that holds ${listing(BINARIES)}`,
    '  - give this machine access to raw.githubusercontent.com, github.com and dl.k8s.io, once; the downloads are kept',
    `  - run as root on Debian ${BUILDABLE_DEBIAN}, where they are built from Debian's own source package`,
  ].join('\n');
}
