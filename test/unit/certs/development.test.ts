import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDevelopmentCA, type DevelopmentCA } from '../../../certs/development.ts';
import { findProblem } from '../../../certs/key-pair.ts';

let parent: string;
let folder: string;
let ca: DevelopmentCA;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sequentialjob-certs-'));
  folder = join(parent, 'made', 'when-missing');
  ca = await createDevelopmentCA();
  await ca.writeServingCertificate(folder);
});

afterAll(async () => {
  await rm(parent, { recursive: true });
});

const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');

/** The status of an answer to a client that trusts this authority and no other. */
async function ask(name: string, trusted: string): Promise<number | undefined> {
  const server = createServer({ cert: await text('tls.crt'), key: await text('tls.key') }, (_, response) => {
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, ca: trusted, servername: name === '127.0.0.1' ? '' : name };
      request({ ...options, headers: { host: name }, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
  } finally {
    server.close();
  }
}

describe('the development CA', () => {
  it('writes the files of a TLS Secret, and nothing else', async () => {
    expect((await readdir(folder)).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(await text('ca.crt')).toBe(ca.certificatePem);
    expect(findProblem({ cert: await text('tls.crt'), key: await text('tls.key') })).toBeUndefined();
  });

  it('allows no other user to read the key', async () => {
    expect((await stat(join(folder, 'tls.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it.each(['127.0.0.1', 'localhost'])('is trusted at %s by whoever trusts it', async (name) => {
    expect(await ask(name, ca.certificatePem)).toBe(200);
  });

  it('is not trusted by other CAs, nor for other names', async () => {
    const other = await createDevelopmentCA();
    await expect(ask('localhost', other.certificatePem)).rejects.toThrow(/certificate/);
    await expect(ask('example.com', ca.certificatePem)).rejects.toThrow(/altnames/);
  });

  it('replaces a certificate by another one of the same CA', async () => {
    const before = await text('tls.crt');
    await ca.writeServingCertificate(folder);
    const after = await text('tls.crt');
    expect(after).not.toBe(before);
    expect(new X509Certificate(after).verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true);
    expect(await ask('localhost', ca.certificatePem)).toBe(200);
  });
});
