/** `sequentialjob watch`: `status`, live, until the sequence has ended. Without a terminal: a line for each change. */
import { clearScreenDown, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import type { Followed } from './cluster/follow.ts';
import { connectionReport, LOST } from './cluster/connection-report.ts';
import { podsDenied } from './cluster/follow.ts';
import { type CommandContext, invocationOf } from './command-context.ts';
import { withoutPodsNote } from './status.ts';
import { changes } from './status/changes.ts';
import { nextCommands } from './status/next-commands.ts';
import { renderStatus } from './status/render-status.ts';
import type { SequenceView } from './status/sequence-view.ts';
import { toSequenceView } from './status/sequence-view.ts';
import { type Line, paint, paintAll } from './status/style.ts';
import { loadWidths, widthOf } from './status/text-width.ts';
import { RESULT } from './exit-codes.ts';
import { followToEnd, type WaitFlags } from './wait.ts';

/** Elapsed times and bars move on. */
const TICK_MS = 1_000;

/** Resolves with the exit code, as of `wait`. Rejects with CommandError if the sequence cannot be read. */
export async function watch(name: string, flags: WaitFlags, context: CommandContext): Promise<number> {
  return context.terminal.size === undefined ? watchInLines(name, flags, context) : watchOnScreen(name, flags, context);
}

async function watchInLines(name: string, flags: WaitFlags, context: CommandContext): Promise<number> {
  const { terminal } = context;
  let before: SequenceView | undefined;
  const report = connectionReport((line) => terminal.error(line));
  const { code, text } = await followToEnd(name, flags, context, (view, followed) => {
    void terminal.print(changes(before, view));
    report(followed.isConnected);
    before = view;
  });
  // The last line on standard output says how it ended, unless that was not the sequence's doing.
  if (text !== undefined && (code === RESULT.timedOut || code === RESULT.unknown)) terminal.error(text);
  return code;
}

async function watchOnScreen(name: string, flags: WaitFlags, context: CommandContext): Promise<number> {
  const { terminal } = context;
  await loadWidths();
  const screen = new Screen(context);
  const invocation = { ...invocationOf(flags, context), isWatching: true };
  let last: Followed | undefined;
  const linesOf = (view: SequenceView, followed: Followed, maxSteps?: number): readonly Line[] =>
    renderStatus(view, {
      width: terminal.size?.columns,
      next: followed.isDeleted ? [] : nextCommands(view, invocation),
      notes: notesOf(view, followed),
      ...(maxSteps === undefined ? {} : { maxSteps }),
    });
  const redraw = (): void => {
    if (last === undefined) return;
    const followed = last;
    const view = toSequenceView(followed.object, followed.pods, context.now());
    screen.draw((maxSteps) => linesOf(view, followed, maxSteps), view.steps.length);
  };
  const stopping = new AbortController();
  const timer = setInterval(redraw, TICK_MS);
  terminal.onResize(redraw, stopping.signal);
  try {
    const { code, text, view } = await followToEnd(name, flags, context, (_, followed) => {
      last = followed;
      redraw();
    });
    if (last !== undefined) screen.finish(linesOf(view, last));
    if (text !== undefined && (code === RESULT.timedOut || code === RESULT.unknown)) terminal.error(text);
    return code;
  } finally {
    clearInterval(timer);
    stopping.abort();
  }
}

function notesOf({ namespace }: SequenceView, { pods, isConnected }: Followed): readonly string[] {
  return [
    ...(isConnected ? [] : [LOST]),
    ...(pods === undefined ? [withoutPodsNote(podsDenied(namespace).message)] : []),
  ];
}

/** The lines that were drawn last, which the next ones replace. */
class Screen {
  readonly #context: CommandContext;
  #drawn: readonly Line[] = [];

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** Draws as many steps as the terminal has lines for. */
  draw(render: (maxSteps?: number) => readonly Line[], steps: number): void {
    const rows = (this.#context.terminal.size?.rows ?? Infinity) - 1;
    const whole = render();
    const excess = whole.length - rows;
    // Two more lines say how many steps are not shown.
    const fitting = excess > 0 ? render(Math.max(1, steps - excess - 2)) : whole;
    this.#replace(fitting.slice(0, Math.max(1, rows)));
  }

  /** Draws everything: the terminal scrolls. */
  finish(lines: readonly Line[]): void {
    this.#replace(lines);
  }

  #replace(lines: readonly Line[]): void {
    const { terminal } = this.#context;
    void terminal.write(`${cursorToStart(this.#drawnRows())}${paintAll(lines, terminal.hasColor)}`);
    this.#drawn = lines;
  }

  /** In a terminal that has become narrower, lines take more rows than before. */
  #drawnRows(): number {
    const columns = this.#context.terminal.size?.columns ?? Infinity;
    return this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(paint(line, false)) / columns)), 0);
  }
}

/** The control sequences that move the cursor up by so many rows and clear what is below. */
function cursorToStart(rows: number): string {
  if (rows === 0) return '';
  let text = '';
  const collector = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      text += chunk;
      done();
    },
  });
  moveCursor(collector, -10_000, -rows);
  clearScreenDown(collector);
  return text;
}
