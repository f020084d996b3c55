/** The commands for people against a real API server, in the situations that they are for. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { CommandContext } from '../../cli/command-context.ts';
import { watch } from '../../cli/watch.ts';
import { type ApiServerProxy, startApiServerProxy } from '../support/api-server-proxy.ts';
import { kubeconfig, tryKubectl } from '../support/cluster.ts';
import { Command, type Ended } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { MemoryTerminal } from '../support/memory-terminal.ts';
import { permit, writeKubeconfigAs } from '../support/permissions.ts';
import {
  FOREVER,
  gated,
  failsOnce,
  sequence,
  step,
  waitsFor,
  waitsOrStops,
  withConfigMap,
} from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const suite = withController('people');
const { namespace } = suite;
const folder = (): string => suite.folder;

/** One of each kind, which no test changes. */
beforeAll(async () => {
  await namespace.apply('running', sequence(3, { 1: FOREVER }));
  await namespace.apply('failed', sequence(2, { 0: 'echo first; echo out of luck; exit 4' }));
  await namespace.apply('completed', sequence(2));
  await namespace.untilPhase('failed', 'Failed');
  await namespace.untilPhase('completed', 'Completed');
  await namespace.untilRunning('running', 1);
});
afterEach(async () => Command.endAll());

const env = (file = kubeconfig()): NodeJS.ProcessEnv => ({ KUBECONFIG: file, NO_COLOR: undefined });
const start = (command: string, file?: string): Command =>
  Command.start([...command.split(' '), '-n', namespace.name], env(file));
const run = (command: string, file?: string): Promise<Ended> => start(command, file).ended;

/** Applies a sequence whose steps see the folder. */
const apply = (name: string, spec: Parameters<typeof gated>[1]): Promise<unknown> =>
  namespace.apply(name, gated(folder(), spec));

const RETRIED = { backoffLimit: 2 };

describe('status', () => {
  /** The row of a step, its columns parted by one blank. */
  const row = (stdout: string, name: string): string =>
    (stdout.split('\n').find((line) => new RegExp(`^ *\\d+ +${name} `).test(line)) ?? '').replaceAll(/ +/g, ' ').trim();

  async function statusOf(name: string): Promise<string> {
    const { code, stdout, stderr } = await run(`status ${name}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  it('of a sequence that waits for a ConfigMap names it', async () => {
    await namespace.apply('waiting', { steps: [withConfigMap(step('s0'), 'rules'), step('s1')] });
    await namespace.untilCondition('waiting', 'ResourcesUnavailable', 'ConfigMapNotFound');
    const stdout = await statusOf('waiting');
    expect(stdout).toContain('Step 0 (s0) cannot start: ConfigMap "rules" not found\n');
    expect(row(stdout, 's0')).toMatch(/^0 s0 Waiting .*ConfigMapNotFound$/);
    expect(row(stdout, 's1')).toBe('1 s1 Pending');
    expect(stdout).toContain(`  kubectl get configmaps -n ${namespace.name}\n`);
  });

  it('of a running sequence has a bar for each step that has started', async () => {
    const stdout = await statusOf('running');
    expect(stdout).toMatch(new RegExp(`^${namespace.name}/running {2}Running for \\d+s, 1/3 steps done\n`));
    expect(row(stdout, 's0')).toMatch(/^0 s0 Succeeded 1\/1 \d+s [ ·█]+ 0$/);
    expect(row(stdout, 's1')).toMatch(/^1 s1 Running 1\/1 \d+s [ ·█]+$/);
    expect(stdout).toContain('█ running');
    expect(stdout).toContain(`  sequentialjob logs running -f -n ${namespace.name}\n`);
  });

  it('of a step that is retried has its exit code and its last lines', async () => {
    await apply(
      'retried',
      sequence(1, { 0: failsOnce('retried', 3, 'echo no database') + `; ${FOREVER}` }, { job: RETRIED }),
    );
    await namespace.until('retried', ({ status }) => (status?.steps?.[0]?.attempts ?? 0) > 1);
    const stdout = await statusOf('retried');
    expect(row(stdout, 's0')).toMatch(/^0 s0 Retrying 2\/3 \d+s .* 3 Error$/);
    expect(stdout).toContain('Last output of step 0 (s0) (exit code 3):\n│ no database\n');
  });

  it('of a failed sequence says why, and how to resume it', async () => {
    const stdout = await statusOf('failed');
    expect(stdout).toMatch(/\nStep 0 \(s0\) failed: BackoffLimitExceeded: /);
    expect(row(stdout, 's0')).toMatch(/^0 s0 Failed 1\/1 \d+s .* 4 Error$/);
    expect(stdout).toContain('│ out of luck\n');
    expect(stdout).toContain(`  sequentialjob resume failed -n ${namespace.name}\n`);
  });

  it('of a completed sequence says so, and has colors neither in a pipe nor in a file', async () => {
    const stdout = await statusOf('completed');
    expect(stdout).toMatch(/ {2}Completed \d+s ago after \d+s, 2\/2 steps done\nAll 2 steps completed/);
    expect(stdout).not.toContain('\u001B');
  });

  it('without a name lists the sequences of the namespace, and with -A those of all', async () => {
    const { stdout } = await run('status');
    const names = (text: string, column: number): readonly (string | undefined)[] =>
      text
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(/ +/)[column]);
    expect(names(stdout, 0)).toEqual(expect.arrayContaining(['completed', 'failed', 'running']));
    const all = (await run('status -A')).stdout;
    expect(all.split('\n')[0]).toMatch(/^NAMESPACE +NAME +PHASE/);
    expect(names(all, 0)).toContain(namespace.name);
  });

  it('prints objects as kubectl does with -o', async () => {
    expect((await run('status completed -o name')).stdout).toBe('sequentialjob.batch.example.com/completed\n');
    const object = { kind: 'SequentialJob', metadata: { name: 'completed' }, status: { phase: 'Completed' } };
    const json = JSON.parse((await run('status completed -o json')).stdout) as { metadata: object };
    expect(json).toMatchObject(object);
    expect(json.metadata).not.toHaveProperty('managedFields');
    expect(parse((await run('status completed -o yaml')).stdout)).toMatchObject(object);
    expect(JSON.parse((await run('status -o json')).stdout)).toMatchObject({
      kind: 'List',
      items: expect.arrayContaining([expect.objectContaining({ kind: 'SequentialJob' })]),
    });
    expect((await run('status completed -o wide')).stdout).toMatch(/STARTED +JOB\n.*completed-0-s0\n/);
  });

  it('of a namespace without sequences is no error', async () => {
    const { code, stdout, stderr } = await Command.run(['status', '-n', 'default'], env());
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No SequentialJobs found in default namespace.\n',
    });
  });
});

describe('wait', () => {
  it('exits 0 when the sequence has completed', async () => {
    await apply('wait-good', sequence(1, { 0: waitsFor('wait-good') }));
    const waiting = start('wait wait-good --timeout=60s');
    await namespace.untilRunning('wait-good', 0);
    await suite.open('wait-good');
    expect(await waiting.ended).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^sequentialjob\.batch\.example\.com\/wait-good completed in \d+s\n$/),
      stderr: '',
    });
  });

  it('exits 1 when it has failed, and says why', async () => {
    await namespace.apply('wait-bad', sequence(1, { 0: 'exit 1' }));
    const { code, stderr } = await run('wait wait-bad');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sequentialjob\.batch\.example\.com\/wait-bad failed: Step 0 \(s0\) failed: /);
  });

  it('exits 2 when the time is over, and says where the sequence is', async () => {
    await namespace.apply('wait-long', sequence(1, { 0: FOREVER }));
    await namespace.untilRunning('wait-long', 0);
    const { code, stderr } = await run('wait wait-long --timeout=1s');
    expect(code).toBe(2);
    expect(stderr).toBe(
      'timed out after 1s: sequentialjob.batch.example.com/wait-long is Running: Running step 0 (s0), 1 of 1\n',
    );
  });

  it('exits 3 when it is deleted meanwhile', async () => {
    await namespace.apply('wait-deleted', sequence(1, { 0: FOREVER }));
    await namespace.untilRunning('wait-deleted', 0);
    const waiting = start('watch wait-deleted');
    await waiting.untilSays('is Running');
    await namespace.delete('wait-deleted');
    const { code, stdout, stderr } = await waiting.ended;
    expect(code).toBe(3);
    expect(stdout).toContain('wait-deleted is Deleting');
    expect(stderr).toBe('sequentialjob.batch.example.com/wait-deleted was deleted before it had ended\n');
  });

  it.each(['wait', 'watch'])('%s exits 3 for an unknown name, and for wrong usage', async (command) => {
    expect(await run(`${command} nowhere`)).toEqual({
      code: 3,
      stdout: '',
      stderr: `sequentialjob: sequentialjob "nowhere" not found in namespace "${namespace.name}"\n`,
    });
    expect((await run(`${command} a --timeout=soon`)).code).toBe(3);
  });
});

describe('watch', () => {
  it('without a terminal prints a line for each change, and exits as wait does', async () => {
    const scripts = { 0: `${waitsFor('watched-0')}; ${failsOnce('watched', 3)}`, 1: waitsFor('watched-1') };
    await apply('watched', sequence(2, scripts, { job: RETRIED }));
    const watching = start('watch watched');
    await watching.untilSays('step 0 (s0) Running');
    await suite.open('watched-0');
    await watching.untilSays('step 1 (s1) Running');
    await suite.open('watched-1');
    const { code, stdout, stderr } = await watching.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').slice(0, -1);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}\S/);
    const texts = lines.map((line) => line.slice(22));
    expect(texts).toContainEqual(expect.stringMatching(/^step 0 \(s0\) Retrying \(.*exit code 3, Error\)$/));
    expect(texts).toContainEqual(expect.stringMatching(/^step 0 \(s0\) Succeeded \(attempt 2 of 3, \d+s\)$/));
    expect(texts.at(-1)).toMatch(/step 1 \(s1\) Succeeded|is Completed \(2\/2\): All 2 steps completed/);
  });

  it('on a terminal redraws the screen, also after its size has changed', async () => {
    await apply('live', sequence(2, { 0: waitsFor('live') }));
    const terminal = new MemoryTerminal({ columns: 100, rows: 40 });
    const context: CommandContext = { terminal, env: env(), now: () => Date.now(), program: 'sequentialjob' };
    const watching = watch('live', { namespace: namespace.name }, context);
    await eventually('the running step', () => /0 {2}s0 +Running/.test(terminal.screen));
    terminal.resize({ columns: 60, rows: 40 });
    await suite.open('live');
    expect(await watching).toBe(0);
    expect(terminal.screen.match(/STEP/g)).toHaveLength(1);
    expect(terminal.screen).toMatch(/^\S+\/live {2}Completed \d+s ago/);
    expect(terminal.screen.split('\n').every((line) => line.length <= 60 || line.startsWith('  '))).toBe(true);
  });

  it('ends with 130 after Ctrl-C', async () => {
    const watching = start('watch running');
    await watching.untilSays('step 1 (s1) Running');
    watching.signal('SIGINT');
    expect(await watching.ended).toMatchObject({ code: 130, stderr: '' });
  });

  describe('behind a connection that is lost', () => {
    let proxy: ApiServerProxy;
    beforeAll(async () => {
      proxy = await startApiServerProxy(kubeconfig());
    });
    afterAll(async () => proxy.close());

    it('connects again and tells of the end', async () => {
      await apply('outage', sequence(1, { 0: waitsFor('outage') }));
      const watching = start('watch outage', proxy.kubeconfig);
      await watching.untilSays('step 0 (s0) Running');
      proxy.treat = () => ({ type: 'withhold', first: () => Promise.resolve() });
      for (const stream of proxy.streams) stream.cut();
      await watching.untilSays('lost the connection to the API server, trying again');
      await suite.open('outage');
      await namespace.untilPhase('outage', 'Completed');
      proxy.clear();
      const { code, stdout, stderr } = await watching.ended;
      expect(code).toBe(0);
      expect(stderr).toContain('connected to the API server again');
      expect(stdout).toContain('outage is Completed');
    });
  });
});

describe('logs', () => {
  it('follows from step to step and through retries, with a prefix per step', async () => {
    const spec = sequence(
      2,
      {
        0: `echo a1; ${waitsFor('log-0')}; ${failsOnce('log-once', 1)}; echo a2`,
        1: `echo b1; ${waitsFor('log-1')}; echo b2`,
      },
      { job: RETRIED },
    );
    await apply('logged', spec);
    const following = start('logs logged -f');
    await following.untilSays('[s0] a1');
    await suite.open('log-0');
    await following.untilSays('[s1] b1');
    await suite.open('log-1');
    expect(await following.ended).toEqual({
      code: 0,
      stdout: '[s0] a1\n[s0 #2] a1\n[s0 #2] a2\n[s1] b1\n[s1] b2\n',
      stderr: '',
    });
  });

  it('prints all of them in order, those of one step without prefix, and the last lines with --tail', async () => {
    expect((await run('logs logged')).stdout).toBe('[s0] a1\n[s0 #2] a1\n[s0 #2] a2\n[s1] b1\n[s1] b2\n');
    expect((await run('logs logged --step=s1')).stdout).toBe('b1\nb2\n');
    expect((await run('logs logged --step s1 --prefix --tail=1')).stdout).toBe('[s1] b2\n');
    expect((await run('logs logged --step=s1 --timestamps --tail=1')).stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+Z b2\n$/);
  });

  it('says which logs are gone with their Pods, and prints the others', async () => {
    const gone = (await namespace.pods('logged')).filter(({ metadata }) => metadata.name.startsWith('logged-0-'));
    await Promise.all(
      gone.map(({ metadata }) => namespace.deleteObject({ root: '/api/v1', plural: 'pods' }, metadata.name)),
    );
    await eventually('the Pods gone', async () => (await namespace.pods('logged')).length === 1);
    const text = 'step 0 (s0): its Pods are gone, and its log with them\n';
    for (const command of ['logs logged', 'logs logged -f']) {
      expect(await run(command)).toEqual({ code: 0, stdout: '[s1] b1\n[s1] b2\n', stderr: text });
    }
  });

  it('of a step that does not exist names those that do', async () => {
    const { code, stderr } = await run('logs logged --step=s9');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'sequentialjob: sequentialjob "logged" has no step "s9"; it has s0, s1\n',
    });
  });

  it('ends quietly when the reader has gone, and with 130 after Ctrl-C', async () => {
    await namespace.apply('chatty', sequence(1, { 0: 'while :; do echo line; sleep 0.1; done' }));
    await namespace.untilRunning('chatty', 0);
    const words = ['logs', 'chatty', '-f', '-n', namespace.name];
    expect(await Command.piped(words, 'head -n 1', env()).ended).toEqual({
      code: 0,
      stdout: '[s0] line\ncode 0\n',
      stderr: '',
    });
    const following = Command.start(words, env());
    await following.untilSays('line');
    following.signal('SIGINT');
    expect(await following.ended).toMatchObject({ code: 130, stderr: '' });
  });
});

describe('suspend, unsuspend and resume', () => {
  const NAME = 'sequentialjob.batch.example.com';

  it('change a running sequence, and say what was so already', async () => {
    await apply('paused', sequence(2, { 0: waitsOrStops('paused') }));
    await namespace.untilRunning('paused', 0);
    expect(await run('suspend paused')).toEqual({ code: 0, stdout: `${NAME}/paused suspended\n`, stderr: '' });
    expect((await run('suspend paused')).stdout).toBe(`${NAME}/paused already suspended\n`);
    // A server before 1.21 does not suspend the Job: the step ends first.
    await suite.open('paused');
    await namespace.untilPhase('paused', 'Suspended');
    const { stdout } = await run('status paused');
    expect(stdout).toMatch(/ {2}Suspended for \d+s/);
    expect(stdout).toContain(`  sequentialjob unsuspend paused -n ${namespace.name}\n`);
    expect((await run('unsuspend paused')).stdout).toBe(`${NAME}/paused unsuspended\n`);
    expect((await run('wait paused --timeout=60s')).code).toBe(0);
  });

  it('resume a failed sequence, for whose new end wait waits', async () => {
    await apply('resumed', sequence(1, { 0: failsOnce('resumed') }));
    expect((await run('wait resumed')).code).toBe(1);
    expect((await run('resume resumed')).stdout).toBe(`${NAME}/resumed resumed\n`);
    expect((await run('wait resumed --timeout=60s')).code).toBe(0);
    expect((await run('status resumed')).stdout).toContain('resumed once');
    expect(await run('resume resumed')).toEqual({
      code: 1,
      stdout: '',
      stderr: `sequentialjob: ${NAME}/resumed has not failed (it is Completed): there is nothing to resume\n`,
    });
  });

  it('go on with the next name after one that is unknown', async () => {
    const { code, stdout, stderr } = await run('suspend nowhere running -o name');
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${NAME}/running\n` });
    expect(stderr).toContain('"nowhere" not found');
  });
});

describe('a user', () => {
  async function kubeconfigOf(user: string): Promise<string> {
    const file = join(folder(), `${user}.kubeconfig`);
    await writeKubeconfigAs(user, kubeconfig(), file);
    return file;
  }

  async function bind(user: string, role: string): Promise<string> {
    const files = ['view', 'edit'].flatMap((name) => ['-f', join(ROOT, `config/rbac/${name}-role.yaml`)]);
    expect(await tryKubectl(['apply', ...files])).toMatchObject({ code: 0 });
    const binding = ['create', 'rolebinding', user, `--clusterrole=${role}`, `--user=${user}`];
    expect(await namespace.kubectl(binding)).toMatchObject({ code: 0 });
    const file = await kubeconfigOf(user);
    // The controller manager aggregates the role, and the authorizer learns of it by a watch.
    await eventually('the permission', async () => (await run('status', file)).code === 0);
    return file;
  }

  it('with the role view reads everything and changes nothing', async () => {
    const viewer = await bind('viewer', 'view');
    const codes = await Promise.all(
      ['status failed', 'wait completed', 'watch completed', 'logs failed', 'logs failed -f'].map(
        async (command) => [command, (await run(command, viewer)).code] as const,
      ),
    );
    expect(codes.filter(([, code]) => code !== 0)).toEqual([]);
    expect(await run('suspend failed', viewer)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(
        `no permission to patch sequentialjobs.batch.example.com in namespace "${namespace.name}"`,
      ),
    });
  });

  it('with the role edit suspends', async () => {
    const editor = await bind('editor', 'edit');
    expect((await run('unsuspend running', editor)).code).toBe(0);
  });

  it('who may only get sequences hears which permission the rest needs', async () => {
    const verbs = { apiGroups: ['batch.example.com'], resources: ['sequentialjobs'], verbs: ['get'] };
    await permit(namespace, 'getter', [verbs]);
    const getter = await kubeconfigOf('getter');
    const seen = await eventually('the permission', async () => {
      const { code, stdout } = await run('status failed', getter);
      return code === 0 && stdout;
    });
    expect(seen).toContain(`Note: no permission to list pods in namespace "${namespace.name}"`);
    const missing = async (command: string): Promise<string> => (await run(command, getter)).stderr;
    expect(await missing('status')).toContain('no permission to list sequentialjobs.batch.example.com');
    expect(await missing('logs failed')).toContain('no permission to list pods');
    expect(await missing('wait running')).toContain('no permission to list sequentialjobs.batch.example.com');
  });
});

describe('a command', () => {
  it('that names a sequence of another namespace hears where it is', async () => {
    const { code, stderr } = await Command.run(['status', 'failed', '-n', 'nowhere-at-all'], env());
    expect(code).toBe(1);
    expect(stderr).toBe(
      `sequentialjob: sequentialjob "failed" not found in namespace "nowhere-at-all": the namespace does not exist; there is one in namespace "${namespace.name}"\n`,
    );
  });

  it('without a cluster says in one line that it cannot be reached', async () => {
    const config = parse(await readFile(kubeconfig(), 'utf8')) as { clusters: { cluster: { server: string } }[] };
    for (const one of config.clusters) one.cluster.server = 'https://127.0.0.1:1';
    const file = join(folder(), 'nowhere.kubeconfig');
    await writeFile(file, stringify(config));
    for (const [command, expected] of [
      ['status', 2],
      ['suspend a', 2],
      ['logs a', 2],
      ['wait a', 3],
    ] as const) {
      const { code, stdout, stderr } = await run(command, file);
      expect({ command, code, stdout }).toEqual({ command, code: expected, stdout: '' });
      expect(stderr).toMatch(/^sequentialjob: cannot reach the API server at https:\/\/127\.0\.0\.1:1: [^\n]+\n$/);
    }
  });

  it('whose output nobody reads ends quietly', async () => {
    const words = ['status', '-n', namespace.name, '-o', 'json'];
    expect(await Command.piped(words, 'true', env()).ended).toEqual({ code: 0, stdout: 'code 0\n', stderr: '' });
  });
});

describe('completion', () => {
  const complete = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await Command.run(['__complete', ...words], env())).stdout.split('\n').slice(0, -1);

  it('knows the sequences of the namespace, their steps, and namespaces', async () => {
    const n = ['-n', namespace.name];
    expect(await complete(...n, 'status', 'fai')).toEqual(['failed', ':4']);
    expect(await complete('suspend', ...n, 'running', '')).not.toContain('running');
    expect(await complete('logs', 'failed', ...n, '--step', '')).toEqual(['s0', 's1', ':4']);
    expect(await complete('logs', 'failed', ...n, '--step=s')).toEqual(['--step=s0', '--step=s1', ':4']);
    expect(await complete('status', '-n', namespace.name.slice(0, -1))).toContain(namespace.name);
  });

  it('is quiet where the cluster cannot be reached', async () => {
    expect(await Command.run(['__complete', 'status', ''], env('/nowhere'))).toEqual({
      code: 0,
      stdout: ':4\n',
      stderr: '',
    });
  });

  it('works in bash', async () => {
    const script = `sequentialjob() { '${process.execPath}' '${join(ROOT, 'main.ts')}' "$@"; }
      source <(sequentialjob completion bash)
      try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sequentialjob; echo "\${COMPREPLY[*]}"; }
      try sequentialjob sta
      try sequentialjob -n ${namespace.name} logs failed --step = s
      try sequentialjob -n ${namespace.name} status fai`;
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    const { execFileSync } = await import('node:child_process');
    const out = execFileSync('bash', ['-c', script], { env: { ...inherited, ...env() }, encoding: 'utf8' });
    expect(out).toBe('status\ns0 s1\nfailed\n');
  });
});
