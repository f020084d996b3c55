import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  outermostMounts,
  quote,
  sandboxScript,
  type Isolation,
  type SandboxPlan,
} from '../../../../local/node/sandbox-script.ts';

const plan = (isolation: Isolation, part: Partial<SandboxPlan> = {}): SandboxPlan => ({
  base: { isolation, folder: '/s/mount', devTemplate: '/s/dev', fstab: '/s/fstab' },
  binds: [],
  hostname: 'pod',
  workingDir: '/',
  env: {},
  command: ['true'],
  ...part,
});

describe('quote', () => {
  it.each(["it's", 'a b', '$(rm -rf /)', '`x`', 'a\nb', '', "'", '\\'])('keeps %j as it is', (word) => {
    expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`]).toString()).toBe(word);
  });
});

describe('outermostMounts', () => {
  const line = (point: string): string => `30 25 0:27 / ${point} rw - tmpfs none rw`;
  it.each([
    [
      'nothing of the root and of what every container gets anew',
      ['/', '/proc', '/sys/fs/cgroup', '/dev/shm', '/tmp'],
      [],
    ],
    ['a mount', ['/', '/home'], ['/home']],
    ['the outer one of two', ['/home', '/home/a'], ['/home']],
    ['both of two whose names only begin alike', ['/home', '/home2'], ['/home', '/home2']],
    ['a name with a blank', [String.raw`/mnt/a\040b`], ['/mnt/a b']],
  ])('takes %s', (_, points, expected) => {
    expect(outermostMounts(points.map(line).join('\n'))).toEqual(expected);
  });
});

describe('sandboxScript', () => {
  const bind = (target: string, readOnly = false) => ({ source: '/v', target, readOnly, kind: 'folder' }) as const;

  it.each<Isolation>(['overlay', 'bind', 'none'])('is a script that the shell can read (%s)', (isolation) => {
    const env = { 'A.b': "it's", B: '$(x)\n' };
    const script = sandboxScript(plan(isolation, { env, binds: [bind('/d')], command: ['sh', '-c', 'echo "$B"'] }));
    expect(() => execFileSync('sh', ['-n'], { input: script })).not.toThrow();
  });

  it('mounts parent folders before nested ones', () => {
    const script = sandboxScript(plan('overlay', { binds: [bind('/data/inner'), bind('/data', true)] }));
    expect(script.indexOf("mount -o bind,ro '/v' \"$root\"'/data'")).toBeGreaterThan(0);
    expect(script.indexOf("'/data/inner'")).toBeGreaterThan(script.indexOf('"$root"\'/data\'\n'));
  });

  it('refuses to create a mount point in a folder of the host', () => {
    expect(sandboxScript(plan('bind', { binds: [bind('/var/data')] }))).toContain(
      'only as root can the node create it',
    );
    expect(sandboxScript(plan('overlay', { binds: [bind('/var/data')] }))).not.toContain(
      'only as root can the node create it',
    );
  });
});
