import { describe, expect, it } from '@jest/globals';
import { PageSize } from '../../../../shared/kube/page-size.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits of the pages of a list of this many objects of these sizes; a page that is given up is in parentheses. */
function pagesOf(sizes: readonly number[], maxObjects?: number): readonly string[] {
  const pageSize = new PageSize({ maxObjects });
  const pages: string[] = [];
  for (let from = 0; from < sizes.length;) {
    const { limit } = pageSize;
    const page = sizes.slice(from, from + limit);
    let bytes = 0;
    const isGivenUp = page.some((size, i) => pageSize.shrinkIfTooLarge({ objects: i + 1, bytes: (bytes += size) }));
    pages.push(isGivenUp ? `(${limit})` : String(limit));
    if (isGivenUp) continue;
    pageSize.pageRead({ objects: page.length, bytes });
    from += page.length;
  }
  return pages;
}

const of = (count: number, bytes: number): readonly number[] => Array.from({ length: count }, () => bytes);

describe('the page size', () => {
  it.each<readonly [string, readonly number[], readonly string[]]>([
    ['grows to 500 for small objects', of(2000, 3 * KIB), ['50', '200', '500', '500', '500', '500']],
    ['starts small for large objects', of(12, MIB), ['(50)', '4', '4', '4']],
    ['is 1 if one object is larger than a page should be', of(3, 10 * MIB), ['(50)', '1', '1', '1']],
    [
      'decreases when large objects follow small ones',
      [...of(250, KIB), ...of(9, MIB)],
      ['50', '200', '(500)', '4', '4', '4'],
    ],
    ['stays the same for objects of medium size', of(300, 40 * KIB), ['50', '102', '102', '102']],
  ])('%s', (_, sizes, pages) => {
    expect(pagesOf(sizes)).toEqual(pages);
  });

  it('stays within the configured limits', () => {
    expect(pagesOf(of(20, 10), 7)).toEqual(['7', '7', '7']);
  });

  it('does not shrink after an empty page', () => {
    const pageSize = new PageSize();
    pageSize.pageRead({ objects: 0, bytes: 0 });
    expect(pageSize.limit).toBe(50);
  });
});
