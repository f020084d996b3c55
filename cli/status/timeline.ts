/** Bars on a common time axis. Pure. */

/** What a step did in a stretch of time; times are Unix milliseconds. */
export interface Segment {
  readonly kind: 'waiting' | 'running' | 'failed';
  readonly from: number;
  readonly to: number;
}

/** The kinds of a bar's cells; `blank`: before and after. */
export type Cell = Segment['kind'] | 'blank';

export interface Axis {
  readonly from: number;
  readonly to: number;
}

/** The axis that shows all segments; at least one second long. Undefined if there are none. */
export function axisOf(segments: readonly Segment[]): Axis | undefined {
  let [from, to] = [Infinity, -Infinity];
  for (const one of segments) {
    from = Math.min(from, one.from);
    to = Math.max(to, one.to);
  }
  return from === Infinity ? undefined : { from, to: Math.max(to, from + 1000) };
}

/** For equal shares of a cell: a failure is shown before a success, and anything before waiting. */
const ORDER = ['failed', 'running', 'waiting'] as const;

/**
 * The cells of a bar. A cell shows what took most of its time. A segment that is shorter than a cell, other than
 * waiting, still gets one, unless another such segment has it.
 */
export function cells(segments: readonly Segment[], axis: Axis, width: number): readonly Cell[] {
  const size = (axis.to - axis.from) / width;
  const at = (time: number): number => Math.min(width - 1, Math.max(0, Math.floor((time - axis.from) / size)));
  const result: Cell[] = Array.from({ length: width }, (_, cell) => {
    const start = axis.from + cell * size;
    return mostOf(segments, start, start + size);
  });
  for (const { kind, from, to } of segments) {
    const first = at(from);
    // The end belongs to no cell after it.
    const isShown = result.slice(first, Math.max(first + 1, at(to) + 1)).includes(kind);
    if (!isShown && (kind !== 'waiting' || result.every((cell) => cell === 'blank'))) {
      const place = [first, at(to)].find((cell) => result[cell] === 'blank' || result[cell] === 'waiting');
      if (place !== undefined) result[place] = kind;
    }
  }
  return result;
}

/** The kind with the largest share of this time, if together they take half of it. */
function mostOf(segments: readonly Segment[], start: number, end: number): Cell {
  const shares = { failed: 0, running: 0, waiting: 0 };
  for (const { kind, from, to } of segments) {
    shares[kind] += Math.max(0, Math.min(to, end) - Math.max(from, start));
  }
  const largest = ORDER.toSorted((a, b) => shares[b] - shares[a])[0] ?? 'waiting';
  const busy = shares.failed + shares.running + shares.waiting;
  return busy < (end - start) / 2 ? 'blank' : largest;
}
