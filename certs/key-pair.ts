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
  /** The authorities behind the certificates of clients, PEM; absent: clients are not asked for one. */
  readonly clientCa?: string;
}

/** What the files hold, unexamined. */
export type Files = KeyPair | { readonly problem: string };

/**
 * Reads both files of a folder and, where there is to be one, that of the clients' authorities. Never rejects: what cannot
 * be read is a problem, in words for the log.
 */
export async function readFiles(folder: string, clientCaFile?: string): Promise<Files> {
  try {
    // One after the other: where several are missing, it is always the same one that is complained of.
    const cert = await readFile(join(folder, CERTIFICATE_FILE), 'utf8');
    const key = await readFile(join(folder, KEY_FILE), 'utf8');
    if (clientCaFile === undefined) return { cert, key };
    return { cert, key, clientCa: certificatesOf(await readFile(clientCaFile, 'utf8')).join('\n') };
  } catch (error) {
    // Node's own message names the file and what is wrong with it: "ENOENT: no such file or directory, open '…'".
    return { problem: messageOf(error) };
  }
}

/**
 * Says what keeps a TLS server from using the pair; undefined where nothing does. A certificate that has expired or is
 * not valid yet is usable: a client's refusal says more than a server that does not come up.
 */
export function problemOf({ cert, key, clientCa }: KeyPair): string | undefined {
  try {
    // The chain's first certificate is the server's own (RFC 8446 §4.4.2), and this reads the first only.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return `the key in ${KEY_FILE} does not belong to the certificate in ${CERTIFICATE_FILE}`;
    }
    // OpenSSL has a say of its own, for example on keys that are too small, and reads the rest of the chain.
    createSecureContext({ cert, key });
    return clientCa === undefined ? undefined : clientCaProblem(clientCa);
  } catch (error) {
    return `${CERTIFICATE_FILE} and ${KEY_FILE} are no certificate and key: ${messageOf(error)}`;
  }
}

function clientCaProblem(clientCa: string): string | undefined {
  try {
    // OpenSSL takes a text without any certificate for no authority at all.
    if (authorities(clientCa).length === 0) return "the file of the clients' authority has no certificate";
    createSecureContext({ ca: clientCa });
    return undefined;
  } catch (error) {
    return `the file of the clients' authority is none: ${messageOf(error)}`;
  }
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g;

/** Each for itself, half of one as well. OpenSSL reads none where files were put together without an end of line between. */
const certificatesOf = (text: string): readonly string[] => [...text.matchAll(CERTIFICATES)].map(([pem]) => pem);

/** Throws where one of them cannot be read. */
const authorities = (clientCa: string): readonly X509Certificate[] =>
  certificatesOf(clientCa).map((pem) => new X509Certificate(pem));

/** What people look for in a certificate, for the log. Only for a pair without problem. */
export function describe({ cert, clientCa }: KeyPair): {
  readonly names: string;
  readonly notAfter: string;
  readonly fingerprint: string;
  readonly clientAuthorities?: readonly string[];
} {
  const { subjectAltName, validTo, fingerprint256 } = new X509Certificate(cert);
  return {
    names: subjectAltName ?? '',
    notAfter: new Date(validTo).toISOString(),
    fingerprint: fingerprint256,
    ...(clientCa === undefined ? {} : { clientAuthorities: authorities(clientCa).map((ca) => ca.fingerprint256) }),
  };
}

/** Whether a certificate is outside its time, an authority's included; `now` in Unix milliseconds. Only without problem. */
export function isOutOfTime({ cert, clientCa = '' }: KeyPair, now: number): boolean {
  return [new X509Certificate(cert), ...authorities(clientCa)].some(
    ({ validFrom, validTo }) => now < Date.parse(validFrom) || now > Date.parse(validTo),
  );
}

/** By shape: an error of Node's core is no `instanceof Error` in another realm. */
const messageOf = (error: unknown): string => (error as { readonly message?: string }).message ?? String(error);
