/** docs/metrics.md against what the program really serves. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { type Family, fullRegistry, parseMetrics } from '../../support/metrics.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly meaning: string;
}

const FILE = join(import.meta.dirname, '../../../docs/metrics.md');

let served: ReadonlyMap<string, Family>;
let rows: readonly Row[];
beforeAll(async () => {
  served = parseMetrics(await fullRegistry().metrics());
  rows = rowsOf(await readFile(FILE, 'utf8'));
});

/** The rows of all tables of metrics: those with four columns and a name in the first. */
function rowsOf(text: string): readonly Row[] {
  return text.split('\n').flatMap((line) => {
    const [, name, type, labels, meaning, rest] = line.split('|').map((cell) => cell.trim());
    const quoted = /^`(\w+)`$/.exec(name ?? '')?.[1];
    if (quoted === undefined || type === undefined || meaning === undefined || rest !== '') return [];
    return [
      { name: quoted, type, labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, each]) => each ?? ''), meaning },
    ];
  });
}

/** The label of buckets comes with the type. */
const labelsOf = ({ samples }: Family): readonly string[] =>
  [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le').sort();

/** What Node tells depends on the system and on what has happened so far. */
const isOurs = (name: string): boolean => !/^(process|nodejs)_/.test(name);

it('every metric that is served is documented, once', () => {
  expect(rows.map(({ name }) => name).sort()).toEqual([...served.keys()].sort());
});

it('the documented types are those that are served', () => {
  expect(rows.map(({ name, type }) => [name, type])).toEqual(rows.map(({ name }) => [name, served.get(name)?.type]));
});

it('the documented labels of our own metrics are those that are served', () => {
  const ours = rows.filter(({ name }) => isOurs(name));
  expect(ours.map(({ name, labels }) => [name, [...labels].sort()])).toEqual(
    ours.map(({ name }) => {
      const family = served.get(name);
      return [name, family === undefined ? [] : labelsOf(family)];
    }),
  );
});

it('each has a meaning', () => {
  expect(rows.filter(({ meaning }) => meaning === '')).toEqual([]);
});

it('no metric of ours has label values from users', () => {
  const allowed =
    'version name controller result phase state code method host verb resource webhook verdict reason'.split(' ');
  const labels = [...served.values()].filter(({ name }) => isOurs(name)).flatMap(labelsOf);
  expect(labels.filter((label) => !allowed.includes(label))).toEqual([]);
});
