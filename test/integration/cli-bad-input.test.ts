/** Each command with what people get wrong, and with what goes wrong around them: one clear line, and the right exit code. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { kubeconfig } from '../support/cluster.ts';
import { Command, type Ended } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { permit, writeKubeconfigAs } from '../support/permissions.ts';
import { sequence } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withNamespace } from '../support/with-controller.ts';

/** Nothing runs here: no controller. */
const { namespace } = withNamespace('bad-input');
const folder = temporaryFolder();
const SAMPLE = join(ROOT, 'config/samples/etl.yaml');

beforeAll(async () => {
  await namespace.apply('idle', sequence(1));
  await namespace.apply('paused', { ...sequence(1), suspend: true });
  await namespace.apply('failed', sequence(1));
  await namespace.setStatus('failed', { phase: 'Failed' });
});
afterEach(async () => Command.endAll());

const env = (file = kubeconfig()): NodeJS.ProcessEnv => ({ KUBECONFIG: file, NO_COLOR: undefined });
const start = (words: string, file?: string): Command => Command.start(words.split(' '), env(file));
const run = (words: string, file?: string): Promise<Ended> => start(words, file).ended;
const there = (words: string): string => `${words} -n ${namespace.name}`;

/** A kubeconfig with another server. */
async function kubeconfigFor(server: string): Promise<string> {
  const config = parse(await readFile(kubeconfig(), 'utf8')) as { clusters: { cluster: { server: string } }[] };
  for (const one of config.clusters) one.cluster.server = server;
  const file = join(folder, 'other.kubeconfig');
  await writeFile(file, stringify(config));
  return file;
}

/** Every command that names a sequence. */
const COMMANDS = ['status', 'logs', 'logs -f', 'watch', 'wait', 'suspend', 'unsuspend', 'resume'];
/** The exit code of those is the result of the sequence, which is unknown. */
const isResult = (command: string): boolean => command === 'watch' || command === 'wait';

describe.each(COMMANDS)('%s', (command) => {
  const failed = isResult(command) ? 3 : 1;

  it('of an unknown name says so', async () => {
    expect(await run(there(`${command} nowhere`))).toEqual({
      code: failed,
      stdout: '',
      stderr: `sequentialjob: sequentialjob "nowhere" not found in namespace "${namespace.name}"\n`,
    });
  });

  it('of a name that is no name says so, and asks nothing', async () => {
    expect(await Command.run([...command.split(' '), 'idle/status', '-n', namespace.name], env())).toEqual({
      code: failed,
      stdout: '',
      stderr: 'sequentialjob: "idle/status" is no name of a SequentialJob\n',
    });
  });

  it('in the wrong namespace says where there is one', async () => {
    expect(await run(`${command} paused -n nowhere-at-all`)).toEqual({
      code: failed,
      stdout: '',
      stderr: `sequentialjob: sequentialjob "paused" not found in namespace "nowhere-at-all": the namespace does not exist; there is one in namespace "${namespace.name}"\n`,
    });
  });

  it('without a permission names the verb', async () => {
    const file = join(folder, 'nobody.kubeconfig');
    await writeKubeconfigAs('nobody', kubeconfig(), file);
    const { code, stdout, stderr } = await run(there(`${command} idle`), file);
    expect({ code, stdout }).toEqual({ code: failed, stdout: '' });
    expect(stderr).toMatch(
      /^sequentialjob: no permission to get sequentialjobs\.batch\.example\.com in namespace "[^"]+": [^\n]+\n$/,
    );
  });

  it('without a cluster says that it cannot be reached', async () => {
    const { code, stdout, stderr } = await run(there(`${command} idle`), await kubeconfigFor('https://127.0.0.1:1'));
    expect({ code, stdout }).toEqual({ code: isResult(command) ? 3 : 2, stdout: '' });
    expect(stderr).toMatch(/^sequentialjob: cannot reach the API server at https:\/\/127\.0\.0\.1:1: [^\n]+\n$/);
  });
});

describe('a user who may only read', () => {
  let file: string;
  beforeAll(async () => {
    const verbs = ['get', 'list', 'watch'];
    await permit(namespace, 'reader', [{ apiGroups: ['batch.example.com'], resources: ['sequentialjobs'], verbs }]);
    file = join(folder, 'reader.kubeconfig');
    await writeKubeconfigAs('reader', kubeconfig(), file);
    await eventually('the permission', async () => (await run(there('status'), file)).code === 0);
  });

  it.each(['suspend idle', 'unsuspend paused', 'resume failed'])(
    'hears from %s which verb is missing',
    async (words) => {
      const { code, stdout, stderr } = await run(there(words), file);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^sequentialjob: no permission to patch sequentialjobs\.batch\.example\.com in [^\n]+\n$/);
    },
  );

  it.each(['logs idle', 'logs idle -f'])('hears it from %s', async (words) => {
    const { code, stderr } = await run(there(words), file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sequentialjob: no permission to list pods in namespace "[^\n]+\n$/);
  });

  it('hears it from status -A', async () => {
    const { code, stderr } = await run('status -A', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sequentialjob: no permission to list sequentialjobs\S+ in all namespaces: [^\n]+\n$/);
  });

  it('hears it from lint --server, which cannot check the file', async () => {
    const { code, stdout, stderr } = await run(there(`lint --server ${SAMPLE}`), file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/could not check the SequentialJob: [^\n]*forbidden[^\n]*\n/);
  });
});

describe('lint --server', () => {
  it('without a cluster says that it could not check, and what lint itself has found', async () => {
    const { code, stderr } = await run(`lint --server ${SAMPLE}`, await kubeconfigFor('https://127.0.0.1:1'));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^sequentialjob: \S+: could not check the SequentialJob: [^\n]+\nsequentialjob: \S+: could not check its Jobs: [^\n]+\n1 SequentialJob, no errors, 1 other object skipped\n$/,
    );
  });

  it('in a namespace that does not exist says so', async () => {
    const { code, stderr } = await run(`lint --server ${SAMPLE} -n nowhere-at-all`);
    expect(code).toBe(2);
    expect(stderr).toContain('"nowhere-at-all" not found');
  });
});

describe('a command whose output nobody reads ends quietly:', () => {
  const BAD = join(ROOT, 'config/samples/invalid.yaml');
  it.each([
    ['status', there('status'), 0],
    ['status of one', there('status idle'), 0],
    ['status as YAML', there('status idle -o yaml'), 0],
    ['unsuspend as JSON', there('unsuspend idle -o json'), 0],
    ['watch', there('watch idle'), 3],
    ['lint', `lint ${BAD}`, 1],
    ['render', `render ${SAMPLE}`, 0],
    ['convert', `convert --to=v1alpha1 ${SAMPLE}`, 0],
    ['completion', 'completion zsh', 0],
    ['help', 'help', 0],
    ['the help of a command', 'run --help', 0],
    ['version', 'version', 0],
  ])('%s', async (_what, words, code) => {
    const { stdout, stderr } = await Command.piped(words.split(' '), 'true', env()).ended;
    expect(stdout).toBe(`code ${code}\n`);
    // The summary of lint is on standard error, which somebody reads.
    expect(stderr.replace('1 SequentialJob, 5 errors\n', '')).toBe('');
  });
});

describe('Ctrl-C ends', () => {
  /** Takes connections and never answers. */
  let silent: Server;
  let connections = 0;
  let file: string;
  beforeAll(async () => {
    silent = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    file = await kubeconfigFor(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  });
  afterAll(() => void silent.close());

  // That of a command that follows a sequence is in cli-people.test.ts and cli-restart.test.ts.
  it.each([...COMMANDS.map((command) => there(`${command} idle`)), `lint --server ${SAMPLE}`])(
    '%s while it asks the API server',
    async (words) => {
      const before = connections;
      const command = start(words, file);
      await eventually('its request', () => connections > before);
      command.signal('SIGINT');
      // By the signal, which a shell shows as 130.
      expect(await command.ended).toEqual({ code: null, stdout: '', stderr: '' });
    },
  );
});
