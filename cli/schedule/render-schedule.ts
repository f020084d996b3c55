/** The screen of one schedule. Pure. */
import { formatSeconds } from '../../shared/api/time.ts';
import { printableLine } from '../../shared/printable-text.ts';
import { seconds } from '../status/elapsed.ts';
import { phaseTone } from '../status/render-status.ts';
import { type Line, span, type Tone } from '../status/style.ts';
import { type Cell, type Column, fitLine, table } from '../status/table.ts';
import { wrap } from '../status/text-width.ts';
import type { RunView, ScheduleState, ScheduleView } from './schedule-view.ts';

export interface ScheduleOptions {
  /** Columns of the terminal; undefined where there is no limit. */
  readonly width: number | undefined;
  /** The commands to try next. */
  readonly next: readonly string[];
}

const STATE_TONES: Readonly<Record<ScheduleState, Tone>> = {
  Scheduled: 'good',
  Suspended: 'waiting',
  Unavailable: 'bad',
  Deleting: 'waiting',
};

/** No line is wider than the terminal, except for commands, which are copied as they are. */
export function renderSchedule(view: ScheduleView, options: ScheduleOptions): readonly Line[] {
  return [
    ...header(view, options.width),
    ...runs(view, options.width),
    ...times(view, options.width),
    ...(options.next.length === 0 ? [] : [[], [span('Next:')], ...options.next.map((text) => [span(`  ${text}`)])]),
  ];
}

function header(view: ScheduleView, width: number | undefined): readonly Line[] {
  const { namespace, name, state, schedule, timeZone, headline } = view;
  const title: Line = [
    span(`${namespace}/${name}`, 'strong'),
    span('  '),
    span(state, STATE_TONES[state]),
    span(printableLine(`: ${schedule} ${timeZone}, ${activity(view)}`)),
  ];
  const text = headline === undefined ? [] : wrapped(printableLine(headline), width);
  return [fitLine(title, width), ...text];
}

const wrapped = (text: string, width: number | undefined): readonly Line[] =>
  (width === undefined ? [text] : wrap(text, width)).map((line) => [span(line)]);

const activity = ({ activeCount }: ScheduleView): string =>
  activeCount === 0 ? 'no run is active' : activeCount === 1 ? '1 run is active' : `${activeCount} runs are active`;

const COLUMNS: readonly Column[] = [
  { title: 'RUN', min: 10, rank: 4 },
  { title: 'SCHEDULED', rank: 2 },
  { title: 'PHASE' },
  { title: 'STEPS' },
  { title: 'TIME', align: 'right', rank: 3 },
  { title: 'WHY', min: 10, rank: 1 },
];

function runs({ runs: shown, runCount }: ScheduleView, width: number | undefined): readonly Line[] {
  if (shown.length === 0) return [[], [span('No runs yet', 'quiet')]];
  const more = runCount - shown.length;
  const older = more === 0 ? [] : [[span(`… ${more} older ${more === 1 ? 'run' : 'runs'}`, 'quiet')]];
  return [[], ...table(COLUMNS, shown.map(cellsOf), width), ...older];
}

function cellsOf({ sequence, scheduled }: RunView): readonly Cell[] {
  const { name, phase, summary, startedAt, endedAt, now, headline, waiting } = sequence;
  const why = phase === 'Failed' ? headline : waiting === undefined ? '' : `${waiting.reason}: ${waiting.message}`;
  return [
    span(name),
    scheduled === undefined ? span('by hand', 'quiet') : span(scheduled),
    span(phase, phaseTone(phase)),
    span(summary),
    span(startedAt === undefined ? '' : formatSeconds(seconds(startedAt, endedAt ?? now))),
    span(why),
  ];
}

function times(view: ScheduleView, width: number | undefined): readonly Line[] {
  const { state, now, times: coming } = view;
  if (state !== 'Scheduled') return [];
  if (coming.length === 0) return [[], [span('No time of this schedule ever comes', 'waiting')]];
  const rows = coming.map(({ at, text }) => [span(`  ${text}`), span(`in ${formatSeconds(seconds(now, at))}`)]);
  const lines = table([{ title: 'Next times:' }, { title: '' }], rows, width).map((line) => fitLine(line, width));
  return [[], ...lines];
}
