/** The manifests in the documentation are valid, and the commands in the guides name what exists. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../support/manifests.ts';
import { run } from '../cli/memory-io.ts';

const PAGES = globSync('docs/**/*.md', { cwd: ROOT }).sort();
const GUIDES = PAGES.filter((page) => page.startsWith('docs/guides/'));

const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** The YAML blocks of a page with a whole SequentialJob or CronSequentialJob, each after as many empty lines as stand before it in the page. */
function sequencesOf(page: string): readonly string[] {
  const text = textOf(page);
  return [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)]
    .filter(([, block = '']) => /^kind: (?:Cron)?SequentialJob$/m.test(block) && /^spec:$/m.test(block))
    .map(({ 1: block = '', index }) => '\n'.repeat(text.slice(0, index).split('\n').length) + block);
}

describe('lint finds nothing in the SequentialJobs of', () => {
  it.each(PAGES.filter((page) => sequencesOf(page).length > 0))('%s', async (page) => {
    const findings: string[] = [];
    for (const text of sequencesOf(page)) {
      const { out } = await run('lint', [page], { [page]: text });
      findings.push(...out.split('\n').filter((line) => line !== ''));
    }
    expect(findings).toEqual([]);
  });

  it('most guides, which have at least one', () => {
    const without = GUIDES.filter((page) => sequencesOf(page).length === 0);
    expect(without).toEqual(['docs/guides/debugging.md', 'docs/guides/multi-tenant.md']);
  });
});

it('a wrong manifest would be found, at its line in the page', async () => {
  const [first = ''] = sequencesOf('docs/guides/secrets.md');
  const wrong = first.replace('name: push', 'name: pull');
  const { code, out } = await run('lint', ['page.md'], { 'page.md': wrong });
  const line = wrong.split('\n').lastIndexOf('    - name: pull') + 1;
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(`^page\\.md:${line}:\\d+: spec\\.steps\\[1\\]\\.name: Duplicate value`),
  ]);
});

/** The lines after a `$` in the blocks of a page. */
const commandsOf = (page: string): readonly string[] =>
  [...textOf(page).matchAll(/^\$ (.+)$/gm)].map(([, command = '']) => command);

describe('a guide shows commands of kubectl and of the command line only, each with its output', () => {
  it.each(GUIDES)('%s', (page) => {
    for (const command of commandsOf(page)) expect(command).toMatch(/^(?:kubectl|sequentialjob) [a-z]/);
    expect(textOf(page)).not.toMatch(/^\$ .+\n(?:```|\n|\$)/m);
  });

  it('there are such commands', () => {
    expect(GUIDES.flatMap(commandsOf).length).toBeGreaterThan(15);
  });
});

it('the README names every guide', () => {
  const readme = textOf('README.md');
  expect(GUIDES.filter((page) => !readme.includes(`(${page})`))).toEqual([]);
});
