/** An archive of a release: the same files and time give the same bytes. */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 2 ** 30;

/** The names are those of the files in the folder; `epoch` is the time of all of them, in seconds since 1970. */
export interface Contents {
  readonly folder: string;
  readonly programs: readonly string[];
  readonly texts: readonly string[];
  readonly epoch: number;
}

/** A compressed tar archive, by GNU tar and by Node's own zlib: the gzip of a machine may be any. */
export function packed({ folder, programs, texts, epoch }: Contents): Buffer {
  for (const name of programs) chmodSync(join(folder, name), 0o755);
  for (const name of texts) chmodSync(join(folder, name), 0o644);
  const { stdout, stderr, status, error } = spawnSync(
    'tar',
    [
      '--create',
      '--format=ustar',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      `--mtime=@${epoch}`,
      ...programs,
      ...texts,
    ],
    { cwd: folder, maxBuffer: MOST_BYTES },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.toString());
  return gzipSync(stdout);
}
