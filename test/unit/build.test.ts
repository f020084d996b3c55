/** The program as one file, beside the sources: the build puts other modules in the place of some of theirs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployments, present, readManifests } from '../support/manifests.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = globSync(['config/samples/*.yaml', 'test/fixtures/cli/*.yaml'], { cwd: ROOT }).sort();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-'));
  const { status, stderr } = node(['build.mjs', folder]);
  if (status !== 0) throw new Error(stderr);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(args: readonly string[], more: Readonly<Record<string, string>> = {}): Ended {
  const { NODE_OPTIONS: _, ...inherited } = process.env; // jest's own
  const env = { ...inherited, ...more };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' });
  // Each line of the log has its time, and a warning of Node's the process.
  const said = stderr.replaceAll(/"time":"[^"]*"/g, '"time":""').replaceAll(/^\(node:\d+\)/gm, '(node)');
  return { status, stdout, stderr: said };
}

/** What the build does; it must be what the sources do. */
function built(...args: readonly string[]): Ended {
  const ours = node([join(folder, 'sequentialjob.mjs'), ...args]);
  expect(ours).toEqual(node([join(ROOT, 'main.ts'), ...args]));
  return ours;
}

it('is ASCII: V8 keeps a text with any character outside of Latin-1 in twice the memory, for as long as it runs', () => {
  const lines = readFileSync(join(folder, 'sequentialjob.mjs'), 'utf8').split('\n');
  // esbuild escapes characters in strings, but not in regular expressions.
  expect(lines.flatMap((line) => line.match(/.{0,40}[^\p{ASCII}].{0,40}/gu) ?? [])).toEqual([]);
});

it('reports the same errors as the sources, for all samples and fixtures', () => {
  const { status, stdout } = built('lint', ...FILES);
  expect(status).toBe(1);
  expect(stdout).toContain('spec.steps[0].image');
});

it('reports errors that only the schema finds', () => {
  const file = join(folder, 'wrong-types.json');
  const spec = {
    containers: [{ name: 'a'.repeat(5), image: 7, env: {}, stdin: 'yes', livenessProbe: { httpGet: {} } }],
    backoffLimit: -1,
    template: [],
  };
  const metadata = { name: '\u{1F600}'.repeat(64), creationTimestamp: 'yesterday' };
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: 'batch.example.com/v1alpha1', kind: 'SequentialJob', metadata, spec }),
  );
  const { stdout } = built('lint', file);
  for (const field of ['metadata.name', 'containers[0].image', 'containers[0].env', 'backoffLimit', 'template']) {
    expect(stdout).toContain(field);
  }
});

it('reports errors of a schedule and of its template that only the schemas find', () => {
  const file = join(folder, 'wrong-types-of-a-schedule.json');
  const spec = {
    schedule: 5,
    concurrencyPolicy: 'Wait',
    failedJobsHistoryLimit: -1,
    sequentialJobTemplate: { metadata: { labels: [] }, spec: { steps: [{ name: 'a', image: 7 }], resume: 'x' } },
  };
  const type = { apiVersion: 'batch.example.com/v1beta1', kind: 'CronSequentialJob' };
  writeFileSync(file, JSON.stringify({ ...type, metadata: { name: 'nightly' }, spec }));
  const { stdout } = built('lint', file);
  for (const field of ['schedule', 'concurrencyPolicy', 'failedJobsHistoryLimit', 'metadata.labels', 'spec.resume']) {
    expect(stdout).toContain(`${field}: `);
  }
});

it('renders the Jobs that the sources render', () => {
  expect(built('render', 'config/samples/etl.yaml').stdout).toContain('kind: Job');
  expect(built('render', 'config/samples/nightly.yaml').stdout).toContain('name: nightly-xxxxxxxx-0-collect');
});

it.each([
  ['its help', ['help'], 0],
  ['its version', ['version'], 0],
  ['wrong flags', ['run', '--role=none', '--workers=many'], 2],
  ['a missing kubeconfig', ['run', '--role=controller', '--kubeconfig=/nowhere'], 1],
  ['a port that is not ours', ['run', '--role=webhook', '--metrics-port=0', '--metrics-port=x'], 2],
])('prints the same as the sources for %s', (_what, args, status) => {
  expect(built(...args).status).toBe(status);
});

// The build has parts of undici only: of its ways to a server these three.
it.each([
  ['', {}],
  [' behind an HTTP proxy that is not there', { 'proxy-url': 'http://127.0.0.1:2' }],
  [' behind a SOCKS proxy that is not there', { 'proxy-url': 'socks5://127.0.0.1:2' }],
])('prints the same as the sources for an unreachable server%s', (_where, proxy) => {
  const kubeconfig = join(folder, 'kubeconfig');
  const server = 'https://127.0.0.1:1';
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'a', cluster: { server, ...proxy } }],
      users: [{ name: 'a', user: { token: 'a' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    }),
  );
  const { status, stderr } = built('run', '--role=controller', `--kubeconfig=${kubeconfig}`, '--startup-timeout=0');
  expect([status, stderr]).toEqual([1, expect.stringContaining(server)]);
});

it('writes readable logs as the sources do', () => {
  const args = ['run', '--role=controller', '--kubeconfig=/nowhere', '--log-format=pretty'];
  expect(node([join(folder, 'sequentialjob.mjs'), ...args]).stderr).toContain('starting');
});

describe('the V8 compile cache in the image', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

  /** The Dockerfile's own command, on the program as it was built here. */
  function compile(into: string): Ended {
    const [, command = '[]'] = /^RUN (\["\/nodejs\/bin\/node".*\])$/m.exec(dockerfile) ?? [];
    const args = (JSON.parse(command) as readonly string[]).slice(1);
    return node(
      args.map((one) => (one === '/app/sequentialjob.mjs' ? join(folder, 'sequentialjob.mjs') : one)),
      { NODE_COMPILE_CACHE: into },
    );
  }

  const contents = (of: string): readonly (readonly [string, string])[] =>
    globSync('**', { cwd: of, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => [one.name, readFileSync(join(one.parentPath, one.name)).toString('base64')]);

  it('is reproducible, so that the image is', () => {
    const [one, other] = [join(folder, 'code-1'), join(folder, 'code-2')];
    expect([compile(one).status, compile(other).status]).toEqual([0, 0]);
    expect(contents(one)).toHaveLength(1);
    expect(contents(other)).toEqual(contents(one));
  });

  it('is used by a start with the options of the Deployment, and does not change', () => {
    const into = join(folder, 'code-3');
    compile(into);
    const before = contents(into);
    const [deployment] = deployments(readManifests('config/manager/deployment.yaml'));
    const { env } = present(deployment?.spec.template.spec.containers[0], 'container');
    const { stderr } = node([join(folder, 'sequentialjob.mjs'), 'help'], {
      ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
      NODE_COMPILE_CACHE: into,
      NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
    });
    expect(stderr).toMatch(/V8 code cache for ESM .* was accepted/);
    expect(contents(into)).toEqual(before);
  });

  it('is where the image expects it, and is not owned by the user of the process', () => {
    expect(dockerfile).toContain('\nCOPY --from=compile /tmp/code/ /image/app/code/\n');
    expect(dockerfile).toContain('\nENV NODE_COMPILE_CACHE=/app/code\n');
    expect(dockerfile).toContain('chown -R 0:0 /image/app/code');
  });
});
