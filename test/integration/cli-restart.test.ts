/** The API server is stopped and started under the commands that follow a sequence, which a user with few rights runs. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CommandContext } from '../../cli/command-context.ts';
import { watch } from '../../cli/watch.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { type Kubectl, kubectlOf } from '../../local/control-plane/kubectl.ts';
import { Command } from '../support/command.ts';
import { dedicatedControlPlane } from '../support/dedicated-control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryTerminal } from '../support/memory-terminal.ts';
import { Namespace } from '../support/namespace.ts';
import { Operator } from '../support/operator.ts';
import { grant, writeKubeconfigAs } from '../support/permissions.ts';
import { gated, sequence, waitsFor } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LOST = 'lost the connection to the API server, trying again';
const BACK = 'connected to the API server again';

/** Of the operator, and of four commands. */
const WATCHES = 5;

const own = dedicatedControlPlane();
const folder = temporaryFolder();
/** The viewer's. */
const config = join(folder, 'viewer.kubeconfig');
const env = { KUBECONFIG: config };
let client: ApiClient;
let namespace: Namespace;
let kubectl: Kubectl;

beforeAll(async () => {
  const { plane } = own;
  client = createApiClient(loadKubeConfig({ path: plane.kubeconfig }), { userAgent: 'sequentialjob-tests' });
  namespace = await Namespace.create(client, 'outage');
  const verbs = ['get', 'list', 'watch'];
  const rules = [
    { apiGroups: ['batch.example.com'], resources: ['sequentialjobs'], verbs },
    { apiGroups: [''], resources: ['pods', 'pods/log'], verbs },
  ];
  const roles = join(folder, 'roles.json');
  await writeFile(
    roles,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: grant(namespace.name, 'viewer', rules) }),
  );
  kubectl = kubectlOf(plane);
  await kubectl('apply', '-f', roles);
  await writeKubeconfigAs('viewer', plane.kubeconfig, config);
  await Operator.start(plane.kubeconfig, namespace.name);
  await eventually('the permission', async () => (await run('status').ended).code === 0);
});
afterEach(async () => {
  await Command.endAll();
  for (const terminal of terminals) terminal.leave();
  await own.plane.startApiServer();
});
afterAll(async () => {
  await Operator.endAll();
  await client.close();
});

const run = (command: string): Command => Command.start([...command.split(' '), '-n', namespace.name], env);
const open = async (gate: string): Promise<void> => writeFile(join(folder, gate), '');

/** The first step counts until its gate is open; the second one waits for another gate and ends so. */
const spec = (name: string, end: string): SequentialJobSpec =>
  gated(
    folder,
    sequence(2, {
      0: `i=0; until [ -e /gate/${name}-0 ]; do i=$((i + 1)); echo "line $i"; sleep 0.2; done; echo last`,
      1: `echo second; ${waitsFor(`${name}-1`)}; echo end; ${end}`,
    }),
  );

/** `wait` says nothing at first: how many watches of the namespace's SequentialJobs the API server has. */
async function watches(): Promise<number> {
  const metrics = await kubectl('get', '--raw', '/metrics');
  // The metric's name in Kubernetes 1.20, and in newer ones.
  const lines = metrics.match(/^apiserver_longrunning_(?:gauge|requests)\{[^}]*\} \d+$/gm) ?? [];
  const ours = lines.filter((line) =>
    ['resource="sequentialjobs"', 'verb="WATCH"'].every((label) => line.includes(label)),
  );
  // Those of the cluster are the controller manager's.
  const here = ours.filter((line) => !line.includes('scope="cluster"'));
  return here.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const terminals: MemoryTerminal[] = [];

function watchOnScreen(name: string): { readonly terminal: MemoryTerminal; readonly ended: Promise<number> } {
  const terminal = new MemoryTerminal({ columns: 120, rows: 40 });
  terminals.push(terminal);
  const context: CommandContext = { terminal, env, now: () => Date.now(), program: 'sequentialjob' };
  return { terminal, ended: watch(name, { namespace: namespace.name }, context) };
}

describe('an API server that', () => {
  it.each([
    ['is killed, under a sequence that completes', 'killed', 0, 'true', 0],
    ['stops in order, under a sequence that fails', 'ordered', 5_000, 'exit 3', 1],
  ])('%s', async (_sentence, name, ...[graceMs, end, code]) => {
    await namespace.apply(name, spec(name, end));
    await namespace.untilRunning(name, 0);
    const screen = watchOnScreen(name);
    const [watching, waiting, following] = [`watch ${name}`, `wait ${name}`, `logs ${name} -f`].map(run) as [
      Command,
      Command,
      Command,
    ];
    await following.untilSays('[s0] line 2\n');
    await watching.untilSays('step 0 (s0) Running');
    await eventually('the running step', () => /0 {2}s0 +Running/.test(screen.terminal.screen));

    await eventually('all watches', async () => (await watches()) === WATCHES);

    await own.plane.stopApiServer(graceMs);
    for (const one of [watching, waiting, following]) await one.untilSays(`${LOST}\n`);
    await eventually('the note', () => screen.terminal.screen.includes(LOST));
    // The step ends while nobody hears of it.
    await open(`${name}-0`);
    await own.plane.startApiServer();
    for (const one of [watching, waiting, following]) await one.untilSays(`${BACK}\n`);
    await following.untilSays('[s1] second\n');
    await eventually('the second step', () => /1 {2}s1 +Running/.test(screen.terminal.screen));
    expect(screen.terminal.screen).not.toContain(LOST);
    await open(`${name}-1`);

    const [watched, waited, followed] = await Promise.all([watching.ended, waiting.ended, following.ended]);
    expect([watched.code, waited.code, await screen.ended, followed.code]).toEqual([code, code, code, 0]);
    expect(watched.stderr).toBe(`${LOST}\n${BACK}\n`);
    expect(waited.stderr).toMatch(new RegExp(`^${LOST}\n${BACK}\n${code === 0 ? '$' : `\\S+/${name} failed: `}`));
    expect(followed.stderr).toBe(`${LOST}\n${BACK}\n`);
    const lines = followed.stdout.split('\n').slice(0, -1);
    const counted = lines.slice(0, -3);
    expect(counted).toEqual(counted.map((_, i) => `[s0] line ${i + 1}`));
    expect(lines.slice(-3)).toEqual(['[s0] last', '[s1] second', '[s1] end']);
  });

  it('stays away keeps no command from ending', async () => {
    await namespace.apply('away', spec('away', 'true'));
    await namespace.untilRunning('away', 0);
    const commands = ['watch away', 'wait away', 'logs away -f'].map(run);
    const limited = run('wait away --timeout=15s');
    await commands[2]?.untilSays('line 1');
    await commands[0]?.untilSays('step 0 (s0) Running');
    await eventually('all watches', async () => (await watches()) === WATCHES);
    await own.plane.stopApiServer(0);
    for (const one of [...commands, limited]) await one.untilSays(LOST);
    for (const one of commands) one.signal('SIGINT');
    expect((await Promise.all(commands.map((one) => one.ended))).map(({ code }) => code)).toEqual([130, 130, 130]);
    const { code, stderr } = await limited.ended;
    expect(code).toBe(2);
    expect(stderr).toBe(
      `${LOST}\ntimed out after 15s: sequentialjob.batch.example.com/away is Running: Running step 0 (s0), 1 of 2\n`,
    );
    for (const [command, expected] of [
      ['status away', 2],
      ['watch away', 3],
    ] as const) {
      const { code: failed, stdout, stderr: error } = await run(command).ended;
      expect([command, failed, stdout]).toEqual([command, expected, '']);
      expect(error).toMatch(/^sequentialjob: cannot reach the API server at https:\/\/127\.0\.0\.1:\d+: [^\n]+\n$/);
    }
  });
});
