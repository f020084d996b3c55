import { describe, expect, it } from '@jest/globals';
import {
  cacheRoot,
  whyNotDebian,
  whyNotDownload,
  joinNames,
  newestComplete,
  noBinariesMessage,
  osReleaseValue,
  type Machine,
} from '../../../../local/binaries/choose.ts';

const DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n';
const machine: Machine = { platform: 'linux', arch: 'x64', uid: 0, osRelease: DEBIAN };
const complete = (name: string) => ({ name, missing: [] }) as const;

describe('cacheRoot', () => {
  it.each([
    ['the home folder where nothing is said', {}, '/home/a/.cache/sequentialjob/kubernetes'],
    ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/c' }, '/c/sequentialjob/kubernetes'],
    [
      'the home folder for a relative XDG_CACHE_HOME',
      { XDG_CACHE_HOME: 'c' },
      '/home/a/.cache/sequentialjob/kubernetes',
    ],
    ['the home folder for an empty XDG_CACHE_HOME', { XDG_CACHE_HOME: '' }, '/home/a/.cache/sequentialjob/kubernetes'],
  ])('is below %s', (_, env, expected) => {
    expect(cacheRoot(env, '/home/a')).toBe(expected);
  });
});

describe('newestComplete', () => {
  it.each([
    ['nothing in an empty cache', [], undefined, undefined],
    ['the only one', [complete('v1.20.2-linux-amd64')], undefined, 'v1.20.2-linux-amd64'],
    [
      'the newest by number, not by text',
      [complete('v1.9.0-linux-amd64'), complete('v1.36.0-linux-amd64')],
      undefined,
      'v1.36.0-linux-amd64',
    ],
    [
      'the newest patch',
      [complete('v1.36.10-linux-amd64'), complete('v1.36.9-linux-amd64')],
      undefined,
      'v1.36.10-linux-amd64',
    ],
    [
      'one of the release asked for',
      [complete('v1.36.0-linux-amd64'), complete('v1.31.4-linux-amd64')],
      '1.31',
      'v1.31.4-linux-amd64',
    ],
    [
      'the version asked for, with its v',
      [complete('v1.31.4-linux-amd64'), complete('v1.31.5-linux-amd64')],
      'v1.31.4',
      'v1.31.4-linux-amd64',
    ],
    ['nothing for a release that is not there', [complete('v1.36.0-linux-amd64')], '1.3', undefined],
    ['nothing of another architecture', [complete('v1.36.0-linux-arm64')], undefined, undefined],
    ['nothing unfinished', [{ name: 'v1.36.0-linux-amd64', missing: ['etcd'] as const }], undefined, undefined],
    ['no staging folder', [complete('.download-Ab12'), complete('.build-Cd34')], undefined, undefined],
  ])('takes %s', (_, entries, release, expected) => {
    expect(newestComplete(entries, 'x64', release)).toBe(expected);
  });
});

describe('debianObstacle', () => {
  it.each([
    ['none on Debian bookworm as root', machine, undefined],
    ['the user', { ...machine, uid: 1000 }, 'needs root'],
    ['another distribution', { ...machine, osRelease: 'ID=ubuntu\nID_LIKE=debian\n' }, 'does not run Debian'],
    ['another Debian release', { ...machine, osRelease: 'ID=debian\nVERSION_CODENAME=trixie\n' }, 'Debian trixie'],
    ['another system', { ...machine, platform: 'darwin', osRelease: '' }, 'does not run Debian'],
  ])('names %s', (_, given, expected) => {
    if (expected === undefined) expect(whyNotDebian(given)).toBeUndefined();
    else expect(whyNotDebian(given)).toContain(expected);
  });
});

describe('downloadObstacle', () => {
  it.each([
    ['none on Linux', machine, undefined],
    ['another system', { ...machine, platform: 'darwin' }, 'darwin'],
    ['an architecture without releases', { ...machine, arch: 'riscv64' }, 'riscv64'],
  ])('names %s', (_, given, expected) => {
    if (expected === undefined) expect(whyNotDownload(given)).toBeUndefined();
    else expect(whyNotDownload(given)).toContain(expected);
  });
});

describe('osReleaseValue', () => {
  it.each([
    ['plain', 'ID=debian', 'debian'],
    ['quoted', 'ID="debian"', 'debian'],
    ['quoted with apostrophes', "ID='debian'", 'debian'],
    ['absent', 'ID_LIKE=debian', undefined],
  ])('reads a value that is %s', (_, text, expected) => {
    expect(osReleaseValue(text, 'ID')).toBe(expected);
  });
});

describe('nothingWorked', () => {
  it('names what was tried and every alternative', () => {
    const message = noBinariesMessage([{ source: 'the cache', reason: 'empty' }]);
    for (const part of [
      'the cache: empty',
      'KUBEBUILDER_ASSETS',
      'dl.k8s.io',
      'Debian bookworm',
      joinNames(['etcd']),
    ]) {
      expect(message).toContain(part);
    }
  });
});
