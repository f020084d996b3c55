import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadBinaries } from '../../../../local/binaries/download.ts';
import { missingBinaries } from '../../../../local/binaries/inventory.ts';
import { resolveBinaries } from '../../../../local/binaries/resolve.ts';

/** A server with one small release, laid out as the real ones are. */
let folder: string;
let server: Server;
let base: string;
const files = new Map<string, Buffer>();

const sha = (algorithm: string, data: Buffer): string => createHash(algorithm).update(data).digest('hex');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'download-test-'));
  const content = join(folder, 'controller-tools/envtest');
  await mkdir(content, { recursive: true });
  for (const name of ['etcd', 'kube-apiserver', 'kubectl'])
    await writeFile(join(content, name), `#!/bin/sh\necho ${name}\n`);
  const archive = join(folder, 'a.tar.gz');
  await promisify(execFile)('tar', ['-czf', archive, '-C', folder, 'controller-tools']);
  server = createServer((request, response) => {
    const data = files.get(request.url ?? '');
    response.writeHead(data === undefined ? 404 : 200).end(data);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const data = await readFile(archive);
  files.set('/a.tar.gz', data);
  const entry = `envtest-v1.36.1-linux-amd64.tar.gz: { hash: ${sha('sha512', data)}, selfLink: "${base}/a.tar.gz" }`;
  files.set('/index.yaml', Buffer.from(`releases:\n  v1.36.1:\n    ${entry}\n`));
});
beforeEach(() => {
  const controllerManager = Buffer.from('#!/bin/sh\n');
  const path = '/release/v1.36.1/bin/linux/amd64/kube-controller-manager';
  files.set(path, controllerManager);
  files.set(`${path}.sha256`, Buffer.from(`${sha('sha256', controllerManager)}\n`));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const download = (cache: string): Promise<string> =>
  downloadBinaries({
    cache,
    release: '1.36',
    arch: 'amd64',
    indexUrl: `${base}/index.yaml`,
    releasesUrl: `${base}/release`,
  });

// envtest-js picks the archive of the machine it runs on.
const onAmd64 = process.arch === 'x64' ? describe : describe.skip;

onAmd64('downloadBinaries', () => {
  it('puts all four programs into one folder of the cache', async () => {
    const cache = join(folder, 'good');
    const found = await download(cache);
    expect(found).toBe(join(cache, 'v1.36.1-linux-amd64'));
    expect(await missingBinaries(found)).toEqual([]);
    expect(await readdir(cache)).toEqual(['v1.36.1-linux-amd64']);
    expect(await download(cache)).toBe(found);
  });

  it('leaves nothing behind if a checksum differs', async () => {
    const cache = join(folder, 'bad');
    files.set('/release/v1.36.1/bin/linux/amd64/kube-controller-manager', Buffer.from('something else'));
    await expect(download(cache)).rejects.toThrow(/kube-controller-manager has SHA-256 .* checksum file has/);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('resolveBinaries', () => {
  const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
  const make = async (path: string, names: readonly string[]): Promise<string> => {
    await mkdir(path, { recursive: true });
    for (const name of names) {
      await writeFile(join(path, name), '');
      await chmod(join(path, name), 0o755);
    }
    return path;
  };

  it('reports what KUBEBUILDER_ASSETS lacks, and tries the cache', async () => {
    const assets = await make(join(folder, 'envtest-only'), ['etcd', 'kube-apiserver', 'kubectl']);
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    const cached = await make(join(folder, `xdg/sequentialjob/kubernetes/v1.30.0-linux-${arch}`), programs);
    const lines: string[] = [];
    const env = { KUBEBUILDER_ASSETS: assets, XDG_CACHE_HOME: join(folder, 'xdg') };
    expect(await resolveBinaries({ env, log: (line) => lines.push(line) })).toBe(cached);
    expect(lines).toEqual([`ignoring KUBEBUILDER_ASSETS: ${assets} lacks kube-controller-manager`]);
  });
});
