/** The krew manifest, against the rules of krew's own validation (internal/index/validation in kubernetes-sigs/krew). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { fillKrewManifest } from '../../../../config/build/krew.ts';
import { ROOT } from '../../../support/manifests.ts';

const TEMPLATE = readFileSync(join(ROOT, 'config/krew/sequentialjob.yaml'), 'utf8');
const X64 = 'sequentialjob-linux-x64.tar.gz';
const ARM64 = 'sequentialjob-linux-arm64.tar.gz';
const SUMS = new Map([
  [X64, 'a'.repeat(64)],
  [ARM64, 'b'.repeat(64)],
]);

const fill = (sha256: ReadonlyMap<string, string>): string =>
  fillKrewManifest(TEMPLATE, { version: '1.2.3', url: 'https://example.com/v1.2.3', sha256 });

describe('the manifest', () => {
  const manifest = parse(fill(SUMS));

  it('has version, address and checksum of each platform', () => {
    expect(manifest.spec.version).toBe('v1.2.3');
    expect(
      manifest.spec.platforms.map((one: Readonly<Record<string, unknown>>) => [
        one['selector'],
        one['uri'],
        one['sha256'],
      ]),
    ).toEqual([
      [{ matchLabels: { os: 'linux', arch: 'amd64' } }, `https://example.com/v1.2.3/${X64}`, 'a'.repeat(64)],
      [{ matchLabels: { os: 'linux', arch: 'arm64' } }, `https://example.com/v1.2.3/${ARM64}`, 'b'.repeat(64)],
    ]);
  });

  it('keeps to what krew validates', () => {
    expect(manifest).toMatchObject({
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'sequentialjob' },
      spec: {
        shortDescription: expect.stringMatching(/^[^\r\n]{1,50}$/),
        description: expect.any(String),
        homepage: expect.stringMatching(/^https:/),
      },
    });
    for (const { bin, files } of manifest.spec.platforms) {
      expect(bin).toBe('sequentialjob');
      expect(files).toContainEqual({ from: 'LICENSE', to: '.' });
    }
  });

  it('says nothing of the template', () => {
    expect(fill(SUMS)).toMatch(/^apiVersion: /);
  });
});

it('leaves a platform out that is not published', () => {
  const { spec } = parse(fill(new Map([[ARM64, 'b'.repeat(64)]])));
  expect(spec.platforms.map((one: { readonly uri: string }) => one.uri)).toEqual([
    `https://example.com/v1.2.3/${ARM64}`,
  ]);
});

it('refuses an archive that is of no platform', () => {
  expect(() => fill(new Map([['other.tar.gz', 'c'.repeat(64)]]))).toThrow(
    'no platform of the template is other.tar.gz',
  );
});
