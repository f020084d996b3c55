/**
 * Whether the Node that npm brings (ADR 5), which builds the program and runs its tests, is the one that nodejs.org has: the
 * package is another's republication, and its checksum says only that it is always the same.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';

export interface NodeOriginOptions {
  readonly version: string;
  readonly arch: 'x64' | 'arm64';
  /** The program that npm brought. */
  readonly binary: Uint8Array;
  /** Where releases are, without a slash at the end; default nodejs.org. */
  readonly dist?: string;
}

export type NodeOrigin =
  | { readonly kind: 'same'; readonly sha256: string }
  | { readonly kind: 'different'; readonly why: string }
  /** Nothing is known. */
  | { readonly kind: 'not asked'; readonly why: string };

/** Of the program, 120 MB in 2026. */
const MOST_BYTES = 2 ** 30;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Compares with the archive that SHASUMS256.txt vouches for. Whether that list is signed is not looked at: TLS is trusted. */
export async function nodeOrigin(options: NodeOriginOptions): Promise<NodeOrigin> {
  const { version, arch, binary, dist = 'https://nodejs.org/dist' } = options;
  const name = `node-v${version}-linux-${arch}`;
  const fetched = await Promise.all([
    download(`${dist}/v${version}/SHASUMS256.txt`),
    download(`${dist}/v${version}/${name}.tar.gz`),
  ]);
  const [sums, archive] = fetched;
  if (typeof sums === 'string') return { kind: 'not asked', why: sums };
  if (typeof archive === 'string') return { kind: 'not asked', why: archive };
  const line = Buffer.from(sums)
    .toString()
    .split('\n')
    .find((one) => one.endsWith(`  ${name}.tar.gz`));
  const expected = line?.split(' ')[0];
  if (expected === undefined) return { kind: 'different', why: `SHASUMS256.txt has no ${name}.tar.gz` };
  if (sha256(archive) !== expected) return { kind: 'different', why: `${name}.tar.gz is not what SHASUMS256.txt says` };
  const theirs = fileOf(archive, `${name}/bin/node`);
  if (theirs === undefined) return { kind: 'different', why: `${name}.tar.gz has no bin/node` };
  const [ours, wanted] = [sha256(binary), sha256(theirs)];
  return ours === wanted
    ? { kind: 'same', sha256: ours }
    : { kind: 'different', why: `npm's bin/node is ${ours}, that of nodejs.org ${wanted}` };
}

/** The bytes, or why there are none. */
async function download(url: string): Promise<Uint8Array | string> {
  try {
    const response = await fetch(url);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : `${url}: ${response.status}`;
  } catch (error) {
    const { message, cause } = error as Error & { readonly cause?: Partial<Error> };
    return `${url}: ${cause?.message ?? message}`;
  }
}

/** A file of a compressed archive, by tar, which every machine that builds this has. */
function fileOf(archive: Uint8Array, path: string): Buffer | undefined {
  const { stdout, status, error } = spawnSync('tar', ['-xzOf', '-', path], { input: archive, maxBuffer: MOST_BYTES });
  if (error !== undefined) throw error;
  return status === 0 ? stdout : undefined;
}
