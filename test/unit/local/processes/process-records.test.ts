import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../../../../local/processes/child.ts';
import { identify, isAlive, parseStartTicks } from '../../../../local/processes/identity.ts';
import { recordProcess, takeOwnership } from '../../../../local/processes/process-records.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sleeper = () => startChild({ name: 'sleeper', command: 'sleep', args: ['60'], logFile: join(folder, 'log') });

describe('parseStartTicks', () => {
  it('parses a command name with spaces and parentheses', () => {
    const fields = ['S', ...Array.from({ length: 18 }, (_, i) => String(i)), '4711', '0'];
    expect(parseStartTicks(`12 (a) b (c) ${fields.join(' ')}`)).toBe('4711');
  });
});

describe('takeOver', () => {
  const records = (): string => join(folder, 'processes');

  it('ends the processes of a dead owner', async () => {
    const left = sleeper();
    await recordProcess(records(), 'etcd', left.pid);
    const lines: string[] = [];
    await takeOwnership(records(), (line) => lines.push(line));
    expect(lines).toEqual([`killing etcd (process ${left.pid}), left over from an earlier run`]);
    expect(await left.exited).toBe('signal SIGKILL');
    expect(await readdir(records())).toEqual(['owner']);
  });

  it('does not end another process that got the same id', async () => {
    const innocent = sleeper();
    await recordProcess(records(), 'etcd', innocent.pid);
    await writeFile(join(records(), 'etcd'), JSON.stringify({ pid: innocent.pid, startTicks: '1' }));
    await takeOwnership(records(), () => undefined);
    expect(innocent.ended()).toBeUndefined();
    await innocent.stop(1000);
  });

  it('refuses while the owner is alive, and ends nothing', async () => {
    const [owner, child] = [sleeper(), sleeper()];
    await recordProcess(records(), 'owner', owner.pid);
    await recordProcess(records(), 'etcd', child.pid);
    await expect(takeOwnership(records(), () => undefined)).rejects.toThrow(`in use by process ${owner.pid}`);
    expect(child.ended()).toBeUndefined();
    await Promise.all([owner.stop(1000), child.stop(1000)]);
  });
});

describe('a child', () => {
  it('ends with its parent, even if that is killed', async () => {
    const module = join(import.meta.dirname, '../../../../local/processes/child.ts');
    const script = `
      const { startChild } = await import(${JSON.stringify(module)});
      const child = startChild({ name: 'x', command: 'sleep', args: ['60'], logFile: ${JSON.stringify(join(folder, 'x'))} });
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    const identity = await identify(pid);
    if (identity === undefined) throw new Error('the child does not run');
    parent.kill('SIGKILL');
    for (let tries = 0; tries < 200 && (await isAlive(identity)); tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await isAlive(identity)).toBe(false);
  });
});
