/** The steps of a sequence and those of `finally` as one table, with bars on a common time axis. Pure. */
import { formatSeconds } from '../../shared/api/time.ts';
import { seconds } from './elapsed.ts';
import type { SequenceView } from './sequence-view.ts';
import { type Line, type Span, span, type Tone } from './style.ts';
import type { ShownState, StepView } from './step-view.ts';
import { type Cell, type Column, fitColumns, fitLine, table, totalOf } from './table.ts';
import { widthOf } from './text-width.ts';
import { type Axis, axisOf, type Cell as BarCell, cells, type Segment } from './timeline.ts';

export interface StepTableOptions {
  /** Columns of the terminal; undefined where there is no limit. */
  readonly width: number | undefined;
  /** Adds columns: the start of each step, and its Job. The bar gives way to them. */
  readonly isWide?: boolean;
  /** Shows at most so many steps of each list, those around the current one. Absent: all. */
  readonly maxSteps?: number;
}

const STATE_TONES: Readonly<Record<ShownState, Tone>> = {
  Succeeded: 'good',
  Failed: 'bad',
  Skipped: 'quiet',
  Running: 'busy',
  Starting: 'busy',
  Retrying: 'waiting',
  Waiting: 'waiting',
  Stopping: 'waiting',
  Suspended: 'waiting',
  Pending: 'quiet',
  'Not run': 'quiet',
};

const COLUMNS: readonly Column[] = [
  { title: '#', align: 'right', rank: 3 },
  { title: 'STEP', min: 8, rank: 2 },
  { title: 'STATE' },
  { title: 'TRIES', align: 'right', rank: 4 },
  { title: 'TIME', align: 'right', rank: 5 },
  { title: 'EXIT', align: 'right', rank: 6 },
  { title: 'REASON', min: 8, rank: 1 },
];
const WIDE: readonly Column[] = [
  { title: 'STARTED', rank: 0 },
  { title: 'JOB', min: 12, rank: 0.5 },
];
/** The bar stands behind TIME. */
const BAR_AT = 5;
const BAR = { min: 10, max: 60, unlimited: 40 } as const;

export function stepTables(view: SequenceView, options: StepTableOptions): readonly Line[] {
  const { width, isWide = false } = options;
  const lists = [view.steps, view.finally].map((list) => around(list, view.current, options.maxSteps));
  const shown = lists.flatMap((list) => list.shown);
  const columns = isWide ? [...COLUMNS, ...WIDE] : COLUMNS;
  const rows = shown.map((step) => cellsOf(step, isWide));
  const axis = axisOf([...view.steps, ...view.finally].flatMap(extentOf));
  const barWidth = axis === undefined ? 0 : barWidthFor(columns, rows, options);
  const bars = axis === undefined || barWidth === 0 ? [] : shown.map(({ segments }) => cells(segments, axis, barWidth));
  const withBar = <T>(list: readonly T[], one: T): readonly T[] =>
    barWidth === 0 ? list : [...list.slice(0, BAR_AT), one, ...list.slice(BAR_AT)];
  const [titles = [], ...lines] = table(
    withBar(columns, { title: axisTitle(axis, barWidth) }),
    rows.map((row, at) => withBar<Cell>(row, barSpans(bars[at] ?? []))),
    width,
  );
  const count = lists[0]?.shown.length ?? 0;
  return [
    titles,
    ...withRest(lists[0], lines.slice(0, count)),
    ...(view.finally.length === 0 ? [] : [[], [span('finally', 'strong')]]),
    ...withRest(lists[1], lines.slice(count)),
    ...legend(bars.flat(), width),
  ];
}

/** What the axis shows of a step, also where its bar is empty. */
const extentOf = ({ segments, startedAt, endedAt = startedAt }: StepView): readonly Segment[] =>
  startedAt === undefined || endedAt === undefined
    ? segments
    : [...segments, { kind: 'running', from: startedAt, to: endedAt }];

/** A part of a list, and how many steps there are before and after. */
interface Part {
  readonly shown: readonly StepView[];
  readonly before: number;
  readonly after: number;
}

/** The part of the steps that fits; the current step, or else the last failed one, is in its middle. */
function around(steps: readonly StepView[], current: StepView | undefined, max = Infinity): Part {
  if (steps.length <= max) return { shown: steps, before: 0, after: 0 };
  const count = Math.max(1, max);
  const middle = steps.findLastIndex((step) => step === current || (current === undefined && step.state === 'Failed'));
  const from = Math.min(Math.max(0, middle - Math.floor(count / 2)), steps.length - count);
  return { shown: steps.slice(from, from + count), before: from, after: steps.length - from - count };
}

function withRest(
  { before, after }: Part = { shown: [], before: 0, after: 0 },
  lines: readonly Line[],
): readonly Line[] {
  const more = (count: number, what: string): readonly Line[] =>
    count === 0 ? [] : [[span(`… ${count} ${what} ${count === 1 ? 'step' : 'steps'}`, 'quiet')]];
  return [...more(before, 'earlier'), ...lines, ...more(after, 'later')];
}

/** 0: there is no room for a bar. */
function barWidthFor(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width, isWide = false }: StepTableOptions,
): number {
  if (width === undefined) return BAR.unlimited;
  const natural = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => widthOf((row[at] as Span).text))),
  );
  const others = totalOf(isWide ? natural : fitColumns(columns, natural, width - BAR.min - 2));
  const left = width - others - 2;
  return left < BAR.min ? 0 : Math.min(BAR.max, left);
}

/** `0s     5m2s` over the ends of the bar. */
function axisTitle(axis: Axis | undefined, width: number): string {
  const end = axis === undefined ? '' : formatSeconds(seconds(axis.from, axis.to));
  return `0s${end.padStart(width - 2)}`;
}

function cellsOf(step: StepView, isWide: boolean): readonly Cell[] {
  const { index, name, state, attempts, maxAttempts, startedAt, exitCode, reason, isIgnored, jobName = '' } = step;
  const tone = STATE_TONES[state];
  const started = startedAt === undefined ? '' : new Date(startedAt).toISOString().replace('.000Z', 'Z');
  const row = [
    span(String(index), 'quiet'),
    span(name),
    span(state, tone),
    span(attempts === undefined ? '' : `${attempts}/${maxAttempts}`),
    span(durationOf(step)),
    span(exitCode === undefined ? '' : String(exitCode)),
    span([reason, isIgnored ? '(ignored)' : undefined].filter(Boolean).join(' ')),
  ];
  return isWide ? [...row, span(started), span(jobName)] : row;
}

function durationOf({ startedAt, endedAt, segments }: StepView): string {
  const to = endedAt ?? segments.at(-1)?.to;
  return startedAt === undefined || to === undefined ? '' : formatSeconds(seconds(startedAt, to));
}

/** The kinds look different without colors, too. */
const GLYPHS: Readonly<Record<BarCell, { readonly glyph: string; readonly tone: Tone; readonly means: string }>> = {
  running: { glyph: '█', tone: 'busy', means: 'running' },
  failed: { glyph: '▒', tone: 'bad', means: 'failed attempt' },
  waiting: { glyph: '·', tone: 'waiting', means: 'waiting' },
  blank: { glyph: ' ', tone: 'plain', means: '' },
};

/** One span for cells of one kind that follow each other. */
function barSpans(bar: readonly BarCell[]): Line {
  const spans: Span[] = [];
  for (const cell of bar) {
    const { glyph, tone } = GLYPHS[cell];
    const last = spans.at(-1);
    if (last?.text.endsWith(glyph) === true) spans[spans.length - 1] = span(last.text + glyph, tone);
    else spans.push(span(glyph, tone));
  }
  return spans;
}

/** What the cells mean that are drawn. */
function legend(drawn: readonly BarCell[], width: number | undefined): readonly Line[] {
  const kinds = new Set(drawn);
  const entries = (['running', 'failed', 'waiting'] as const).filter((kind) => kinds.has(kind));
  if (entries.length === 0) return [];
  const spans = entries.flatMap((kind) => {
    const { glyph, tone, means } = GLYPHS[kind];
    return [span(glyph, tone), span(` ${means}   `, 'quiet')];
  });
  return [fitLine(spans, width)];
}
