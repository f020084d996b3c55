/** Tables that fit a width: columns give way in a given order. Pure. */
import { printableLine } from '../../shared/printable-text.ts';
import { type Line, type Span, span } from './style.ts';
import { fit, pad, widthOf } from './text-width.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** The least width to which the column is cut; absent: it is not cut. */
  readonly min?: number;
  /** The columns with the lowest number give way first: they are cut, then left out. Absent: it always stays. */
  readonly rank?: number;
}

/** Text that is cut to the width of the column, or spans that have it. */
export type Cell = Span | Line;

const GAP = '  ';

/** The lines of a table with its titles. `width`: undefined for no limit. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number | undefined,
): readonly Line[] {
  const widths = fitColumns(
    columns,
    columns.map(({ title }, at) => Math.max(widthOf(title), ...rows.map((row) => widthOfCell(row[at])))),
    width,
  );
  const titles = columns.map(({ title }) => span(title, 'quiet'));
  return [titles, ...rows].map((row) => lineOf(row, columns, widths));
}

function lineOf(row: readonly Cell[], columns: readonly Column[], widths: readonly number[]): Line {
  return columns.flatMap(({ align }, at): readonly Span[] => {
    const width = widths[at] ?? 0;
    if (width === 0) return [];
    const isLast = widths.slice(at + 1).every((one) => one === 0);
    return [...padded(row[at] ?? span(''), width, align), ...(isLast ? [] : [span(GAP)])];
  });
}

/** The line, cut to the width. */
export function fitLine(line: Line, width: number | undefined): Line {
  if (width === undefined) return line;
  let left = width;
  return line.map(({ text, tone }) => {
    const shown = fit(text, left);
    left -= widthOf(shown);
    return span(shown, tone);
  });
}

const isLine = (cell: Cell): cell is Line => Array.isArray(cell);

const widthOfCell = (cell: Cell | undefined): number =>
  cell === undefined
    ? 0
    : isLine(cell)
      ? cell.reduce((sum, { text }) => sum + widthOf(text), 0)
      : widthOf(printableLine(cell.text));

const padded = (cell: Cell, width: number, align: Column['align']): Line =>
  isLine(cell)
    ? [...cell, span(' '.repeat(Math.max(0, width - widthOfCell(cell))))]
    : [span(pad(printableLine(cell.text), width, align), cell.tone)];

/** The widths of the columns; 0 for those that are left out. */
export function fitColumns(
  columns: readonly Column[],
  natural: readonly number[],
  width: number | undefined,
): readonly number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  const order = columns
    .flatMap(({ rank, min }, at) => (rank === undefined ? [] : [{ rank, min, at }]))
    .toSorted((a, b) => a.rank - b.rank);
  for (const { min, at } of order) {
    const excess = totalOf(widths) - width;
    const now = widths[at] ?? 0;
    if (excess > 0 && min !== undefined) widths[at] = Math.max(Math.min(min, now), now - excess);
  }
  for (const { at } of order) if (totalOf(widths) > width) widths[at] = 0;
  return widths;
}

/** The width of a row. */
export function totalOf(widths: readonly number[]): number {
  const shown = widths.filter((one) => one > 0);
  return shown.reduce((sum, one) => sum + one, 0) + GAP.length * Math.max(0, shown.length - 1);
}
