import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** A new folder that is removed after the suite. Call it where `afterAll` may stand. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sequentialjob-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
