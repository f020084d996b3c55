// Builds the commands for people as one executable per processor, with Node in it, so that a laptop needs no Node 24:
// dist/cli/sequentialjob-linux-{x64,arm64}, an archive of each, their checksums and the krew manifest. `make build-cli` runs it. The output
// is reproducible.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packed } from './config/build/archive.ts';
import { putIntoNode } from './config/build/elf.ts';
import { blobFor, bundleProgram, PROGRAM } from './config/build/executable.mjs';
import { fillKrewManifest } from './config/build/krew.ts';
import { ARCHES, nodeFolder } from './config/build/node-binary.ts';
import { bundledFolders } from './config/supply-chain/bundled.ts';
import { renderNotices } from './config/supply-chain/notices.ts';
import { VERSION } from './shared/version.ts';

const ROOT = import.meta.dirname;
// --arch=x64 builds one of the two; --url is where the archives will be published.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: 'string', multiple: true, default: [...ARCHES] },
    url: { type: 'string', default: `https://example.com/sequentialjob/releases/v${VERSION}` },
  },
});
const FOLDER = resolve(positionals[0] ?? join(ROOT, 'dist/cli'));
const EPOCH = Number(process.env.SOURCE_DATE_EPOCH ?? 0);

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const say = (path, { length }) =>
  process.stdout.write(`${relative(process.cwd(), path)} ${(length / 2 ** 20).toFixed(1)} MiB\n`);

/** Writes the executable and its archive. */
function buildFor(arch, metafile, work) {
  const name = `sequentialjob-linux-${arch}`;
  const node = nodeFolder(ROOT, arch);
  const executable = putIntoNode(readFileSync(join(ROOT, node, 'bin/node')), blobFor(arch, work));
  const contents = mkdtempSync(join(work, 'archive-'));
  writeFileSync(join(contents, 'sequentialjob'), executable);
  cpSync(join(ROOT, 'LICENSE'), join(contents, 'LICENSE'));
  // Node's own licence has those of all that Node is made of.
  writeFileSync(join(contents, 'THIRD-PARTY-NOTICES.txt'), renderNotices(ROOT, [...bundledFolders(metafile), node]));
  const texts = ['LICENSE', 'THIRD-PARTY-NOTICES.txt'];
  const archive = packed({ folder: contents, programs: ['sequentialjob'], texts, epoch: EPOCH });
  const [program, file] = [join(FOLDER, name), join(FOLDER, `${name}.tar.gz`)];
  rmSync(program, { force: true });
  cpSync(join(contents, 'sequentialjob'), program);
  writeFileSync(file, archive);
  say(program, executable);
  say(file, archive);
  return [`${name}.tar.gz`, sha256(archive)];
}

mkdirSync(FOLDER, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'sequentialjob-cli-'));
try {
  const metafile = await bundleProgram(FOLDER);
  cpSync(join(FOLDER, PROGRAM), join(work, PROGRAM));
  writeFileSync(join(FOLDER, 'metafile.json'), JSON.stringify(metafile));
  const sums = new Map(values.arch.map((arch) => buildFor(arch, metafile, work)));
  writeFileSync(join(FOLDER, 'SHA256SUMS'), [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join(''));
  const template = readFileSync(join(ROOT, 'config/krew/sequentialjob.yaml'), 'utf8');
  const manifest = fillKrewManifest(template, { version: VERSION, url: values.url, sha256: sums });
  writeFileSync(join(FOLDER, 'sequentialjob.krew.yaml'), manifest);
} finally {
  rmSync(work, { recursive: true, force: true });
}
