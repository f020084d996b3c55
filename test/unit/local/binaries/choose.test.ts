import { describe, expect, it } from '@jest/globals';
import { cacheRoot, whyNotDebian, newestComplete, type Machine } from '../../../../local/binaries/choose.ts';

const DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n';
const machine: Machine = { platform: 'linux', arch: 'x64', uid: 0, osRelease: DEBIAN };
const complete = (name: string) => ({ name, missing: [] }) as const;

describe('cacheRoot', () => {
  it.each([
    ['the home folder where nothing is said', {}, '/home/a/.cache'],
    ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/c' }, '/c'],
    ['the home folder for a relative XDG_CACHE_HOME', { XDG_CACHE_HOME: 'c' }, '/home/a/.cache'],
    ['the home folder for an empty XDG_CACHE_HOME', { XDG_CACHE_HOME: '' }, '/home/a/.cache'],
  ])('is below %s', (_, env, expected) => {
    expect(cacheRoot(env, '/home/a')).toBe(`${expected}/sequentialjob/kubernetes`);
  });
});

describe('newestComplete', () => {
  it.each<readonly [string, readonly string[], string | undefined, string | undefined]>([
    ['nothing in an empty cache', [], undefined, undefined],
    ['the newest by number, not by text', ['v1.9.0', 'v1.36.0'], undefined, 'v1.36.0'],
    ['the newest patch', ['v1.36.10', 'v1.36.9'], undefined, 'v1.36.10'],
    ['one of the release asked for', ['v1.36.0', 'v1.31.4'], '1.31', 'v1.31.4'],
    ['the version asked for, with its v', ['v1.31.4', 'v1.31.5'], 'v1.31.4', 'v1.31.4'],
    ['nothing for a release that is not there', ['v1.36.0'], '1.3', undefined],
  ])('takes %s', (_, versions, release, expected) => {
    const entries = versions.map((version) => complete(`${version}-linux-amd64`));
    expect(newestComplete(entries, 'x64', release)).toBe(expected && `${expected}-linux-amd64`);
  });

  it.each([
    ['nothing of another architecture', [complete('v1.36.0-linux-arm64')]],
    ['nothing unfinished', [{ name: 'v1.36.0-linux-amd64', missing: ['etcd'] as const }]],
    ['no staging folder', [complete('.download-Ab12'), complete('.build-Cd34')]],
  ])('takes %s', (_, entries) => {
    expect(newestComplete(entries, 'x64', undefined)).toBeUndefined();
  });
});

describe('whyNotDebian', () => {
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
