/** Watches the files of the serving certificate and reloads them when they change. */
import type { KeyPair } from '../shared/key-pair.ts';
import type { Log } from '../shared/log.ts';
import { sleep } from '../shared/sleep.ts';
import { certificateDetails, isExpiredOrNotYetValid, findProblem, readFiles, type FileContents } from './key-pair.ts';

export interface WatchOptions {
  /** The folder with tls.crt and tls.key. */
  readonly folder: string;
  /** The file with the CA certificates for client certificates, PEM; absent: client certificates are not requested. */
  readonly clientCaFile?: string | undefined;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /**
   * Polling interval in milliseconds while something is missing; five times as long while all files are usable.
   * Default 1000.
   */
  readonly pollMs?: number;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
}

const POLL_MS = 1_000;

/**
 * A renewal is not urgent: cert-manager renews a third of the lifetime before expiry, and a kubelet takes up to a
 * minute to update a mounted Secret.
 */
const SLOW_POLL_FACTOR = 5;

/**
 * Yields the certificate, the key and the client CAs (if configured) as soon as they are usable, and again after each
 * change. Ends when the signal is aborted. Every pair that it yields matches and can be served. While files are
 * missing, broken or do not match, as between two writes, it waits and logs each problem once.
 *
 * It polls and compares the content of the files, a few kilobytes. So it sees every kind of change: an overwritten
 * file, a renamed one, or the switch of the symbolic link `..data` in a mounted Secret. `fs.watch` misses a folder
 * that is replaced, and a timestamp can miss a change.
 */
export async function* watchCertificate(options: WatchOptions): AsyncGenerator<KeyPair, void, void> {
  const { folder, clientCaFile, log, signal, pollMs = POLL_MS, now = Date.now } = options;
  let lastRead: FileContents = { problem: '' };
  let served: KeyPair | undefined;
  let loggedProblem: string | undefined;
  const isHealthy = (): boolean => served !== undefined && loggedProblem === undefined;
  for (; !signal.aborted; await sleep(isHealthy() ? pollMs * SLOW_POLL_FACTOR : pollMs, signal)) {
    const files = await readFiles(folder, clientCaFile);
    if (isSame(files, lastRead)) continue;
    lastRead = files;
    const problem = 'problem' in files ? files.problem : findProblem(files);
    if (problem !== undefined || 'problem' in files) {
      if (problem !== loggedProblem) log.warn({ folder, problem }, served === undefined ? WAITING : KEEPING);
      loggedProblem = problem;
      continue;
    }
    loggedProblem = undefined;
    // The files may have been broken and are again what is being served.
    if (served !== undefined && isSame(files, served)) continue;
    const level = isExpiredOrNotYetValid(files, now()) ? 'warn' : 'info';
    log[level](
      { folder, ...certificateDetails(files) },
      served === undefined ? 'certificate loaded' : 'certificate reloaded',
    );
    served = files;
    yield files;
  }
}

const WAITING = 'waiting for the serving certificate';
const KEEPING = 'the new serving certificate cannot be used yet, keeping the old one';

function isSame(a: FileContents, b: FileContents): boolean {
  return 'problem' in a || 'problem' in b
    ? 'problem' in a && 'problem' in b && a.problem === b.problem
    : a.cert === b.cert && a.key === b.key && a.clientCa === b.clientCa;
}
