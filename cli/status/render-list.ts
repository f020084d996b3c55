/** The table of several sequences. Pure. */
import { formatSeconds } from '../../shared/api/time.ts';
import { seconds } from './elapsed.ts';
import { phaseTone } from './render-status.ts';
import type { SequenceView } from './sequence-view.ts';
import { type Line, span } from './style.ts';
import { type Cell, type Column, table } from './table.ts';

export interface ListOptions {
  readonly width: number | undefined;
  readonly hasNamespaces: boolean;
  readonly isWide: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'NAME', min: 10, rank: 2 },
  { title: 'PHASE' },
  { title: 'STEPS' },
  { title: 'CURRENT', min: 8, rank: 3 },
  { title: 'TIME', align: 'right', rank: 4 },
  { title: 'AGE', align: 'right', rank: 5 },
];
const NAMESPACE: Column = { title: 'NAMESPACE', min: 8, rank: 2.5 };
const WIDE: readonly Column[] = [
  { title: 'RESUMES', align: 'right', rank: 0 },
  { title: 'STARTED', rank: 0 },
];
const WHY: Column = { title: 'WHY', min: 10, rank: 1 };

export function renderList(views: readonly SequenceView[], options: ListOptions): readonly Line[] {
  const { hasNamespaces, isWide, width } = options;
  const columns = [...(hasNamespaces ? [NAMESPACE] : []), ...COLUMNS, ...(isWide ? WIDE : []), WHY];
  return table(
    columns,
    views.map((view) => cellsOf(view, options)),
    width,
  );
}

function cellsOf(view: SequenceView, { hasNamespaces, isWide }: ListOptions): readonly Cell[] {
  const { namespace, name, phase, summary, current, startedAt, endedAt, createdAt, now } = view;
  const time = startedAt === undefined ? '' : formatSeconds(seconds(startedAt, endedAt ?? now));
  const age = createdAt === undefined ? '' : formatSeconds(seconds(createdAt, now));
  const started = startedAt === undefined ? '' : new Date(startedAt).toISOString().replace('.000Z', 'Z');
  return [
    ...(hasNamespaces ? [span(namespace)] : []),
    span(name),
    span(phase, phaseTone(phase)),
    span(summary),
    span(current === undefined ? '' : current.name),
    span(time),
    span(age),
    ...(isWide ? [span(String(view.resumes)), span(started)] : []),
    span(whyOf(view)),
  ];
}

/** What it waits for, or why it failed. */
function whyOf({ phase, waiting, headline, current, isSuspending }: SequenceView): string {
  if (phase === 'Failed' || isSuspending) return headline;
  if (waiting !== undefined) return `${waiting.reason}: ${waiting.message}`;
  return current?.state === 'Retrying' ? `${current.name} is tried again` : '';
}
