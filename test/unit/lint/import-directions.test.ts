/** The lint rules that hold the import directions: each forbidden import is planted, and must be caught. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..', '..');

const imports = (path: string): string => `import { x } from '${path}';\nexport const y = x;\n`;

const PLANTED: readonly (readonly [string, string, string])[] = [
  ['shared/ imports the controller', 'shared/a.ts', imports('../controller/x.ts')],
  ['shared/ imports local/', 'shared/kube/a.ts', imports('../../local/x.ts')],
  ['the controller imports the webhook', 'controller/a.ts', imports('../webhook/x.ts')],
  ['the controller imports local/', 'controller/b.ts', imports('../local/x.ts')],
  ['the controller imports test/', 'controller/c.ts', imports('../test/x.ts')],
  ['the webhook imports the controller', 'webhook/a.ts', imports('../controller/x.ts')],
  ['the webhook imports certs/', 'webhook/b.ts', imports('../certs/x.ts')],
  ['certs/ imports the webhook', 'certs/a.ts', imports('../webhook/x.ts')],
  ['local/ imports the controller', 'local/a.ts', imports('../controller/x.ts')],
  ['a decision reads files', 'controller/decide/a.ts', imports('node:fs')],
  ['a decision talks to the API', 'controller/decide/b.ts', imports('../../shared/kube/client.ts')],
  ['a decision imports the controller around it', 'controller/decide/c.ts', imports('../manager.ts')],
  ['a decision logs', 'controller/decide/d.ts', imports('../../shared/log.ts')],
  ['a decision reads the clock', 'controller/decide/e.ts', 'export const y = (): number => Date.now();\n'],
  ['a decision rolls dice', 'controller/decide/f.ts', 'export const y = (): number => Math.random();\n'],
  ['a decision reads the environment', 'controller/decide/g.ts', 'export const y = process.env;\n'],
  ['validation talks to the API', 'shared/validation/a.ts', imports('../kube/client.ts')],
  ['validation sets a timer', 'shared/validation/b.ts', 'export const y = setTimeout;\n'],
  ['the API types load client-node', 'shared/api/a.ts', imports('@kubernetes/client-node')],
  ['Job building talks to the API', 'shared/jobs/a.ts', imports('../kube/client.ts')],
  ['the conditions read the configuration', 'shared/conditions.ts', imports('./log.ts')],
];

const ALLOWED: readonly (readonly [string, string, string])[] = [
  ['the controller imports shared/', 'controller/ok.ts', imports('../shared/kube/client.ts')],
  ['a decision imports validation', 'controller/decide/ok.ts', imports('../../shared/validation/index.ts')],
  [
    'the API types use the types of client-node',
    'shared/api/ok.ts',
    "import type { V1Pod } from '@kubernetes/client-node';\nexport type Y = V1Pod;\n",
  ],
];

let folder: string;
let findings: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-lint-'));
  for (const name of ['.oxlintrc.json', 'package.json']) await cp(join(ROOT, name), join(folder, name));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [, path, source] of [...PLANTED, ...ALLOWED]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), source);
  }
  const command = join(ROOT, 'node_modules', '.bin', 'oxlint');
  findings = await promisify(execFile)(
    command,
    ['-f', 'unix', '--disable-nested-config', '--ignore-pattern=node_modules'],
    { cwd: folder },
  ).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('import directions', () => {
  it.each(PLANTED)('refuses: %s', (_sentence, path) => {
    expect(findings).toMatch(new RegExp(`^${path.replaceAll('.', '\\.')}:.*restricted|^${path}:.*Unexpected use`, 'm'));
  });

  it.each(ALLOWED)('allows: %s', (_sentence, path) => {
    expect(findings).not.toContain(`${path}:`);
  });
});
