/** Follows the serving certificate through its renewals. */
import type { Log } from '../shared/log.ts';
import { sleep } from '../shared/sleep.ts';
import { describe, isOutOfTime, problemOf, readFiles, type Files, type KeyPair } from './key-pair.ts';

export interface WatchOptions {
  /** The folder with tls.crt and tls.key. */
  readonly folder: string;
  /** PEM of the authorities whose clients may ask; absent: nobody is asked for a certificate. */
  readonly clientCaFile?: string | undefined;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks while something is missing, in milliseconds; five times as long while all is well. Default 1000. */
  readonly pollMs?: number;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
}

const POLL_MS = 1_000;

/** A renewal is not urgent: it comes a third of the certificate's life before its end, and kubelets take a minute themselves. */
const PATIENCE = 5;

/**
 * Yields the certificate and key of a folder, with the clients' authorities where there are to be any, as soon as they are
 * there, and again whenever they have changed; ends when the signal is aborted. Every pair that is yielded belongs together
 * and can be served. While the files are missing, broken or don't match, as between the writing of the one and of the other,
 * it waits, and says so once for each thing that is wrong.
 *
 * It reads the files every few seconds and compares what they say. That is a few kilobytes, and sees every way in which
 * they can change: written over, renamed, or swapped by the symbolic link `..data` of a mounted Secret, of which
 * `fs.watch` tells nothing where the folder itself was exchanged, and which a time stamp can miss.
 */
export async function* watchCertificate(options: WatchOptions): AsyncGenerator<KeyPair, void, void> {
  const { folder, clientCaFile, log, signal, pollMs = POLL_MS, now = Date.now } = options;
  let seen: Files = { problem: '' };
  let served: KeyPair | undefined;
  let complaint: string | undefined;
  const isWell = (): boolean => served !== undefined && complaint === undefined;
  for (; !signal.aborted; await sleep(isWell() ? pollMs * PATIENCE : pollMs, signal)) {
    const files = await readFiles(folder, clientCaFile);
    if (same(files, seen)) continue;
    seen = files;
    const problem = 'problem' in files ? files.problem : problemOf(files);
    if (problem !== undefined || 'problem' in files) {
      if (problem !== complaint) log.warn({ folder, problem }, served === undefined ? WAITING : KEEPING);
      complaint = problem;
      continue;
    }
    complaint = undefined;
    // What was broken may have become again what is being served.
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
