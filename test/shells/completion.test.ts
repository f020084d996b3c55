/** The completion scripts in the shells that they are for, which must be installed. What is typed is completed as at a terminal. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { json, startServer, type TestServer } from '../support/http-server.ts';
import { ROOT } from '../support/manifests.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HERE = join(ROOT, 'test/shells');
const folder = temporaryFolder();
const [programs, files, autoloaded] = ['bin', 'files', 'functions'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

let server: TestServer;
let env: NodeJS.ProcessEnv;

/** An API server with the sequences `etl` and `nightly`. */
beforeAll(async () => {
  const steps = ['extract', 'load'].map((name) => ({ name, image: 'busybox:1.36' }));
  server = await startServer(({ url }, response) => {
    const { pathname } = new URL(url, 'http://server');
    const names = pathname === '/api/v1/namespaces' ? ['team-a', 'team-b'] : ['etl', 'nightly'];
    const isObject = pathname.endsWith('/etl');
    json(response, 200, isObject ? { spec: { steps } } : { items: names.map((name) => ({ metadata: { name } })) });
  });
  const kubeconfig = {
    clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'team-a' } }],
    'current-context': 'here',
  };
  for (const one of [programs, files, autoloaded]) await mkdir(one);
  await writeFile(join(folder, 'config'), JSON.stringify(kubeconfig));
  for (const name of ['a.yaml', 'b.yaml']) await writeFile(join(files, name), '');
  const program = join(programs, 'sequentialjob');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'main.ts')}' "$@"\n`);
  await chmod(program, 0o755);
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const PATH = `${programs}:${process.env['PATH'] ?? ''}`;
  env = { ...inherited, PATH, KUBECONFIG: join(folder, 'config'), HOME: folder, TERM: 'vt100', COMPLETION_FOLDER: '' };
  // Each completion starts the program.
  env['NODE_COMPILE_CACHE'] = join(folder, 'cache');
  await writeFile(join(autoloaded, '_sequentialjob'), await run('sequentialjob', ['completion', 'zsh']));
});
afterAll(async () => server.close());

/** The standard output. A shell that is not installed is an error. */
async function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: files, env: { ...env, ...more } });
  return stdout;
}

type Lines = readonly string[];
/** What a shell offers after each line. */
type Complete = (lines: Lines) => Promise<readonly Lines[]>;

const words = (text: string): Lines => text.split(' ').filter(Boolean);

const inZsh =
  (more: NodeJS.ProcessEnv): Complete =>
  async (lines) => {
    const out = await run('zsh', ['-f', join(HERE, 'complete.zsh'), 'zsh', join(HERE, 'setup.zsh'), ...lines], more);
    return [...out.matchAll(/^<.*> (.*)>END$/gm)].map(([, offered = '']) => words(offered));
  };

/** Alt-* puts all completions in the place of the last word. */
const inBash: Complete = async (lines) => {
  const out = await run('zsh', ['-f', join(HERE, 'complete.zsh'), 'bash', join(HERE, 'setup.bash'), ...lines]);
  return [...out.matchAll(/^<(.*)>END$/gm)].map(([, after = ''], i) => {
    const line = lines[i] ?? '';
    const start = Math.max(line.lastIndexOf(' '), line.lastIndexOf('=')) + 1;
    return after === line ? [] : words(after.slice(start));
  });
};

const inFish: Complete = async (lines) => {
  const script = `sequentialjob completion fish | source
    for line in $argv
      complete -C $line
      echo END
    end`;
  const out = await run('fish', ['--no-config', '-c', script, ...lines]);
  return out
    .split('END\n')
    .slice(0, -1)
    .map((offered) => offered.split('\n').flatMap((line) => line.split('\t')[0] ?? []))
    .map((offered) => offered.filter(Boolean));
};

const SHELLS: readonly (readonly [string, Complete])[] = [
  ['bash', inBash],
  ['zsh', inZsh({})],
  ['zsh, from $fpath', inZsh({ COMPLETION_FOLDER: autoloaded })],
  ['fish', inFish],
];

const ROWS: readonly (readonly [sentence: string, line: string, offered: string])[] = [
  ['a command', 'st', 'status'],
  ['two commands', 'wa', 'wait watch'],
  ['the sequences of the namespace', 'status ', 'etl nightly'],
  ['those that are not named yet', 'suspend etl ', 'nightly'],
  ['the steps of a sequence', 'logs etl --step ', 'extract load'],
  ['a value behind an equals sign', 'logs etl --step=l', 'load'],
  ['namespaces', 'wait -n ', 'team-a team-b'],
  ['contexts', '--context ', 'here'],
  ['a flag', 'status --out', '--output'],
  ['the words that a flag takes', 'status -o ', 'json name wide yaml'],
  ['the words of a flag of run', 'run --role=', 'all controller webhook'],
  ['files where files belong', 'lint ', 'a.yaml b.yaml'],
  ['files behind other files, which are quoted', 'lint "a.yaml" b', 'b.yaml'],
  ['a file behind an equals sign', 'status --kubeconfig=a', 'a.yaml'],
  ['a file with its folder', 'render ../files/b', '../files/b.yaml'],
  ['no file where a name belongs', 'status a', ''],
  ['nothing after the last argument', 'convert a.yaml ', ''],
];

describe.each(SHELLS)('%s completes', (shell, complete) => {
  let offered: readonly Lines[];
  beforeAll(async () => {
    offered = await complete(ROWS.map(([, line]) => `sequentialjob ${line}`));
  });

  it('each line', () => {
    expect(offered).toHaveLength(ROWS.length);
  });

  it.each(ROWS.map(([sentence, , expected], i) => [sentence, expected, i] as const))('%s', (_, expected, i) => {
    const last = (word: string): string => word.replace(/^--[^=]*=/, '');
    // zsh offers the part behind the last slash.
    const shown = shell.startsWith('zsh') ? expected.replace('../files/', '') : expected;
    expect((offered[i] ?? []).map(last).toSorted().join(' ')).toBe(shown);
  });
});
