/** Finds the control plane's programs: the ways of getting them, in order, each saying what it does. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  BUILDABLE_DEBIAN,
  cacheRoot,
  debianObstacle,
  DEFAULT_RELEASE,
  downloadObstacle,
  goArch,
  listing,
  newestComplete,
  nothingWorked,
  type Attempt,
  type Machine,
} from './choose.ts';
import { buildFromDebian } from './debian.ts';
import { downloadBinaries } from './download.ts';
import { listCache, missingFrom } from './inventory.ts';

export interface ResolveOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}

/** A way's answer: the folder, or why not; undefined when the way was not asked for (nothing to say then). */
type Answer = { readonly folder: string } | { readonly why: string } | undefined;

interface Way {
  readonly name: string;
  readonly try: () => Promise<Answer>;
}

async function thisMachine(): Promise<Machine> {
  return {
    platform: process.platform,
    arch: process.arch,
    uid: process.getuid?.(),
    osRelease: await readFile('/etc/os-release', 'utf8').catch(() => ''),
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a slow way with a line before and a line after it. */
async function announced(log: ResolveOptions['log'], what: string, work: () => Promise<string>): Promise<Answer> {
  log(what);
  const start = performance.now();
  try {
    const folder = await work();
    log(`  done in ${Math.round((performance.now() - start) / 1000)} s, kept in ${folder}`);
    return { folder };
  } catch (error) {
    log(`  not possible: ${reasonOf(error).split('\n')[0] ?? ''}`);
    return { why: reasonOf(error) };
  }
}

function ways(options: ResolveOptions, machine: Machine): readonly Way[] {
  const { env, log } = options;
  const cache = cacheRoot(env, homedir());
  const arch = goArch(machine.arch) ?? machine.arch;
  const release = env['ENVTEST_K8S_VERSION'];
  const fromAssets = async (): Promise<Answer> => {
    const folder = env['KUBEBUILDER_ASSETS'];
    if (folder === undefined || folder === '') return { why: 'not set' };
    const missing = await missingFrom(folder);
    if (missing.length === 0) return { folder };
    const why = `${folder} lacks ${listing(missing)}`;
    log(`KUBEBUILDER_ASSETS is of no use here: ${why}`);
    return { why };
  };
  const fromCache = async (): Promise<Answer> => {
    const name = newestComplete(await listCache(cache), machine.arch, release);
    return name === undefined
      ? { why: `nothing ${release === undefined ? '' : `of ${release} `}in ${cache}` }
      : { folder: join(cache, name) };
  };
  const fromReleases = async (): Promise<Answer> => {
    const why = downloadObstacle(machine);
    if (why !== undefined) return { why };
    const wanted = release ?? DEFAULT_RELEASE;
    const words = `downloading Kubernetes ${wanted} (about 120 MB, usually under a minute)`;
    return announced(log, words, () => downloadBinaries({ cache, release: wanted, arch }));
  };
  const fromDebian = async (): Promise<Answer> => {
    const why = debianObstacle(machine);
    if (why !== undefined) return { why };
    const words = `building Kubernetes 1.20 from Debian ${BUILDABLE_DEBIAN}'s source package (about 4 minutes on 2 cores, this once)`;
    return announced(log, words, () => buildFromDebian(cache, arch, log));
  };
  return [
    { name: 'KUBEBUILDER_ASSETS', try: fromAssets },
    { name: 'the cache', try: fromCache },
    { name: 'the release downloads', try: fromReleases },
    { name: "Debian's source package", try: fromDebian },
  ];
}

/**
 * The folder with etcd, kube-apiserver, kube-controller-manager and kubectl: from `KUBEBUILDER_ASSETS`, else the cache, else
 * the release downloads, else Debian's source package. `ENVTEST_K8S_VERSION` asks for a release ("1.31") of the cache and the
 * downloads. Rejects with one message that says what was tried and names every alternative.
 */
export async function resolveBinaries(options: ResolveOptions): Promise<string> {
  const attempts: Attempt[] = [];
  for (const way of ways(options, await thisMachine())) {
    const answer = await way.try();
    if (answer === undefined) continue;
    if ('folder' in answer) return answer.folder;
    attempts.push({ way: way.name, why: answer.why });
  }
  throw new Error(nothingWorked(attempts));
}
