/**
 * The checks of what we build on: `node config/supply-chain/main.ts audit | licences | lock | node | sbom | sbom-cli`, from the project's root.
 * Exit status: 0 well, 1 not, 77 (automake's) for what could not be asked.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARCHES, lockedNode, presentNodeFolder, type Arch } from '../build/node-binary.ts';
import { type AcceptedAdvisory, judgeAudit } from './audit.ts';
import { bundledFolders, type Metafile } from './bundled.ts';
import { licenceFaults, readLicencePolicy } from './licences.ts';
import { lockFaults, readAllowScripts, readLock } from './lock.ts';
import { nodeOrigin } from './node-origin.ts';
import { type Sbom, toShippedSbom } from './sbom.ts';

const ROOT = join(import.meta.dirname, '../..');
const SKIPPED = 77;

const say = (...lines: readonly string[]): void => void process.stdout.write(lines.map((line) => `${line}\n`).join(''));

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** npm's standard output; its warnings go past us to the terminal. */
function npm(args: readonly string[]): string {
  const { stdout, error } = spawnSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined) throw error;
  return stdout;
}

/** Says the faults, or that there are none, and gives the exit status. */
function conclude(faults: readonly string[], well: string): number {
  say(...(faults.length > 0 ? faults : [well]));
  return faults.length > 0 ? 1 : 0;
}

/** Further arguments are npm's, as `--registry=…`. */
function audit(args: readonly string[]): number {
  const accepted = readJson(join(import.meta.dirname, 'advisories.json')) as readonly AcceptedAdvisory[];
  const output = npm(['audit', '--json', '--loglevel=error', ...args]);
  const verdict = judgeAudit(output, accepted, new Date().toISOString().slice(0, 10));
  switch (verdict.kind) {
    case 'clean':
      return conclude([], ['npm audit: no known vulnerability', ...verdict.accepted].join('; '));
    case 'findings':
      return conclude(verdict.faults, '');
    case 'not asked':
      say(`SKIPPED: the audit could not be made here, nothing is known: ${verdict.why}`);
      return SKIPPED;
    case 'failed':
      return conclude([`the audit failed: ${verdict.why}`], '');
  }
}

function licences(): number {
  const packages = readLock(ROOT);
  const well = `${packages.length} locked packages, each with a licence of licences.json`;
  return conclude(licenceFaults(packages, readLicencePolicy()), well);
}

function lock(): number {
  const packages = readLock(ROOT);
  const named = new Set(Object.keys(readAllowScripts(ROOT)));
  return conclude(lockFaults(packages, named), `${packages.length} locked packages, each with its checksum`);
}

/** A further argument is where releases are, instead of nodejs.org. Checks this machine's Node, and the one that `make build-cli` fetched. */
async function node([dist]: readonly string[]): Promise<number> {
  let worst = 0;
  for (const arch of ARCHES) {
    const folder = presentNodeFolder(ROOT, arch);
    if (folder !== undefined) worst = Math.max(worst, await nodeOf(arch, folder, dist));
  }
  return worst;
}

async function nodeOf(arch: Arch, folder: string, dist: string | undefined): Promise<number> {
  const { version } = readJson(join(ROOT, folder, 'package.json')) as { readonly version: string };
  const binary = readFileSync(join(ROOT, folder, 'bin/node'));
  const origin = await nodeOrigin({ version, arch, binary, ...(dist === undefined ? {} : { dist }) });
  switch (origin.kind) {
    case 'same':
      return conclude([], `node-linux-${arch} ${version} is that of nodejs.org, ${origin.sha256}`);
    case 'different':
      return conclude([`node-linux-${arch} ${version} is not that of nodejs.org: ${origin.why}`], '');
    case 'not asked':
      say(`SKIPPED: nodejs.org could not be asked, nothing is known: ${origin.why}`);
      return SKIPPED;
  }
}

interface Built {
  readonly metafile: string;
  readonly program: string;
  /** Of the packages in the program those that esbuild does not know. */
  readonly more: readonly string[];
  readonly sbom: string;
}

/** Writes the lists of programs; the time is SOURCE_DATE_EPOCH. */
function writeSboms(programs: readonly Built[]): void {
  const { name } = readJson(join(ROOT, 'package.json')) as { readonly name: string };
  const all = JSON.parse(npm(['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--loglevel=error'])) as Sbom;
  for (const { metafile, program, more, sbom } of programs) {
    const folders = new Set([...bundledFolders(readJson(metafile) as Metafile), ...more]);
    const packages = readLock(ROOT).filter(({ path }) => folders.has(path));
    const shipped = {
      name,
      packages: new Set(packages.map((one) => `${one.name}@${one.version}`)),
      sha256: createHash('sha256').update(readFileSync(program)).digest('hex'),
      epoch: Number(process.env['SOURCE_DATE_EPOCH'] ?? 0),
    };
    writeFileSync(sbom, `${JSON.stringify(toShippedSbom(all, shipped), null, 2)}\n`);
    say(`${sbom}: ${shipped.packages.size} packages`);
  }
}

/** Writes the list beside the program that the build wrote there. */
function sbom([folder = join(ROOT, 'dist')]: readonly string[]): number {
  const [metafile, program] = [join(folder, 'metafile.json'), join(folder, 'sequentialjob.mjs')];
  writeSboms([{ metafile, program, more: [], sbom: join(folder, 'sbom.cdx.json') }]);
  return 0;
}

/** Writes the list of each executable beside those that the build wrote there. */
function sbomCli([folder = join(ROOT, 'dist/cli')]: readonly string[]): number {
  const metafile = join(folder, 'metafile.json');
  const built = ARCHES.map((arch) => ({ program: join(folder, `sequentialjob-linux-${arch}`), arch }));
  writeSboms(
    built
      .filter(({ program }) => existsSync(program))
      .map(({ program, arch }) => ({
        metafile,
        program,
        more: [lockedNode(ROOT, arch).path],
        sbom: `${program}.cdx.json`,
      })),
  );
  return 0;
}

type Command = (args: readonly string[]) => number | Promise<number>;
const COMMANDS: Readonly<Record<string, Command>> = { audit, licences, lock, node, sbom, 'sbom-cli': sbomCli };

const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) throw new Error(`no such check: ${name}; there are ${Object.keys(COMMANDS).join(', ')}`);
process.exitCode = await command(rest);
