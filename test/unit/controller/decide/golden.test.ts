/**
 * Snapshot → Decision, as files: test/golden/decide/<what is the case>.input.yaml and .output.yaml. To look at what a
 * change does to all of them, rewrite the outputs and read the difference:
 *
 *     UPDATE_GOLDEN=1 make test-unit && git diff test/golden
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { decide } from '../../../../controller/decide/index.ts';
import { GOLDEN_DECISIONS, goldenDecisions, INPUT, readGolden } from '../../../support/golden-decisions.ts';

const OUTPUT = '.output.yaml';
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

const cases = goldenDecisions();

describe('decide, by golden files', () => {
  it.each(cases)('$name', ({ name, input: { now, snapshot } }) => {
    // As it goes over the wire: a field that is undefined is not there.
    const decision: unknown = JSON.parse(JSON.stringify(decide(snapshot, Date.parse(now))));
    if (UPDATE) {
      const text = stringify(decision, { lineWidth: 0, aliasDuplicateObjects: false });
      writeFileSync(`${GOLDEN_DECISIONS}${name}${OUTPUT}`, text);
    }
    expect(decision).toStrictEqual(readGolden(`${name}${OUTPUT}`));
  });

  it('every output belongs to an input', () => {
    const files = readdirSync(GOLDEN_DECISIONS);
    const outputs = files.filter((file) => file.endsWith(OUTPUT)).map((file) => file.slice(0, -OUTPUT.length));
    const names = new Set(cases.map(({ name }) => name));
    expect(outputs.filter((name) => !names.has(name))).toEqual([]);
    expect(files.filter((file) => !file.endsWith(INPUT) && !file.endsWith(OUTPUT))).toEqual([]);
  });
});
