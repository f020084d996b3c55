/** Whether npm's Node is that of nodejs.org, asked of a server that is made up. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { nodeOrigin, type NodeOrigin } from '../../../../config/supply-chain/node-origin.ts';
import { startServer, type TestServer } from '../../../support/http-server.ts';

const VERSION = '24.9.9';
const NAME = `node-v${VERSION}-linux-x64`;
/** Longer than a block of a tar archive. */
const PROGRAM = Buffer.alloc(1500, 'node');

/** A tar archive of these files, with names that are split as long ones are. */
function tar(files: Readonly<Record<string, Buffer>>): Buffer {
  const blocks = Object.entries(files).flatMap(([path, content]) => {
    const header = Buffer.alloc(512);
    const slash = path.lastIndexOf('/');
    header.write(path.slice(slash + 1), 0);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(path.slice(0, slash), 345);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const archive = gzipSync(tar({ [`${NAME}/README.md`]: Buffer.from('read'), [`${NAME}/bin/node`]: PROGRAM }));
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

const served = (sums: string, packed: Buffer): Served => ({
  [`/v${VERSION}/SHASUMS256.txt`]: sums,
  [`/v${VERSION}/${NAME}.tar.gz`]: packed,
});

describe('the Node that npm brings', () => {
  it('is that of nodejs.org where its bytes are those in an archive that is listed', async () => {
    expect(await ask(served(SUMS, archive))).toEqual({ kind: 'same', sha256: sumOf(PROGRAM) });
  });

  const other = gzipSync(tar({ [`${NAME}/bin/node`]: Buffer.from('another') }));
  const empty = gzipSync(tar({ [`${NAME}/bin/npm`]: PROGRAM }));

  it.each<readonly [string, Served, Buffer, string]>([
    ['its bytes are others', served(SUMS, archive), Buffer.from('changed'), "npm's bin/node is"],
    ['the archive is not what is listed', served(SUMS, other), PROGRAM, 'is not what SHASUMS256.txt says'],
    ['the archive is not listed', served('nothing\n', archive), PROGRAM, 'SHASUMS256.txt has no'],
    ['the archive has no such program', served(`${sumOf(empty)}  ${NAME}.tar.gz\n`, empty), PROGRAM, 'has no bin/node'],
  ])('is another where %s', async (_when, files, binary, why) => {
    expect(await ask(files, binary)).toEqual({
      kind: 'different',
      why: expect.stringContaining(why),
    });
  });

  it('is not said to be anything where there is no such release, or nobody to ask', async () => {
    expect(await ask({})).toEqual({ kind: 'not asked', why: expect.stringContaining('404') });
    const gone = await startServer(() => undefined);
    await gone.close();
    expect(await nodeOrigin({ version: VERSION, arch: 'x64', binary: PROGRAM, dist: gone.url })).toEqual({
      kind: 'not asked',
      why: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
