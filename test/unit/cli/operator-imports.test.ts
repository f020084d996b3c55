/** The operator's processes load no library for command lines: each module costs start time and memory. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import { ROOT } from '../../support/manifests.ts';

const IMPORT = /^(?:import|export) (?!type )(?:[^;']* from )?'([^']+)';$/gm;

/** What a start of these modules loads: our modules by path, and packages by name. */
function loadedBy(...entries: readonly string[]): ReadonlySet<string> {
  const loaded = new Set(entries);
  for (const path of loaded) {
    if (!path.endsWith('.ts')) continue;
    for (const [, name = ''] of readFileSync(join(ROOT, path), 'utf8').matchAll(IMPORT)) {
      loaded.add(name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), name)) : name);
    }
  }
  return loaded;
}

const ROLES = ['cli/run/index.ts', 'cli/run/webhook-role.ts', 'cli/run/controller-role.ts'];

it('the operator loads no command for people', () => {
  const loaded = loadedBy('main.ts', ...ROLES, 'webhook/evaluation-worker.ts');
  expect([...loaded].filter((one) => one === 'commander' || one === 'cli/program.ts')).toEqual([]);
  expect(loaded).toContain('pino');
});

it('which a command for people does', () => {
  expect(loadedBy('cli/program.ts')).toContain('commander');
});
