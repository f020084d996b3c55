/** Which columns of a table give way when the terminal is narrow. */
import { describe, expect, it } from '@jest/globals';
import { paintAll, span } from '../../../../cli/status/style.ts';
import { type Column, fitColumns, table } from '../../../../cli/status/table.ts';
import { loadWidths } from '../../../../cli/status/text-width.ts';

await loadWidths();

const COLUMNS: readonly Column[] = [
  { title: 'A' },
  { title: 'B', min: 4, rank: 2 },
  { title: 'C', min: 3, rank: 1 },
  { title: 'D', rank: 0 },
];

describe('columns of 2, 8, 8 and 4 are', () => {
  it.each([
    ['unchanged without a limit', undefined, [2, 8, 8, 4]],
    ['unchanged where they fit', 28, [2, 8, 8, 4]],
    ['cut by rank', 26, [2, 8, 6, 4]],
    ['cut by rank, the next one then', 22, [2, 7, 3, 4]],
    ['cut to their least widths, and left out by rank', 18, [2, 4, 3, 0]],
    ['left out but for the one that always stays', 3, [2, 0, 0, 0]],
  ])('%s', (_sentence, width, expected) => {
    expect(fitColumns(COLUMNS, [2, 8, 8, 4], width)).toEqual(expected);
  });
});

it('a table aligns its columns, and no text of a cell ends its line', () => {
  const columns: readonly Column[] = [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'WHY' }];
  const rows = [
    [span('etl'), span('12'), span('a\nb\u001B[31mc')],
    [span('数据'), span('3'), span('')],
  ];
  expect(paintAll(table(columns, rows, undefined), false)).toBe('NAME   N  WHY\netl   12  a bc\n数据   3\n');
});
