/** Finds the control plane's binaries: tries each source in order. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  BUILDABLE_DEBIAN,
  cacheRoot,
  whyNotDebian,
  DEFAULT_RELEASE,
  whyNotDownload,
  goArch,
  joinNames,
  newestComplete,
  noBinariesMessage,
  type FailedSource,
  type Machine,
} from './choose.ts';
import { buildFromDebian } from './debian.ts';
import { downloadBinaries } from './download.ts';
import { listCache, missingBinaries } from './inventory.ts';

export interface ResolveOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}

/** The result of a source: the folder, or why it has none; undefined if the source does not apply and needs no mention. */
type SourceResult = { readonly folder: string } | { readonly why: string } | undefined;

interface BinarySource {
  readonly name: string;
  readonly try: () => Promise<SourceResult>;
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

/** Logs a line before and a line after a slow source. */
async function withProgress(
  log: ResolveOptions['log'],
  description: string,
  work: () => Promise<string>,
): Promise<SourceResult> {
  log(description);
  const start = performance.now();
  try {
    const folder = await work();
    log(`  done in ${Math.round((performance.now() - start) / 1000)} s, cached in ${folder}`);
    return { folder };
  } catch (error) {
    log(`  failed: ${reasonOf(error).split('\n')[0] ?? ''}`);
    return { why: reasonOf(error) };
  }
}

function binarySources(options: ResolveOptions, machine: Machine): readonly BinarySource[] {
  const { env, log } = options;
  const cache = cacheRoot(env, homedir());
  const arch = goArch(machine.arch) ?? machine.arch;
  const release = env['ENVTEST_K8S_VERSION'];
  const fromAssets = async (): Promise<SourceResult> => {
    const folder = env['KUBEBUILDER_ASSETS'];
    if (folder === undefined || folder === '') return { why: 'not set' };
    const missing = await missingBinaries(folder);
    if (missing.length === 0) return { folder };
    const why = `${folder} lacks ${joinNames(missing)}`;
    log(`ignoring KUBEBUILDER_ASSETS: ${why}`);
    return { why };
  };
  const fromCache = async (): Promise<SourceResult> => {
    const name = newestComplete(await listCache(cache), machine.arch, release);
    return name === undefined
      ? { why: `nothing ${release === undefined ? '' : `of ${release} `}in ${cache}` }
      : { folder: join(cache, name) };
  };
  const fromReleases = async (): Promise<SourceResult> => {
    const why = whyNotDownload(machine);
    if (why !== undefined) return { why };
    const wanted = release ?? DEFAULT_RELEASE;
    const description = `downloading Kubernetes ${wanted} (about 120 MB, usually under a minute)`;
    return withProgress(log, description, () => downloadBinaries({ cache, release: wanted, arch }));
  };
  const fromDebian = async (): Promise<SourceResult> => {
    const why = whyNotDebian(machine);
    if (why !== undefined) return { why };
    const description = `building Kubernetes 1.20 from Debian ${BUILDABLE_DEBIAN}'s source package (about 4 minutes on 2 cores, this once)`;
    return withProgress(log, description, () => buildFromDebian(cache, arch, log));
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
 * the release downloads, else Debian's source package. `ENVTEST_K8S_VERSION` selects a release ("1.31") of the cache and the
 * downloads. Rejects with one message that has the reason of each failed source, and what the user can do.
 */
export async function resolveBinaries(options: ResolveOptions): Promise<string> {
  const failed: FailedSource[] = [];
  for (const source of binarySources(options, await thisMachine())) {
    const result = await source.try();
    if (result === undefined) continue;
    if ('folder' in result) return result.folder;
    failed.push({ source: source.name, reason: result.why });
  }
  throw new Error(noBinariesMessage(failed));
}
