/** The serving certificate and its key, as cert-manager and `kubectl create secret tls` write them. */
import { readFile } from 'node:fs/promises';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';

/** The keys of a Secret of type kubernetes.io/tls, and so the file names in a mounted Secret. */
export const CERTIFICATE_FILE = 'tls.crt';
export const KEY_FILE = 'tls.key';

/** A certificate with its chain, and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** The CAs of client certificates, in PEM; absent: the server requests no client certificate. */
  readonly clientCa?: string;
}

/** The content of the files, not validated. */
export type Files = KeyPair | { readonly problem: string };

/**
 * Reads both files of a folder and, if configured, the file with the client CAs. Never rejects: if a file cannot be read,
 * returns a problem for the log.
 */
export async function readFiles(folder: string, clientCaFile?: string): Promise<Files> {
  try {
    // In order: if several files are missing, the reported problem is always the same.
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
 * Why a TLS server cannot use the pair; undefined if it can. An expired or not yet valid certificate is usable: the client's
 * error is more helpful than a server that does not start.
 */
export function problemOf({ cert, key, clientCa }: KeyPair): string | undefined {
  try {
    // The first certificate of the chain is the server's own (RFC 8446 §4.4.2). X509Certificate parses only the first one.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return `the key in ${KEY_FILE} does not belong to the certificate in ${CERTIFICATE_FILE}`;
    }
    // OpenSSL parses the rest of the chain and checks more, for example the size of the key.
    createSecureContext({ cert, key });
    return clientCa === undefined ? undefined : clientCaProblem(clientCa);
  } catch (error) {
    return `${CERTIFICATE_FILE} and ${KEY_FILE} are not a valid certificate and key: ${messageOf(error)}`;
  }
}

function clientCaProblem(clientCa: string): string | undefined {
  try {
    // OpenSSL accepts a file without any certificate and would then trust no CA.
    if (authorities(clientCa).length === 0) return 'the client CA file has no certificate';
    createSecureContext({ ca: clientCa });
    return undefined;
  } catch (error) {
    return `the client CA file is not valid: ${messageOf(error)}`;
  }
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g;

/** Splits a PEM file into certificates; keeps incomplete ones. OpenSSL cannot parse files that were joined without a line break. */
const certificatesOf = (text: string): readonly string[] => [...text.matchAll(CERTIFICATES)].map(([pem]) => pem);

/** Throws if a certificate cannot be parsed. */
const authorities = (clientCa: string): readonly X509Certificate[] =>
  certificatesOf(clientCa).map((pem) => new X509Certificate(pem));

/** The important fields of a certificate, for the log. The pair must be usable. */
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

/** Whether the certificate or a client CA is expired or not yet valid; `now` in Unix milliseconds. The pair must be usable. */
export function isOutOfTime({ cert, clientCa = '' }: KeyPair, now: number): boolean {
  return [new X509Certificate(cert), ...authorities(clientCa)].some(
    ({ validFrom, validTo }) => now < Date.parse(validFrom) || now > Date.parse(validTo),
  );
}

/** Checks for a message instead of `instanceof Error`: Node's errors belong to another realm when jest runs this. */
const messageOf = (error: unknown): string => (error as { readonly message?: string }).message ?? String(error);
