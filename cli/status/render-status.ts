/** The screen of one sequence. Pure. */
import { formatSeconds } from '../../shared/api/time.ts';
import { printableLine } from '../../shared/printable-text.ts';
import type { SequenceView } from './sequence-view.ts';
import { type Line, type Span, span, type Tone } from './style.ts';
import type { ShownState, StepView } from './step-view.ts';
import { type Cell, type Column, fitColumns, table, totalOf } from './table.ts';
import { fit, widthOf, wrap } from './text-width.ts';
import { type Axis, axisOf, type Cell as BarCell, cells, type Segment } from './timeline.ts';

export interface RenderOptions {
  /** Columns of the terminal; undefined where there is no limit. */
  readonly width: number | undefined;
  /** Adds columns: the start of each step, and its Job. */
  readonly isWide?: boolean;
  /** The commands to try next. */
  readonly next: readonly string[];
  /** What could not be found out. */
  readonly notes?: readonly string[];
  /** Shows at most so many steps, those around the current one. Absent: all. */
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
  Suspended: 'waiting',
  Pending: 'quiet',
  'Not run': 'quiet',
};

const PHASE_TONES: Readonly<Record<string, Tone>> = {
  Completed: 'good',
  Failed: 'bad',
  Running: 'busy',
  Finishing: 'busy',
  Suspended: 'waiting',
  Deleting: 'waiting',
};

export const phaseTone = (phase: string): Tone => PHASE_TONES[phase] ?? 'plain';

/** No line is wider than the terminal, except for commands, which are copied as they are. */
export function renderStatus(view: SequenceView, options: RenderOptions): readonly Line[] {
  const axis = axisOf([...view.steps, ...view.finally].flatMap(extentOf));
  return [
    ...header(view, options),
    [],
    ...stepTable(view.steps, axis, options, view.current),
    ...(view.finally.length === 0 ? [] : [[], [span('finally', 'strong')]]),
    ...(view.finally.length === 0 ? [] : stepTable(view.finally, axis, options, view.current)),
    ...legend(view, axis, options),
    ...output(view, options),
    ...listing('Note:', options.notes ?? [], options.width),
    ...commands(options.next),
  ];
}

/** What the axis shows of a step, also where its bar is empty. */
const extentOf = ({ segments, startedAt, endedAt = startedAt }: StepView): readonly Segment[] =>
  startedAt === undefined || endedAt === undefined
    ? segments
    : [...segments, { kind: 'running', from: startedAt, to: endedAt }];

function header(view: SequenceView, { width }: RenderOptions): readonly Line[] {
  const title = `${view.namespace}/${view.name}`;
  const rest = [sinceText(view), `${view.summary} steps done`, resumedText(view.resumes)].filter(Boolean).join(', ');
  const first = fitLine([span(title, 'strong'), span('  '), phaseSpan(view), span(` ${rest}`)], width);
  const waiting = view.waiting?.message ?? '';
  const sentences = [
    view.headline,
    view.headline.includes(waiting) ? '' : `Waiting: ${waiting}`,
    view.isResumePending ? 'A resume was requested and has not begun' : '',
  ];
  return [first, ...sentences.filter(Boolean).flatMap((text) => paragraph(text, width))];
}

const phaseSpan = ({ phase }: SequenceView): Span => span(phase, phaseTone(phase));

function sinceText({ phase, since, startedAt, endedAt, now }: SequenceView): string {
  const ago = since === undefined ? '' : formatSeconds(seconds(since, now));
  if (phase !== 'Completed' && phase !== 'Failed') return ago === '' ? '' : `for ${ago}`;
  const took =
    startedAt === undefined || endedAt === undefined ? '' : ` after ${formatSeconds(seconds(startedAt, endedAt))}`;
  return `${ago === '' ? '' : `${ago} ago`}${took}`.trim();
}

const resumedText = (resumes: number): string =>
  resumes === 0 ? '' : resumes === 1 ? 'resumed once' : `resumed ${resumes} times`;

/** Whole seconds, never negative: clocks differ. */
export const seconds = (from: number, to: number): number => Math.max(0, Math.round((to - from) / 1000));

function paragraph(text: string, width: number | undefined): readonly Line[] {
  const lines = width === undefined ? [printableLine(text)] : wrap(printableLine(text), width);
  return lines.map((line) => [span(line)]);
}

function fitLine(line: Line, width: number | undefined): Line {
  if (width === undefined) return line;
  let left = width;
  return line.map(({ text, tone }) => {
    const shown = fit(text, left);
    left -= widthOf(shown);
    return span(shown, tone);
  });
}

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

function stepTable(
  steps: readonly StepView[],
  axis: Axis | undefined,
  options: RenderOptions,
  current: StepView | undefined,
): readonly Line[] {
  const { width, isWide = false } = options;
  const columns = isWide ? [...COLUMNS, ...WIDE] : COLUMNS;
  const { shown, before, after } = around(steps, current, options.maxSteps);
  const rows = shown.map((step) => cellsOf(step, isWide));
  const barWidth = axis === undefined ? 0 : barWidthFor(columns, rows, width);
  const withBar = <T>(list: readonly T[], one: T): readonly T[] =>
    barWidth === 0 ? list : [...list.slice(0, BAR_AT), one, ...list.slice(BAR_AT)];
  const bars = shown.map(({ segments }) =>
    axis === undefined ? [] : barSpans(cells(segments, axis, Math.max(1, barWidth))),
  );
  const lines = table(
    withBar(columns, { title: axisTitle(axis, barWidth) }),
    rows.map((row, at) => withBar<Cell>(row, bars[at] ?? [])),
    width,
  );
  const more = (count: number, what: string): readonly Line[] =>
    count === 0 ? [] : [[span(`… ${count} ${what} ${count === 1 ? 'step' : 'steps'}`, 'quiet')]];
  return [...lines.slice(0, 1), ...more(before, 'earlier'), ...lines.slice(1), ...more(after, 'later')];
}

/** The part of the steps that fits; the current step, or else the last failed one, is in its middle. */
function around(
  steps: readonly StepView[],
  current: StepView | undefined,
  max = Infinity,
): {
  readonly shown: readonly StepView[];
  readonly before: number;
  readonly after: number;
} {
  if (steps.length <= max) return { shown: steps, before: 0, after: 0 };
  const count = Math.max(1, max);
  const middle = steps.findLastIndex((step) => step === current || (current === undefined && step.state === 'Failed'));
  const from = Math.min(Math.max(0, middle - Math.floor(count / 2)), steps.length - count);
  return { shown: steps.slice(from, from + count), before: from, after: steps.length - from - count };
}

function barWidthFor(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number | undefined,
): number {
  if (width === undefined) return BAR.unlimited;
  const natural = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => widthOf((row[at] as Span).text))),
  );
  const others = totalOf(fitColumns(columns, natural, width - BAR.min - 2));
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

function legend(
  { steps, finally: last }: SequenceView,
  axis: Axis | undefined,
  { width }: RenderOptions,
): readonly Line[] {
  if (axis === undefined) return [];
  const kinds = new Set([...steps, ...last].flatMap(({ segments }) => segments.map(({ kind }) => kind)));
  const entries = (['running', 'failed', 'waiting'] as const).filter((kind) => kinds.has(kind));
  const spans = entries.flatMap((kind) => {
    const { glyph, tone, means } = GLYPHS[kind];
    return [span(glyph, tone), span(` ${means}   `, 'quiet')];
  });
  return [fitLine(spans, width)];
}

function output({ output: found }: SequenceView, { width }: RenderOptions): readonly Line[] {
  if (found === undefined) return [];
  const { step, lines } = found;
  const code = step.exitCode === undefined ? '' : ` (exit code ${step.exitCode})`;
  const title = `Last output of step ${step.index} (${step.name})${code}:`;
  const quoted = lines.map((line) => [span('│ ', 'quiet'), span(printableLine(line))]);
  return [[], fitLine([span(title, 'strong')], width), ...quoted.map((line) => fitLine(line, width))];
}

function listing(title: string, items: readonly string[], width: number | undefined): readonly Line[] {
  return items.length === 0 ? [] : [[], ...items.flatMap((item) => paragraph(`${title} ${item}`, width))];
}

const commands = (next: readonly string[]): readonly Line[] =>
  next.length === 0 ? [] : [[], [span('Next:', 'strong')], ...next.map((command) => [span(`  ${command}`)])];
