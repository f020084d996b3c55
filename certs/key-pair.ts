/** The serving certificate and its key, as written by cert-manager and `kubectl create secret tls`. */
import { readFile } from 'node:fs/promises';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { KeyPair } from '../shared/key-pair.ts';

/** The keys of a Secret of type kubernetes.io/tls, which are the file names in a mounted Secret. */
export const CERTIFICATE_FILE = 'tls.crt';
export const KEY_FILE = 'tls.key';

/** The content of the files, not validated. */
export type FileContents = KeyPair | { readonly problem: string };

/**
 * Reads the certificate and key in a folder and, if configured, the client CA file. Never rejects: a file that cannot
 * be read is a `problem`, worded for the log.
 */
export async function readFiles(folder: string, clientCaFile?: string): Promise<FileContents> {
  try {
    // In sequence: if several files are missing, the log always names the same one.
    const cert = await readFile(join(folder, CERTIFICATE_FILE), 'utf8');
    const key = await readFile(join(folder, KEY_FILE), 'utf8');
    if (clientCaFile === undefined) return { cert, key };
    return { cert, key, clientCa: splitCertificates(await readFile(clientCaFile, 'utf8')).join('\n') };
  } catch (error) {
    // Node's message names the file and the problem: "ENOENT: no such file or directory, open '…'".
    return { problem: messageOf(error) };
  }
}

/**
 * Why a TLS server cannot use the pair; undefined if it can. A certificate that has expired or is not yet valid
 * counts as usable: a client's error message about it is more useful than a server that does not start.
 */
export function findProblem({ cert, key, clientCa }: KeyPair): string | undefined {
  try {
    // Reads only the first certificate of the chain, which is the server's own (RFC 8446 §4.4.2).
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return `the key in ${KEY_FILE} does not belong to the certificate in ${CERTIFICATE_FILE}`;
    }
    // OpenSSL has more requirements, such as a minimum key size, and reads the rest of the chain.
    createSecureContext({ cert, key });
    return clientCa === undefined ? undefined : findClientCaProblem(clientCa);
  } catch (error) {
    return `${CERTIFICATE_FILE} and ${KEY_FILE} are not a certificate and its key: ${messageOf(error)}`;
  }
}

function findClientCaProblem(clientCa: string): string | undefined {
  try {
    // OpenSSL accepts a file without certificates as an empty list of authorities.
    if (parseCertificates(clientCa).length === 0) return 'the client CA file has no certificate';
    createSecureContext({ ca: clientCa });
    return undefined;
  } catch (error) {
    return `the client CA file is invalid: ${messageOf(error)}`;
  }
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g;

/**
 * Splits a file into certificates, including a truncated one. OpenSSL reads none of them if files were joined without
 * a line end.
 */
const splitCertificates = (text: string): readonly string[] => [...text.matchAll(CERTIFICATES)].map(([pem]) => pem);

/** Throws if a certificate cannot be parsed. */
const parseCertificates = (clientCa: string): readonly X509Certificate[] =>
  splitCertificates(clientCa).map((pem) => new X509Certificate(pem));

/** The details of a certificate for the log. Only for a usable pair. */
export function certificateDetails({ cert, clientCa }: KeyPair): {
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
    ...(clientCa === undefined
      ? {}
      : { clientAuthorities: parseCertificates(clientCa).map((ca) => ca.fingerprint256) }),
  };
}

/**
 * Whether a certificate, including the client CAs, has expired or is not yet valid; `now` in Unix milliseconds. Only
 * for a usable pair.
 */
export function isExpiredOrNotYetValid({ cert, clientCa = '' }: KeyPair, now: number): boolean {
  return [new X509Certificate(cert), ...parseCertificates(clientCa)].some(
    ({ validFrom, validTo }) => now < Date.parse(validFrom) || now > Date.parse(validTo),
  );
}

/** Reads the property: an error of Node's core is not `instanceof Error` in another realm. */
const messageOf = (error: unknown): string => (error as { readonly message?: string }).message ?? String(error);
