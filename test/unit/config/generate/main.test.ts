import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARTIFACTS } from '../../../../config/generate/artifacts.ts';

const PROJECT = join(import.meta.dirname, '../../../..');

function generate(...args: readonly string[]): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(PROJECT, 'config/generate/main.ts'), ...args], {
    encoding: 'utf8',
  });
  return { code: status, text: stdout + stderr };
}

test('the committed files are up to date', () => {
  expect(generate('--check')).toEqual({ code: 0, text: '' });
});

test('a missing or changed file is reported, and up to date after it was written', () => {
  const root = mkdtempSync(join(tmpdir(), 'generate-'));
  const told = (says: string): string => ARTIFACTS.map(({ path }) => `${path} ${says}\n`).join('');
  try {
    expect(generate('--check', '--root', root)).toEqual({ code: 1, text: told('is out of date: run make generate') });
    expect(generate('--root', root)).toEqual({ code: 0, text: told('written') });
    expect(generate('--root', root)).toEqual({ code: 0, text: '' });
    const [first] = ARTIFACTS;
    appendFileSync(join(root, first?.path ?? ''), ' ');
    expect(generate('--check', '--root', root)).toEqual({
      code: 1,
      text: `${first?.path} is out of date: run make generate\n`,
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});
