/** The screen of one sequence. Pure. */
import { formatSeconds } from '../../shared/api/time.ts';
import { stepLabel } from '../../shared/api/reasons.ts';
import { printableLine } from '../../shared/printable-text.ts';
import { seconds } from './elapsed.ts';
import type { SequenceView } from './sequence-view.ts';
import { type Line, type Span, span, type Tone } from './style.ts';
import { stepTables, type StepTableOptions } from './step-tables.ts';
import { fitLine } from './table.ts';
import { wrap } from './text-width.ts';

export interface RenderOptions extends StepTableOptions {
  /** The commands to try next. */
  readonly next: readonly string[];
  /** What could not be found out. */
  readonly notes?: readonly string[];
}

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
  return [
    ...header(view, options),
    [],
    ...stepTables(view, options),
    ...output(view, options),
    ...listing('Note:', options.notes ?? [], options.width),
    ...commands(options.next),
  ];
}

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

function paragraph(text: string, width: number | undefined): readonly Line[] {
  const lines = width === undefined ? [printableLine(text)] : wrap(printableLine(text), width);
  return lines.map((line) => [span(line)]);
}

function output({ output: found }: SequenceView, { width }: RenderOptions): readonly Line[] {
  if (found === undefined) return [];
  const { step, lines } = found;
  const code = step.exitCode === undefined ? '' : ` (exit code ${step.exitCode})`;
  const title = `Last output of step ${stepLabel(step.index, step.name, step.list === 'finally')}${code}:`;
  const quoted = lines.map((line) => [span('│ ', 'quiet'), span(printableLine(line))]);
  return [[], fitLine([span(title, 'strong')], width), ...quoted.map((line) => fitLine(line, width))];
}

function listing(title: string, items: readonly string[], width: number | undefined): readonly Line[] {
  return items.length === 0 ? [] : [[], ...items.flatMap((item) => paragraph(`${title} ${item}`, width))];
}

const commands = (next: readonly string[]): readonly Line[] =>
  next.length === 0 ? [] : [[], [span('Next:', 'strong')], ...next.map((command) => [span(`  ${command}`)])];
