/** Loads the serving certificate and reloads it when it is renewed. */
import type { Log } from '../shared/log.ts';
import { sleep } from '../shared/sleep.ts';
import { describe, isOutOfTime, problemOf, readFiles, type Files, type KeyPair } from './key-pair.ts';

export interface WatchOptions {
  /** The folder with tls.crt and tls.key. */
  readonly folder: string;
  /** PEM file with the CAs of client certificates; absent: the server requests no client certificate. */
  readonly clientCaFile?: string | undefined;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Interval of reading the files, in milliseconds; five times as long while a usable certificate is served. Default 1000. */
  readonly pollMs?: number;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
}

const POLL_MS = 1_000;

/** Renewals are not urgent: cert-manager renews long before the expiry, and the kubelet takes a minute to update a Secret. */
const RELOAD_FACTOR = 5;

/**
 * Yields the certificate and key of a folder, with the client CAs if configured, as soon as they exist, and again whenever
 * they change; ends when the signal is aborted. Each yielded pair matches and is usable. While the files are missing, invalid
 * or do not match (for example, if only one of them has been written yet), it waits, and logs each problem once.
 *
 * Reads the files, a few kilobytes, every few seconds and compares their content. This detects each kind of change: overwritten
 * or renamed files, and the exchange of the symbolic link `..data` in a mounted Secret. `fs.watch` does not report that the
 * folder itself was replaced, and modification times can be equal.
 */
export async function* watchCertificate(options: WatchOptions): AsyncGenerator<KeyPair, void, void> {
  const { folder, clientCaFile, log, signal, pollMs = POLL_MS, now = Date.now } = options;
  let seen: Files = { problem: '' };
  let served: KeyPair | undefined;
  let loggedProblem: string | undefined;
  const isServing = (): boolean => served !== undefined && loggedProblem === undefined;
  for (; !signal.aborted; await sleep(isServing() ? pollMs * RELOAD_FACTOR : pollMs, signal)) {
    const files = await readFiles(folder, clientCaFile);
    if (same(files, seen)) continue;
    seen = files;
    const problem = 'problem' in files ? files.problem : problemOf(files);
    if (problem !== undefined || 'problem' in files) {
      if (problem !== loggedProblem) log.warn({ folder, problem }, served === undefined ? WAITING : KEEPING);
      loggedProblem = problem;
      continue;
    }
    loggedProblem = undefined;
    // After a problem the files may contain the served certificate again.
    if (served !== undefined && same(files, served)) continue;
    const level = isOutOfTime(files, now()) ? 'warn' : 'info';
    log[level]({ folder, ...describe(files) }, served === undefined ? 'certificate loaded' : 'certificate reloaded');
    served = files;
    yield files;
  }
}

const WAITING = 'waiting for the serving certificate';
const KEEPING = 'the new serving certificate cannot be used yet, keeping the old one';

function same(a: Files, b: Files): boolean {
  return 'problem' in a || 'problem' in b
    ? 'problem' in a && 'problem' in b && a.problem === b.problem
    : a.cert === b.cert && a.key === b.key && a.clientCa === b.clientCa;
}
