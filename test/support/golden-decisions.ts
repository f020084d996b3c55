/** The inputs of test/golden/decide: snapshots of every state that a sequence can be in. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Snapshot } from '../../controller/decide/index.ts';
import { deepFreeze } from './freeze.ts';

export const GOLDEN_DECISIONS = fileURLToPath(new URL('../golden/decide/', import.meta.url));
export const INPUT = '.input.yaml';

export interface GoldenInput {
  /** RFC 3339. */
  readonly now: string;
  readonly snapshot: Snapshot;
}

export function readGolden(file: string): unknown {
  return parse(readFileSync(`${GOLDEN_DECISIONS}${file}`, 'utf8'));
}

/** All of them, frozen, each with the name of its files. */
export function goldenDecisions(): readonly { readonly name: string; readonly input: GoldenInput }[] {
  return readdirSync(GOLDEN_DECISIONS)
    .filter((file) => file.endsWith(INPUT))
    .map((file) => ({ name: file.slice(0, -INPUT.length), input: deepFreeze(readGolden(file) as GoldenInput) }));
}
