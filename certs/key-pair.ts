/** The serving certificate and its key, as cert-manager and `kubectl create secret tls` write them. */
import { readFile } from 'node:fs/promises';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';

/** The keys of a Secret of type kubernetes.io/tls, which a mounted Secret has as file names. */
export const CERTIFICATE_FILE = 'tls.crt';
export const KEY_FILE = 'tls.key';

/** A certificate with its chain and the key that belongs to it, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What the files hold, unexamined. */
export type Files = { readonly cert: string; readonly key: string } | { readonly problem: string };

/** Reads both files of a folder. Never rejects: what cannot be read is a problem, in words for the log. */
export async function readFiles(folder: string): Promise<Files> {
  try {
    // One after the other: where both are missing, it is always the same one that is complained of.
    const cert = await readFile(join(folder, CERTIFICATE_FILE), 'utf8');
    return { cert, key: await readFile(join(folder, KEY_FILE), 'utf8') };
  } catch (error) {
    // Node's own message names the file and what is wrong with it: "ENOENT: no such file or directory, open '…'".
    return { problem: messageOf(error) };
  }
}

/**
 * Says what keeps a TLS server from using the pair; undefined where nothing does. A certificate that has expired or is
 * not valid yet is usable: a client's refusal says more than a server that does not come up.
 */
export function problemOf({ cert, key }: KeyPair): string | undefined {
  try {
    // The chain's first certificate is the server's own (RFC 8446 §4.4.2), and this reads the first only.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return `the key in ${KEY_FILE} does not belong to the certificate in ${CERTIFICATE_FILE}`;
    }
    // OpenSSL has a say of its own, for example on keys that are too small, and reads the rest of the chain.
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return `${CERTIFICATE_FILE} and ${KEY_FILE} are no certificate and key: ${messageOf(error)}`;
  }
}

/** What people look for in a certificate, for the log. Only for a pair without problem. */
export function describe({ cert }: KeyPair): {
  readonly names: string;
  readonly notAfter: string;
  readonly fingerprint: string;
} {
  const { subjectAltName, validTo, fingerprint256 } = new X509Certificate(cert);
  return { names: subjectAltName ?? '', notAfter: new Date(validTo).toISOString(), fingerprint: fingerprint256 };
}

/** Whether the pair's certificate is outside its time; `now` in Unix milliseconds. Only for a pair without problem. */
export function isOutOfTime({ cert }: KeyPair, now: number): boolean {
  const { validFrom, validTo } = new X509Certificate(cert);
  return now < Date.parse(validFrom) || now > Date.parse(validTo);
}

/** By shape: an error of Node's core is no `instanceof Error` in another realm. */
const messageOf = (error: unknown): string => (error as { readonly message?: string }).message ?? String(error);
