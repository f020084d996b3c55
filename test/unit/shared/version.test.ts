import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { USER_AGENT, VERSION } from '../../../shared/version.ts';

test('the version is that of package.json, and in the user agent', () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  expect(VERSION).toBe(version);
  expect(USER_AGENT).toBe(`sequentialjob/${version}`);
});
