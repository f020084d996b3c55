/** Wrong command lines end with one line and the exit code of wrong usage; help knows all commands and flags. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runProgram } from '../../../cli/program.ts';
import { OPTIONS } from '../../../cli/run/config.ts';
import { MemoryTerminal } from '../../support/memory-terminal.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Of a server that is not there. */
async function writeKubeconfig(): Promise<string> {
  const file = join(folder, 'config');
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly errors: readonly string[];
}

async function run(line: string, program = 'sequentialjob'): Promise<Ran> {
  const terminal = new MemoryTerminal();
  const words = line.split(' ').filter(Boolean);
  const code = await runProgram(words, { terminal, env: { KUBECONFIG: '/nowhere' }, now: () => 0, program });
  return { code, out: terminal.text, errors: terminal.errors };
}

describe('a wrong command line', () => {
  it.each<readonly [string, number, string]>([
    ['', 2, 'no command given; the command "help" lists them'],
    ['-n team-a', 2, 'no command given; the command "help" lists them'],
    ['walk', 2, "unknown command 'walk' (Did you mean wait?)"],
    ['help walk', 2, `unknown command 'walk'; the command "help" lists them`],
    ['status --walk', 2, "unknown option '--walk'"],
    ['status a b', 2, "too many arguments for 'status'. Expected 1 argument but got 2: a, b."],
    ['status a -A', 2, 'a sequence cannot be named together with --all-namespaces'],
    [
      'status -o xml',
      2,
      "option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are json, yaml, name, wide.",
    ],
    ['status --context=', 2, "option '--context <name>' argument '' is invalid. It must not be empty."],
    ['logs', 2, "missing required argument 'NAME'"],
    ['logs a --tail=few', 2, "option '--tail <lines>' argument 'few' is invalid. It must be a number of lines."],
    ['suspend', 2, "missing required argument 'NAME'"],
    ['unsuspend a -o', 2, "option '-o, --output <format>' argument missing"],
    ['resume', 2, "missing required argument 'NAME'"],
    ['wait', 3, "missing required argument 'NAME'"],
    [
      '-n wait watch a --timeout=soon',
      3,
      "option '--timeout <duration>' argument 'soon' is invalid. It must be a duration, as 90s or 1h30m.",
    ],
    ['-n watch status a b', 2, "too many arguments for 'status'. Expected 1 argument but got 2: a, b."],
    [
      'completion tcsh',
      2,
      "command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.",
    ],
    ['completion bash -n x', 2, "unknown option '--namespace'"],
    ['version 2', 2, "too many arguments for 'version'. Expected 0 arguments but got 1: 2."],
    ['-n x version', 2, "unknown option '--namespace'"],
    ['--context=x run', 2, "unknown option '--context'"],
    ['-- run', 2, 'run must be the first word'],
  ])('"%s" ends with %i and one line', async (line, code, text) => {
    expect(await run(line)).toEqual({ code, out: '', errors: [`sequentialjob: ${text.replace(' (Did', '\n(Did')}`] });
  });
});

it.each(['.', '..', 'a/b', 'a%2Fb'])('"%s" is no namespace, and nothing is asked', async (name) => {
  const kubeconfig = await writeKubeconfig();
  const errors = [`sequentialjob: "${name}" is no name of a namespace`];
  expect(await run(`status --kubeconfig=${kubeconfig} -n ${name}`)).toEqual({ code: 2, out: '', errors });
});

it('an unreadable kubeconfig is one line, with the exit code of no cluster', async () => {
  const commands = ['status', 'logs a', 'suspend a', 'unsuspend a', 'resume a', 'wait a', 'watch a'];
  const errors = [expect.stringMatching(/^sequentialjob: cannot read the kubeconfig \/nowhere: [^\n]+$/)];
  for (const line of commands) {
    const code = line.startsWith('wa') ? 3 : 2;
    expect([line, await run(line)]).toEqual([line, { code, out: '', errors }]);
  }
});

describe('help', () => {
  it.each(['help', '--help', '-h', '-n x --help'])('%s lists all commands and the exit codes', async (line) => {
    const { code, out } = await run(line);
    expect(code).toBe(0);
    for (const name of ['status', 'logs', 'watch', 'lint', 'convert', 'run', 'completion', 'help']) {
      expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    expect(out).toContain('\nExit codes: 0 success;');
  });

  it('of run has each of its flags with its environment variable', async () => {
    const { code, out } = await run('run --help');
    expect(code).toBe(0);
    for (const { flag } of Object.values(OPTIONS)) expect(out).toContain(`  --${flag} `);
    expect(out.match(/SEQUENTIALJOB_/g)).toHaveLength(Object.keys(OPTIONS).length);
    expect(out).not.toContain('Global Options');
  });

  it('of a command has the global flags if it takes them, and the name of the program', async () => {
    const { out } = await run('lint -h', 'kubectl sequentialjob');
    expect(out).toMatch(/^Usage: kubectl sequentialjob lint \[options\] <FILE\.\.\.>\n/);
    expect(out).toContain('Global Options');
    expect((await run('help render')).out).not.toContain('Global Options');
  });
});
