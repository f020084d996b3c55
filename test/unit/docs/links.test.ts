/** The pages for readers lead where they say. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../support/manifests.ts';

const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort();

/** What a page links to that is neither another site nor a place in itself, without the place in the file. */
const targets = (page: string): readonly string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));

describe('every link has an existing file as its target', () => {
  it.each(PAGES)('in %s', (page) => {
    expect(targets(page).filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  it('and there are such links', () => {
    expect(PAGES.flatMap(targets).length).toBeGreaterThan(50);
  });
});
