/** What the commands for people show of `finally` and of results, against a real API server. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { CommandContext } from '../../cli/command-context.ts';
import { watch } from '../../cli/watch.ts';
import { kubeconfig } from '../support/cluster.ts';
import { Command } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryTerminal } from '../support/memory-terminal.ts';
import { gated, handsOn, sequence, step, waitsFor, withResults } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('cli-finally');
const { namespace } = here;
const env = { KUBECONFIG: kubeconfig(), NO_COLOR: undefined };

const terminals: MemoryTerminal[] = [];
afterEach(async () => {
  for (const terminal of terminals) terminal.leave();
  await Command.endAll();
});

const start = (command: string): Command => Command.start([...command.split(' '), '-n', namespace.name], env);

/** The columns of each row of the tables, without bars and times. */
const rows = (shown: string): readonly string[] =>
  shown.split('\n').flatMap((line) => {
    const [, index, name, state] = /^ *(\d+) {2}(\S+) +(\S+)/.exec(line) ?? [];
    return index === undefined ? (line === 'finally' ? [line] : []) : [`${index} ${name} ${state}`];
  });

async function statusOf(name: string): Promise<string> {
  const { code, stdout, stderr } = await start(`status ${name}`).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe('a failed sequence that finishes', () => {
  it('has a row for each step of finally, is watched and followed to their end, and only then has failed', async () => {
    const last = [
      step('unlock', `echo unlocking; ${waitsFor('unlock')}; echo unlocked`),
      { ...step('celebrate', 'echo never'), when: 'Succeeded' as const },
      { ...step('report', 'echo reported'), when: 'Failed' as const },
    ];
    const spec = sequence(3, { 0: 'echo first', 1: `${waitsFor('fail')}; echo broken; exit 3` });
    await namespace.apply('finishing', gated(here.folder, { ...spec, finally: last }));
    await namespace.untilRunning('finishing', 1);
    const terminal = new MemoryTerminal({ columns: 120, rows: 40 });
    terminals.push(terminal);
    const context: CommandContext = { terminal, env, now: () => Date.now(), program: 'sequentialjob' };
    const onScreen = watch('finishing', { namespace: namespace.name }, context);
    const [watching, waiting, following] = ['watch', 'wait', 'logs -f'].map((one) => start(`${one} finishing`)) as [
      Command,
      Command,
      Command,
    ];
    await watching.untilSays('step 1 (s1) Running');
    await here.open('fail');
    await following.untilSays('[unlock] unlocking\n');
    await watching.untilSays('step 0 (unlock) of finally Running');

    const expected = ['0 s0 Succeeded', '1 s1 Failed', '2 s2 Skipped', 'finally'];
    const during = [...expected, '0 unlock Running', '1 celebrate Pending', '2 report Pending'];
    const shown = await statusOf('finishing');
    expect(shown).toMatch(/^\S+\/finishing {2}Finishing for \d+s, 1\/3 steps done\n/);
    expect(rows(shown)).toEqual(during);
    await eventually('the screen', () => rows(terminal.screen).join() === during.join());
    expect([waiting.stdout, waiting.stderr]).toEqual(['', '']);
    expect(watching.stdout).not.toContain('Retrying');

    await here.open('unlock');
    const [watched, waited, followed] = await Promise.all([watching.ended, waiting.ended, following.ended]);
    expect([watched.code, waited.code, await onScreen, followed.code]).toEqual([1, 1, 1, 0]);
    expect(watched.stdout).toContain('step 2 (report) of finally Succeeded');
    expect(waited.stderr).toMatch(/\/finishing failed: Step 1 \(s1\) failed: /);
    expect(followed).toMatchObject({
      stdout: '[s0] first\n[s1] broken\n[unlock] unlocking\n[unlock] unlocked\n[report] reported\n',
      stderr: '',
    });
    const after = [...expected, '0 unlock Succeeded', '1 celebrate Skipped', '2 report Succeeded'];
    expect(rows(await statusOf('finishing'))).toEqual(after);
    expect(rows(terminal.screen)).toEqual(after);
  });

  it('has the logs of one step of finally, and names them all', async () => {
    expect(await start('logs finishing --step=unlock').ended).toEqual({
      code: 0,
      stdout: 'unlocking\nunlocked\n',
      stderr: '',
    });
    const none = await start('logs finishing --step=celebrate').ended;
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'no step "celebrate" of finishing has started\n' });
    expect((await start('logs finishing --step=x').ended).stderr).toContain(
      'it has s0, s1, s2, unlock, celebrate, report\n',
    );
  });
});

describe('a completed sequence', () => {
  it('that hands results on shows nothing wrong', async () => {
    const steps = [
      step('s0', `echo counted; ${handsOn('4711 rows')}`),
      withResults(step('s1', '[ "$s0" = "4711 rows" ]'), 's0'),
    ];
    await namespace.apply('handed', { ...sequence(0), steps });
    expect((await start('wait handed').ended).code).toBe(0);
    const shown = await statusOf('handed');
    expect(shown).toMatch(/ {2}Completed \d+s ago after \d+s, 2\/2 steps done\nAll 2 steps completed/);
    expect(rows(shown)).toEqual(['0 s0 Succeeded', '1 s1 Succeeded']);
    expect(shown).not.toMatch(/4711|Last output|fail|Error/i);
    expect(await start('logs handed').ended).toEqual({ code: 0, stdout: '[s0] counted\n', stderr: '' });
  });
});
