/** The serving certificate of both servers, from a temporary CA. */
import { join } from 'node:path';
import { createDevelopmentCA } from '../../certs/development.ts';
import { CERTIFICATE_FILE, KEY_FILE } from '../../certs/key-pair.ts';

export interface CertificateFiles {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** The CA, in PEM. */
  readonly caPem: string;
}

/** Writes a certificate and its key into the folder. */
export async function writeCertificate(folder: string): Promise<CertificateFiles> {
  const ca = await createDevelopmentCA();
  await ca.writeServingCertificate(folder);
  return { folder, cert: join(folder, CERTIFICATE_FILE), key: join(folder, KEY_FILE), caPem: ca.certificatePem };
}
