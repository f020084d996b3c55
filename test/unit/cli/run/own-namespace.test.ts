import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownNamespace } from '../../../../cli/run/own-namespace.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-namespace-'));
  await writeFile(join(folder, 'pod'), 'of-the-pod\n');
  await writeFile(join(folder, 'empty'), '');
});
afterAll(async () => rm(folder, { recursive: true }));

describe('ownNamespace', () => {
  it.each<readonly [string, string | undefined, string, string | undefined]>([
    ['that of the flag', 'asked', 'pod', 'asked'],
    ['that of the Pod', undefined, 'pod', 'of-the-pod'],
    ['undefined outside of a Pod', undefined, 'none', undefined],
    ['undefined if the namespace file is empty', undefined, 'empty', undefined],
  ])('is %s', (_says, asked, file, expected) => {
    expect(ownNamespace(asked, join(folder, file))).toBe(expected);
  });
});
