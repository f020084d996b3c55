/** The rows of the table of `scale`. */
import type { Row } from '../benchmark.ts';
import { HANDOFF_TARGET } from '../controller/handoff.ts';
import { percentile } from '../percentiles.ts';
import type { ListTimes } from './server.ts';
import type { HandOff, Layout } from './world.ts';

/** Hand-offs of Jobs that were completed before a controller began to work. */
interface Early {
  readonly handOffs: readonly HandOff[];
  readonly worksMs: number;
}

/** A change of leader; times since the signal to the old one. */
export interface HandOver {
  readonly signal: 'SIGTERM' | 'SIGKILL';
  readonly leadsMs: number;
  readonly worksMs: number;
  readonly early: Early;
}

export interface Measured {
  readonly startMs: number;
  readonly lists: ListTimes;
  readonly blockMs: number;
  readonly early: Early;
  readonly steady: readonly HandOff[];
  readonly rssMb: number;
  readonly heapBytes: number;
  readonly handOvers: readonly HandOver[];
}

export interface Cases {
  /** Without finished sequences. */
  readonly none: Measured;
  readonly all: Measured;
  /** With most of the finished sequences in one namespace. */
  readonly uneven: Measured;
  readonly layout: Layout;
  readonly inLargeNamespace: number;
}

const TARGET_KB = 8;
/** A leader renews its Lease every two seconds. */
const MAX_BLOCK_MS = 1_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const count = (n: number): string => n.toLocaleString('en-US');

export function rowsOf({ none, all, uneven, layout, inLargeNamespace }: Cases): readonly Row[] {
  const { finished } = layout;
  const perFinished = (all.heapBytes - none.heapBytes) / finished;
  const json = (all.lists.bytes - none.lists.bytes) / finished;
  const listed = ({ lists }: Measured): string =>
    `${seconds(lists.toMs - lists.fromMs)}, ${(lists.bytes / 1e6).toFixed(0)} MB`;
  return [
    row('start: until it works', all, none, ({ startMs }) => seconds(startMs)),
    row('start: of that the lists', all, none, listed),
    {
      ...row('start: longest block of the event loop', all, none, ({ blockMs }) => `${blockMs.toFixed(0)} ms`),
      target: `≤ ${MAX_BLOCK_MS} ms`,
      targetMet: all.blockMs <= MAX_BLOCK_MS,
    },
    ...all.handOvers.flatMap((one, i) => handOverRows(one, none.handOvers[i])),
    {
      label: 'heap per finished sequence',
      ours: `${(perFinished / 1000).toFixed(1)} KB`,
      baseline: `${(json / 1000).toFixed(1)} KB of JSON`,
      target: `≤ ${TARGET_KB} KB`,
      targetMet: perFinished <= TARGET_KB * 1000,
    },
    row('heap', all, none, ({ heapBytes }) => `${(heapBytes / 1e6).toFixed(0)} MB`),
    row('resident memory', all, none, ({ rssMb }) => `${rssMb.toFixed(0)} MB`),
    ...steadyRows('hand-off', all.steady, none.steady),
    ...earlyRows('hand-off, start', all.early, none.early),
    ...all.handOvers.flatMap(({ signal, early }, i) =>
      earlyRows(`hand-off, ${signal}`, early, none.handOvers[i]?.early),
    ),
    ...unevenRows(uneven, all, inLargeNamespace),
  ];
}

export function heapLimitRow(sufficient: number, tooMany: number): Row {
  return {
    label: 'finished sequences for which the Deployment’s 320 MB of heap suffice',
    ours: `${count(sufficient)}, not ${count(tooMany)}`,
    baseline: '–',
  };
}

function row(label: string, all: Measured, none: Measured, format: (one: Measured) => string): Row {
  return { label, ours: format(all), baseline: format(none) };
}

function handOverRows({ signal, leadsMs, worksMs }: HandOver, none: HandOver | undefined): readonly Row[] {
  return [
    {
      label: `${signal}: until the standby leads, and works`,
      ours: `${seconds(leadsMs)}, ${seconds(worksMs)}`,
      baseline: none === undefined ? '–' : `${seconds(none.leadsMs)}, ${seconds(none.worksMs)}`,
    },
  ];
}

const durations = (handOffs: readonly HandOff[]): readonly number[] =>
  handOffs.map(({ completedMs, createdMs }) => createdMs - completedMs);

function steadyRows(label: string, ours: readonly HandOff[], baseline: readonly HandOff[]): readonly Row[] {
  return (['p50', 'p99'] as const).map((name) => {
    const [own, other] = [ours, baseline].map((all) => percentile(durations(all), name === 'p50' ? 0.5 : 0.99));
    const ratio = (own ?? NaN) / (other ?? NaN);
    return {
      label: `${label}, ${name}`,
      ours: `${own?.toFixed(1)} ms`,
      baseline: `${other?.toFixed(1)} ms`,
      ratio: ratio.toFixed(2),
      target: `≤ ${HANDOFF_TARGET[name]}`,
      targetMet: ratio <= HANDOFF_TARGET[name],
    };
  });
}

const p50AndP99 = (ms: readonly number[]): string =>
  ms.length === 0 ? 'none' : `${seconds(percentile(ms, 0.5))}, ${seconds(percentile(ms, 0.99))}`;

const sinceWork = ({ handOffs, worksMs }: Early): readonly number[] =>
  handOffs.map(({ createdMs }) => createdMs - worksMs);

function earlyRows(label: string, ours: Early, baseline: Early | undefined): readonly Row[] {
  const none = baseline ?? { handOffs: [], worksMs: 0 };
  return [
    {
      label: `${label}: p50, p99 since the Job’s completion`,
      ours: p50AndP99(durations(ours.handOffs)),
      baseline: p50AndP99(durations(none.handOffs)),
    },
    {
      label: `${label}: p50, p99 since the controller works`,
      ours: p50AndP99(sinceWork(ours)),
      baseline: p50AndP99(sinceWork(none)),
    },
  ];
}

/** The baseline is the case with evenly spread sequences. */
function unevenRows(uneven: Measured, even: Measured, inLargeNamespace: number): readonly Row[] {
  return [false, true].flatMap((isLarge) => {
    const own = (all: readonly HandOff[]): readonly HandOff[] =>
      all.filter(({ isInLargeNamespace }) => isInLargeNamespace === isLarge);
    const label = `${count(inLargeNamespace)} of them in one namespace: hand-off in ${isLarge ? 'it' : 'the others'}`;
    const { handOffs, worksMs } = uneven.early;
    const early = earlyRows(`${label}, start`, { handOffs: own(handOffs), worksMs }, even.early);
    return steadyRows(label, own(uneven.steady), even.steady).concat(early);
  });
}
