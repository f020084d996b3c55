/** Golden text of the command line: test/golden/cli; UPDATE_GOLDEN=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type Line, paintAll } from '../../cli/status/style.ts';
import { ROOT } from './manifests.ts';

export const TEXT_FOLDER = join(ROOT, 'test/golden/cli');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

/** With escape characters that are visible. */
export const visible = (lines: readonly Line[], hasColor = false): string =>
  paintAll(lines, hasColor).replaceAll('\u001B', '␛');

/** Fails if the sections, by their titles, are not those of the file. */
export function expectText(name: string, sections: Readonly<Record<string, string>>): void {
  const path = join(TEXT_FOLDER, `${name}.txt`);
  const whole = Object.entries(sections)
    .map(([title, body]) => `### ${title}\n${body}`)
    .join('\n');
  if (UPDATE) writeFileSync(path, whole);
  expect(whole).toBe(readFileSync(path, 'utf8'));
}

/** The file of a case with this description. */
export const fileOf = (what: string): string => what.replaceAll(/\W+/g, '-');
