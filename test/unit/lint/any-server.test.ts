/** What would tie a test of a real server to one release of Kubernetes: each kind is planted, and must be found; none is there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const TESTS = join(import.meta.dirname, '..', '..');
/** Those that meet a real API server. */
const SUITES = ['integration', 'faults', 'e2e', 'load'];

const KINDS: readonly (readonly [sentence: string, kind: RegExp, planted: readonly string[]])[] = [
  [
    'takes a condition by its place in the list: newer servers put others before it',
    /\bconditions\b\W*(?:\[\d|\.at\(|\.to(?:Equal|StrictEqual|MatchObject)\(\[)/,
    [
      'status.conditions?.[0]?.type',
      '(status.conditions ?? []).at(-1)',
      "expect(job.status.conditions).toMatchObject([{ type: 'Failed' }])",
    ],
  ],
  [
    'compares with words of the Job controller or the quota plugin: they change between releases',
    /Job has reached|active longer than specified|exceeded quota/,
    [
      "'Job has reached the specified backoff limit'",
      "'Job was active longer than specified deadline'",
      '/exceeded quota: full/',
    ],
  ],
];

const files = SUITES.flatMap((suite) =>
  readdirSync(join(TESTS, suite), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(suite, name)),
);

describe.each(KINDS)('a test that %s', (_sentence, kind, planted) => {
  it.each(planted)('would be found: %s', (line) => {
    expect(line).toMatch(kind);
  });

  it('is not in the sources', () => {
    const found = files.flatMap((name) => {
      const lines = readFileSync(join(TESTS, name), 'utf8').split('\n');
      return lines.flatMap((line, i) => (kind.test(line) ? [`${name}:${i + 1}: ${line.trim()}`] : []));
    });
    expect(files.length).toBeGreaterThan(50);
    expect(found).toEqual([]);
  });
});
