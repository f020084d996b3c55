/** `make release` with programs in the place of docker, cosign, Helm, git and make that only say what they were asked. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from '../../../support/manifests.ts';

const VERSION = '1.2.3';
const COMMIT = 'c'.repeat(40);
const IMAGE_DIGEST = `sha256:${'1'.repeat(64)}`;
const CHART_DIGEST = `sha256:${'2'.repeat(64)}`;
const IMAGE = 'registry.example.com:5000/team/sequentialjob';
const CLI_URL = 'https://example.com/releases/v1.2.3';
const ENV = { IMG: `${IMAGE}:${VERSION}`, CHART: 'oci://registry.example.com:5000/charts', CLI_URL, VERSION };

/** What each of them answers; `$*` is what it was asked. */
const TOOLS: Readonly<Record<string, string>> = {
  docker: `case $* in *--metadata-file*) echo '{"containerimage.digest": "${IMAGE_DIGEST}"}' >dist/image.json ;; esac`,
  cosign: ':',
  helm: `case $1 in push) printf 'Pushed: x\\nDigest: ${CHART_DIGEST}\\n' >&2 ;; esac`,
  git: `case $1 in tag) echo v${VERSION} ;; log) echo 1700000000 ;; rev-parse) echo ${COMMIT} ;; esac`,
  make: ':',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sequentialjob-release-'));
  mkdirSync(join(folder, 'config/supply-chain'), { recursive: true });
  for (const path of ['config/supply-chain/release.sh', 'config/schema', 'charts/sequentialjob']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  mkdirSync(join(folder, 'bin'));
  for (const [name, answer] of Object.entries(TOOLS)) tool(name, answer);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string, answer: string): void {
  const path = join(folder, 'bin', name);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>'${folder}/asked'\n${answer}\n`);
  chmodSync(path, 0o755);
}

interface Released {
  readonly status: number | null;
  readonly stderr: string;
  /** One line for each command. */
  readonly asked: readonly string[];
}

function release(env: Readonly<Record<string, string>> = {}, path = '/usr/bin:/bin'): Released {
  writeFileSync(join(folder, 'asked'), '');
  const { status, stderr } = spawnSync('bash', ['config/supply-chain/release.sh'], {
    cwd: folder,
    env: { PATH: `${folder}/bin:${path}`, ...ENV, ...env },
    encoding: 'utf8',
  });
  const asked = readFileSync(join(folder, 'asked'), 'utf8').split('\n').slice(0, -1);
  return { status, stderr, asked };
}

/** What leaves this machine or says something in its name. */
const changes = ({ asked }: Released): readonly string[] =>
  asked.filter((line) => /^(cosign|helm push|docker buildx build)/.test(line));

describe('a release', () => {
  it('is checked, built, pushed, signed and attested, in this order', () => {
    const released = release();
    expect(released).toMatchObject({ status: 0 });
    const steps = [
      /^make verify test audit sbom sbom-cli CLI_URL=https:\/\/example\.com\/releases\/v1\.2\.3$/,
      /^make node-origin$/,
      /^docker buildx build .*--provenance mode=max --sbom true .*--push \.$/,
      /^cosign sign --yes --recursive /,
      /^cosign attest --yes --type cyclonedx --predicate dist\/sbom\.cdx\.json /,
      /^helm lint --strict dist\/chart$/,
      /^helm package --destination dist dist\/chart$/,
      /^helm push dist\/sequentialjob-1\.2\.3\.tgz oci:/,
      /^cosign sign --yes registry\.example\.com:5000\/charts\/sequentialjob@/,
      /^make build-installer IMG=/,
      /^cosign sign-blob --yes --bundle dist\/install\.yaml\.sigstore\.json dist\/install\.yaml$/,
      /^cosign sign-blob --yes --bundle dist\/sequentialjob\.schema\.json\.sigstore\.json dist\/sequentialjob\.schema\.json$/,
      /^cosign sign-blob --yes --bundle dist\/cli\/sequentialjob-linux-x64\.tar\.gz\.sigstore\.json dist\/cli\/sequentialjob-linux-x64\.tar\.gz$/,
    ];
    const at = steps.map((step) => released.asked.findIndex((line) => step.test(line)));
    expect(at).not.toContain(-1);
    expect(at).toEqual(at.toSorted((a, b) => a - b));
  });

  it('has the signature of every file of the command line', () => {
    const { asked } = release();
    const archives = ['x64', 'arm64'].flatMap((arch) =>
      ['tar.gz', 'cdx.json'].map((kind) => `sequentialjob-linux-${arch}.${kind}`),
    );
    for (const file of [...archives, 'SHA256SUMS', 'sequentialjob.krew.yaml']) {
      expect(asked).toContain(`cosign sign-blob --yes --bundle dist/cli/${file}.sigstore.json dist/cli/${file}`);
    }
  });

  it('has the revision and time of the commit', () => {
    const build = release().asked.find((line) => line.startsWith('docker buildx build'));
    for (const argument of ['SOURCE_DATE_EPOCH=1700000000', `VERSION=${VERSION}`, `REVISION=${COMMIT}`]) {
      expect(build).toContain(`--build-arg ${argument}`);
    }
  });

  it('is named by digest wherever it is signed or installed, even in the chart', () => {
    const { asked } = release();
    const image = `${IMAGE}@${IMAGE_DIGEST}`;
    expect(asked.filter((line) => line.startsWith('cosign') && !line.includes('sign-blob'))).toEqual([
      `cosign sign --yes --recursive ${image}`,
      `cosign attest --yes --type cyclonedx --predicate dist/sbom.cdx.json ${image}`,
      `cosign sign --yes registry.example.com:5000/charts/sequentialjob@${CHART_DIGEST}`,
    ]);
    expect(asked).toContain(`make build-installer IMG=${image}`);
    const values = readFileSync(join(folder, 'dist/chart/values.yaml'), 'utf8');
    expect(values).toContain(`\n  repository: ${IMAGE}\n`);
    expect(values).toContain(`\n  digest: ${IMAGE_DIGEST}\n`);
  });
});

describe('nothing is pushed and nothing signed', () => {
  it.each<readonly [string, () => Released, RegExp]>([
    [
      'if a check fails, the registry has no audit, or nodejs.org is unreachable: make fails',
      () => {
        tool('make', 'case $1 in verify) echo SKIPPED; exit 2 ;; esac');
        return release();
      },
      /^$/,
    ],
    [
      'if there are uncommitted changes',
      () => {
        tool('git', "case $1 in status) echo ' M main.ts' ;; tag) echo v1.2.3 ;; esac");
        return release();
      },
      /changes that are in no commit/,
    ],
    [
      'if the commit does not have the tag of the version',
      () => {
        tool('git', 'case $1 in tag) ;; esac');
        return release();
      },
      /not the tag v1\.2\.3/,
    ],
    ['if the image has another tag', () => release({ IMG: `${IMAGE}:latest` }), /has not the tag 1\.2\.3/],
    ['if IMG is a digest', () => release({ IMG: `${IMAGE}@${IMAGE_DIGEST}` }), /names a digest/],
    ['if CLI_URL is not an https folder', () => release({ CLI_URL: 'http://example.com/' }), /no https folder/],
    ['if CHART is not an OCI registry', () => release({ CHART: 'https://charts.example.com' }), /no registry/],
    [
      'if a tool is missing',
      () => {
        rmSync(join(folder, 'bin/cosign'));
        return release();
      },
      /cosign is not here/,
    ],
  ])('%s', (_when, act, says) => {
    const released = act();
    expect(released.status).not.toBe(0);
    expect(released.stderr).toMatch(says);
    expect(changes(released)).toEqual([]);
  });

  it('if docker reports no digest', () => {
    tool('docker', "case $* in *--metadata-file*) echo '{}' >dist/image.json ;; esac");
    const released = release();
    expect(released.stderr).toContain('dist/image.json has no digest');
    expect(released.asked.filter((line) => line.startsWith('cosign'))).toEqual([]);
  });
});

describe('the Dockerfile', () => {
  it('names each base image by a digest, with its tag in a comment', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const bases = [...dockerfile.matchAll(/^# (\S+):(\S+)\nARG (\w+)=(\S+)@(sha256:[0-9a-f]{64})$/gm)];
    expect(bases.map(([, tagged, , , named]) => tagged === named)).toEqual([true, true]);
    const given = new Set([...bases.map(([, , , name]) => `\${${name}}`), 'build']);
    const from = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base = '']) => base);
    expect(from.filter((base) => !given.has(base))).toEqual([]);
    expect(from.length).toBeGreaterThan(1);
  });
});
