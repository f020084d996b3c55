/**
 * The checks of what we build on: `node config/supply-chain/main.ts audit | licences | lock | node | sbom`, from the project's root.
 * Exit status: 0 well, 1 not, 77 (automake's) for what could not be asked.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** A further argument is where releases are, instead of nodejs.org. */
async function node([dist]: readonly string[]): Promise<number> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const folder = join(ROOT, `node_modules/node-linux-${arch}`);
  const { version } = readJson(join(folder, 'package.json')) as { readonly version: string };
  const binary = readFileSync(join(folder, 'bin/node'));
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

/** Writes the list beside the program that the build wrote there; the time is SOURCE_DATE_EPOCH. */
function sbom([folder = join(ROOT, 'dist')]: readonly string[]): number {
  const folders = new Set(bundledFolders(readJson(join(folder, 'metafile.json')) as Metafile));
  const packages = readLock(ROOT).filter(({ path }) => folders.has(path));
  const program = readFileSync(join(folder, 'sequentialjob.mjs'));
  const { name } = readJson(join(ROOT, 'package.json')) as { readonly name: string };
  const all = JSON.parse(npm(['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--loglevel=error'])) as Sbom;
  const shipped = {
    name,
    packages: new Set(packages.map((one) => `${one.name}@${one.version}`)),
    sha256: createHash('sha256').update(program).digest('hex'),
    epoch: Number(process.env['SOURCE_DATE_EPOCH'] ?? 0),
  };
  const path = join(folder, 'sbom.cdx.json');
  writeFileSync(path, `${JSON.stringify(toShippedSbom(all, shipped), null, 2)}\n`);
  say(`${path}: ${shipped.packages.size} packages`);
  return 0;
}

type Command = (args: readonly string[]) => number | Promise<number>;
const COMMANDS: Readonly<Record<string, Command>> = { audit, licences, lock, node, sbom };

const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) throw new Error(`no such check: ${name}; there are ${Object.keys(COMMANDS).join(', ')}`);
process.exitCode = await command(rest);
