/** The commands for people as one executable: it does what the sources do, needs nothing beside it, and is published whole. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Sbom } from '../../config/supply-chain/sbom.ts';
import { VERSION } from '../../shared/version.ts';
import { ROOT } from '../support/manifests.ts';

const ARCH = process.arch;
const NAME = `sequentialjob-linux-${ARCH}`;
const MANIFESTS = globSync(['config/samples/*.yaml', 'test/fixtures/cli/*.yaml'], { cwd: ROOT }).sort();
const EPOCH = '1700000000';
const { NODE_OPTIONS: _, ...ENV } = process.env; // jest's own

let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-cli-'));
  program = join(folder, NAME);
  const env = { ...ENV, SOURCE_DATE_EPOCH: EPOCH };
  const args = [join(ROOT, 'build-cli.mjs'), folder, `--arch=${ARCH}`, '--url=https://example.com/v1'];
  execFileSync(process.execPath, args, { env, stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], env: Readonly<Record<string, string | undefined>> = ENV): Ended {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: ROOT, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

describe('the executable', () => {
  it.each<readonly [string, readonly string[], number]>([
    ['its version', ['version'], 0],
    ['its help', ['--help'], 0],
    ['the help of a command', ['status', '-h'], 0],
    ['errors in manifests', ['lint', ...MANIFESTS], 1],
    ['the Jobs of a manifest', ['render', 'config/samples/etl.yaml'], 0],
    ['a manifest in the other version', ['convert', '--to=v1alpha1', 'config/samples/etl.yaml'], 0],
    ['the completion script', ['completion', 'bash'], 0],
    ['a server that is not there', ['status', '--kubeconfig=/nowhere'], 2],
    ['no command', [], 2],
    ['an unknown command', ['destroy'], 2],
    ['the command of the worker thread', ['evaluate-reviews'], 2],
    ['a flag of Node', ['--print=1'], 2],
  ])('prints the same as the sources for %s', (_what, args, status) => {
    const ended = run(program, args);
    expect(ended).toEqual(run(process.execPath, [join(ROOT, 'main.ts'), ...args]));
    expect(ended.status).toBe(status);
  });

  it('is a plugin of kubectl under the name kubectl-sequentialjob', () => {
    const plugin = join(folder, 'kubectl-sequentialjob');
    symlinkSync(program, plugin);
    expect(run(plugin, ['status', '-h']).stdout).toContain('Usage: kubectl sequentialjob status');
    expect(run('kubectl-sequentialjob', ['wait'], { PATH: folder }).stderr).toMatch(/^kubectl sequentialjob: /);
  });

  it('needs nothing of the environment, and ignores options for Node', () => {
    const ended = { status: 0, stdout: `${VERSION}\n`, stderr: '' };
    expect(run(program, ['version'], {})).toEqual(ended);
    expect(run(program, ['version'], { NODE_OPTIONS: '--require=/nowhere' })).toEqual(ended);
  });

  it('refuses to run the operator, which is not in it', () => {
    const { status, stdout, stderr } = run(program, ['run', '--role=controller']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('run the operator from its image');
  });

  it('is reproducible, in whatever folder it is built', () => {
    const script = `
      import { blobFor } from '${ROOT}/config/build/executable.mjs';
      process.stdout.write(blobFor('${ARCH}', process.argv[1]));`;
    const other = join(folder, 'a', 'longer', 'path');
    mkdirSync(other, { recursive: true });
    copyFileSync(join(folder, 'sequentialjob.cjs'), join(other, 'sequentialjob.cjs'));
    const args = ['--input-type=module', '--eval', script, other];
    const blob = execFileSync(process.execPath, args, { env: ENV, maxBuffer: 2 ** 26 });
    expect(blob.length).toBeGreaterThan(2 ** 20);
    expect(readFileSync(program).includes(blob)).toBe(true);
  });
});

describe('the archive', () => {
  let list: readonly string[];
  beforeAll(() => {
    const args = ['--extract', '--verbose', '--verbose', '--utc', '-z', `--file=${NAME}.tar.gz`, '--directory=archive'];
    mkdirSync(join(folder, 'archive'));
    const lines = execFileSync('tar', args, { cwd: folder, encoding: 'utf8' }).trim().split('\n');
    list = lines.map((line) => line.replaceAll(/ +/g, ' '));
  });
  const content = (file: string): Buffer => readFileSync(join(folder, 'archive', file));

  it('has the executable and the licenses, with the time of the commit and nothing of this machine', () => {
    const date = '2023-11-14 22:13';
    expect(list).toEqual([
      expect.stringMatching(new RegExp(`^-rwxr-xr-x 0/0 [0-9]+ ${date} sequentialjob$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 [0-9]+ ${date} LICENSE$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 [0-9]+ ${date} THIRD-PARTY-NOTICES.txt$`)),
    ]);
    expect(content('sequentialjob').equals(readFileSync(program))).toBe(true);
    expect(content('LICENSE').equals(readFileSync(join(ROOT, 'LICENSE')))).toBe(true);
  });

  it("has Node's license, and the notices of the packages in it, and of no other", () => {
    const notices = content('THIRD-PARTY-NOTICES.txt').toString();
    const licence = readFileSync(join(ROOT, `node_modules/node-linux-${ARCH}/LICENSE`), 'utf8');
    expect(notices).toContain(licence.trim());
    expect(notices).toMatch(/^commander \d/m);
    // Packages of the operator.
    expect(notices).not.toMatch(/^(express|prom-client) \d/m);
  });

  it('has its checksum in SHA256SUMS', () => {
    expect(read('SHA256SUMS')).toBe(`${sha256(join(folder, `${NAME}.tar.gz`))}  ${NAME}.tar.gz\n`);
  });

  it('is what the krew manifest installs', () => {
    const { metadata, spec } = parse(read('sequentialjob.krew.yaml'));
    expect([metadata.name, spec.version]).toEqual(['sequentialjob', `v${VERSION}`]);
    expect(spec.platforms).toEqual([
      {
        selector: { matchLabels: { os: 'linux', arch: ARCH === 'x64' ? 'amd64' : ARCH } },
        uri: `https://example.com/v1/${NAME}.tar.gz`,
        sha256: sha256(join(folder, `${NAME}.tar.gz`)),
        bin: 'sequentialjob',
        files: list.map((line) => ({ from: line.split(' ').at(-1), to: '.' })),
      },
    ]);
  });
});

it('has an SBOM with Node under the name that scanners know', () => {
  execFileSync(process.execPath, [join(ROOT, 'config/supply-chain/main.ts'), 'sbom-cli', folder], { env: ENV });
  const { components, metadata } = JSON.parse(read(`${NAME}.cdx.json`)) as Sbom;
  expect(metadata.component).toMatchObject({ hashes: [{ alg: 'SHA-256', content: sha256(program) }] });
  const [node, ...others] = components.filter((one) => one['bom-ref'].startsWith('node-linux-'));
  expect(others).toEqual([]);
  const { node: version } = process.versions;
  expect(node).toMatchObject({ name: `node-linux-${ARCH}`, cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*` });
  expect(components.some((one) => one['bom-ref'].startsWith('express@'))).toBe(false);
});
