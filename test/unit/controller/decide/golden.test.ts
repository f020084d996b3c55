/**
 * Snapshot → Decision, as files: test/golden/decide/<what is the case>.input.yaml and .output.yaml. To look at what a
 * change does to all of them, rewrite the outputs and read the difference:
 *
 *     UPDATE_GOLDEN=1 make test-unit && git diff test/golden
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { deepFreeze } from '../../../support/freeze.ts';

const FOLDER = fileURLToPath(new URL('../../../golden/decide/', import.meta.url));
const INPUT = '.input.yaml';
const OUTPUT = '.output.yaml';
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

interface Input {
  /** RFC 3339. */
  readonly now: string;
  readonly snapshot: Snapshot;
}

const files = readdirSync(FOLDER);
const cases = files.filter((file) => file.endsWith(INPUT)).map((file) => file.slice(0, -INPUT.length));

function read(file: string): unknown {
  return parse(readFileSync(`${FOLDER}${file}`, 'utf8'));
}

describe('decide, by golden files', () => {
  it.each(cases)('%s', (name) => {
    const { now, snapshot } = deepFreeze(read(`${name}${INPUT}`) as Input);
    // As it goes over the wire: a field that is undefined is not there.
    const decision: unknown = JSON.parse(JSON.stringify(decide(snapshot, Date.parse(now))));
    if (UPDATE) {
      writeFileSync(`${FOLDER}${name}${OUTPUT}`, stringify(decision, { lineWidth: 0, aliasDuplicateObjects: false }));
    }
    expect(decision).toStrictEqual(read(`${name}${OUTPUT}`));
  });

  it('every output belongs to an input', () => {
    const outputs = files.filter((file) => file.endsWith(OUTPUT)).map((file) => file.slice(0, -OUTPUT.length));
    expect(outputs.filter((name) => !cases.includes(name))).toEqual([]);
    expect(files.filter((file) => !file.endsWith(INPUT) && !file.endsWith(OUTPUT))).toEqual([]);
  });
});
