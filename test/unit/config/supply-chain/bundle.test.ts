/** The release build: what is in the program is in its notices and in its list of components, and nothing else is. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { licenceFaults, readLicencePolicy } from '../../../../config/supply-chain/licences.ts';
import { type LockedPackage, readLock } from '../../../../config/supply-chain/lock.ts';
import { type Sbom, type Shipped, toShippedSbom } from '../../../../config/supply-chain/sbom.ts';
import { ROOT } from '../../../support/manifests.ts';

const EPOCH = 1_700_000_000;

let folder: string;
/** The packages in the program, by the comments in front of its modules: what the others go by, the metafile, is not asked. */
let shipped: readonly LockedPackage[];
/** Folders in the program that the lock file does not have. */
let unlocked: readonly unknown[];

const id = ({ name, version }: LockedPackage): string => `${name}@${version}`;
const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

function sbom(): string {
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH) };
  execFileSync(process.execPath, [join(ROOT, 'config/supply-chain/main.ts'), 'sbom', folder], { env });
  return read('sbom.cdx.json');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sequentialjob-bundle-'));
  execFileSync(process.execPath, [join(ROOT, 'build.mjs'), folder, '--readable']);
  const modules = read('sequentialjob.mjs').matchAll(/^\s*\/\/ (node_modules\/\S+)$/gm);
  const folders = new Set([...modules].map(([, path = '']) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]));
  shipped = readLock(ROOT).filter(({ path }) => folders.delete(path));
  unlocked = [...folders];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the program', () => {
  it('has the expected packages, all of them locked', () => {
    expect(unlocked).toEqual([]);
    expect(shipped.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['@kubernetes/client-node', 'undici', 'pino', 'prom-client', 'yaml']),
    );
  });

  it('has no package whose license allows only development, even if npm regards it as a production package', () => {
    const counted = shipped.map((one) => ({ ...one, isDevelopment: false }));
    expect(licenceFaults(counted, readLicencePolicy())).toEqual([]);
  });

  it('includes the notice of each package, and of no other', () => {
    const headings = [...read('THIRD-PARTY-NOTICES.txt').matchAll(/^={80}\n(\S+) (\S+) \(.+\)\n={80}\n/gm)];
    const names = headings.map(([, name, version]) => `${name}@${version}`);
    expect(names.sort()).toEqual(unique(shipped.map(id)));
  });

  it('includes the license texts of the packages', () => {
    const notices = read('THIRD-PARTY-NOTICES.txt');
    for (const name of ['undici', 'pino', 'yaml']) {
      const licence = readFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8')
        .replaceAll('\r\n', '\n')
        .trim();
      expect(notices).toContain(licence);
    }
  });

  it('has its notices in the image', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    expect(dockerfile).toMatch(/cp dist\/sequentialjob\.mjs dist\/THIRD-PARTY-NOTICES\.txt LICENSE \/image\/app\//);
    expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8')).toContain('\n!config/supply-chain\n');
  });
});

describe('the SBOM', () => {
  it('has the packages of the program, each once, with checksum and license', () => {
    const { components } = JSON.parse(sbom()) as Sbom;
    expect(components.map((one) => one['bom-ref']).sort()).toEqual(unique(shipped.map(id)));
    const byId = new Map(shipped.map((one) => [id(one), one]));
    for (const one of components) {
      const locked = byId.get(one['bom-ref']);
      const sha512 = Buffer.from(locked?.integrity?.slice('sha512-'.length) ?? '', 'base64').toString('hex');
      expect(one).toMatchObject({
        type: 'library',
        scope: 'required',
        name: locked?.name,
        version: locked?.version,
        purl: `pkg:npm/${locked?.name.replace('@', '%40')}@${locked?.version}`,
        hashes: [{ alg: 'SHA-512', content: sha512 }],
        licenses: [{ license: { id: locked?.licence } }],
      });
    }
  });

  it('describes exactly this file, with the time of the commit', () => {
    const { metadata } = JSON.parse(sbom()) as Sbom;
    const content = createHash('sha256')
      .update(readFileSync(join(folder, 'sequentialjob.mjs')))
      .digest('hex');
    expect(metadata).toMatchObject({
      timestamp: '2023-11-14T22:13:20.000Z',
      component: { name: 'sequentialjob', type: 'application', hashes: [{ alg: 'SHA-256', content }] },
    });
  });

  it('has the dependencies between the packages', () => {
    const { components, dependencies, metadata } = JSON.parse(sbom()) as Sbom;
    const all = new Set([...components, metadata.component].map((one) => one['bom-ref']));
    expect(new Set(dependencies.map(({ ref }) => ref))).toEqual(all);
    expect(dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter((ref) => !all.has(ref))).toEqual([]);
    const ofUs = dependencies.find(({ ref }) => ref === metadata.component['bom-ref']);
    expect(ofUs?.dependsOn).toContain(shipped.filter(({ name }) => name === 'undici').map(id)[0]);
  });

  it('is reproducible byte by byte', () => {
    expect(sbom()).toBe(sbom());
  });
});

describe("derived from npm's list", () => {
  const component = (ref: string): Sbom['components'][number] => ({ 'bom-ref': ref, scope: 'excluded' });
  const all: Sbom = {
    serialNumber: 'urn:uuid:random',
    metadata: {
      timestamp: 'now',
      tools: [{ version: '11.19.1' }],
      component: { ...component('us@1'), name: 'folder' },
    },
    components: [component('b@1'), component('a@1'), component('tool@1')],
    dependencies: [
      { ref: 'us@1', dependsOn: ['b@1', 'a@1', 'tool@1'] },
      { ref: 'tool@1', dependsOn: ['a@1'] },
      { ref: 'b@1', dependsOn: ['tool@1', 'a@1'] },
      { ref: 'a@1' },
    ],
  };
  const ours: Shipped = { name: 'us', packages: new Set(['a@1', 'b@1']), sha256: 'abc', epoch: 0 };

  it('omits what is not shipped, and what depends on the run or the machine', () => {
    const { components, dependencies, ...rest } = toShippedSbom(all, ours);
    expect(components).toEqual(['b@1', 'a@1'].map((ref) => ({ 'bom-ref': ref, scope: 'required' })));
    expect(dependencies).toEqual([
      { ref: 'us@1', dependsOn: ['b@1', 'a@1'] },
      { ref: 'b@1', dependsOn: ['a@1'] },
      { ref: 'a@1', dependsOn: [] },
    ]);
    expect(rest).toEqual({ metadata: expect.objectContaining({ timestamp: '1970-01-01T00:00:00.000Z' }) });
    expect(JSON.stringify(rest)).not.toMatch(/random|now|folder|11\.19/);
  });

  it('must have every shipped package', () => {
    expect(() => toShippedSbom(all, { ...ours, packages: new Set(['a@1', 'lost@1']) })).toThrow(
      'npm sbom does not know lost@1',
    );
  });
});
