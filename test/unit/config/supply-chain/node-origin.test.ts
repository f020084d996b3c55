/** Whether npm's Node is that of nodejs.org, asked of a server that is made up. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { nodeOrigin, type NodeOrigin } from '../../../../config/supply-chain/node-origin.ts';
import { startServer, type TestServer } from '../../../support/http-server.ts';

const VERSION = '24.9.9';
const NAME = `node-v${VERSION}-linux-x64`;
const PROGRAM = Buffer.alloc(1500, 'node');

/** A compressed tar archive of one file. */
function packed(path: string, content: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'sequentialjob-origin-'));
  try {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    return execFileSync('tar', ['-czf', '-', '-C', folder, NAME]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const archive = packed(`${NAME}/bin/node`, PROGRAM);
const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const SUMS = `${'0'.repeat(64)}  node-v${VERSION}-linux-arm64.tar.gz\n${sumOf(archive)}  ${NAME}.tar.gz\n`;

let server: TestServer | undefined;
afterEach(async () => server?.close());

type Served = Readonly<Record<string, string | Buffer>>;

async function ask(files: Served, binary: Buffer = PROGRAM): Promise<NodeOrigin> {
  server = await startServer(({ url }, response) => {
    const body = files[url];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  return nodeOrigin({ version: VERSION, arch: 'x64', binary, dist: server.url });
}

const served = (sums: string, bytes: Buffer): Served => ({
  [`/v${VERSION}/SHASUMS256.txt`]: sums,
  [`/v${VERSION}/${NAME}.tar.gz`]: bytes,
});

describe('the Node binary of the npm package', () => {
  it('is official if its bytes are those of an archive that nodejs.org lists', async () => {
    expect(await ask(served(SUMS, archive))).toEqual({ kind: 'same', sha256: sumOf(PROGRAM) });
  });

  const other = packed(`${NAME}/bin/node`, Buffer.from('another'));
  const empty = packed(`${NAME}/bin/npm`, PROGRAM);

  it.each<readonly [string, Served, Buffer, string]>([
    ['its bytes differ', served(SUMS, archive), Buffer.from('changed'), "npm's bin/node is"],
    ['the archive has another checksum than listed', served(SUMS, other), PROGRAM, 'is not what SHASUMS256.txt says'],
    ['the archive is not listed', served('nothing\n', archive), PROGRAM, 'SHASUMS256.txt has no'],
    ['the archive has no node binary', served(`${sumOf(empty)}  ${NAME}.tar.gz\n`, empty), PROGRAM, 'has no bin/node'],
  ])('is not official if %s', async (_when, files, binary, why) => {
    expect(await ask(files, binary)).toEqual({
      kind: 'different',
      why: expect.stringContaining(why),
    });
  });

  it('has an unknown origin if the release does not exist, or nodejs.org is unreachable', async () => {
    expect(await ask({})).toEqual({ kind: 'not asked', why: expect.stringContaining('404') });
    const gone = await startServer(() => undefined);
    await gone.close();
    expect(await nodeOrigin({ version: VERSION, arch: 'x64', binary: PROGRAM, dist: gone.url })).toEqual({
      kind: 'not asked',
      why: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
