/** What schedules cost while none of them is due. */
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, CRON } from '../../shared/api/group.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { ControllerProgram } from './programs.ts';
import type { RawClient } from './raw-client.ts';
import { type TestControlPlane, withControlPlane } from './with-control-plane.ts';

/** Issue 19. */
const MAX_CPU = 0.001;

/** Time for the start, and for V8 to collect its garbage. */
const SETTLE_MS = 30_000;
const IDLE_MS = 60_000;
/** Once a year, in zones with daylight saving; none is due while this runs, unless that is on the first of a year. */
const SCHEDULE = '30 2 1 1 *';
const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Etc/UTC'] as const;

export const schedules: Benchmark = {
  name: 'schedules',
  title: 'Controller: schedules that are not due',
  description:
    'CronSequentialJobs in several time zones, none of which is due. Two controllers run at the same time from the release bundle, ' +
    'each for a namespace: one with the schedules, the baseline without. The measurement starts half a minute after all are ' +
    'observed and takes a minute. Requests are counted without watches. The target is for the difference of ' +
    'both.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const [count, settleMs, idleMs] = smoke ? [10, 0, 1_000] : [1_000, SETTLE_MS, IDLE_MS];
    return withControlPlane(log, (controlPlane) => measure(controlPlane, { count, settleMs, idleMs }));
  },
};

interface Load {
  readonly count: number;
  readonly settleMs: number;
  readonly idleMs: number;
}

async function measure(controlPlane: TestControlPlane, { count, settleMs, idleMs }: Load): Promise<readonly Row[]> {
  const { raw } = controlPlane;
  const [full, empty] = [await controlPlane.createNamespace('full'), await controlPlane.createNamespace('empty')];
  await createSchedules(raw, full, count);
  const ours = await ControllerProgram.start(controlPlane, full);
  const baseline = await ControllerProgram.start(controlPlane, empty);
  try {
    await untilObserved(raw, full);
    await sleep(settleMs);
    const both = [ours, baseline] as const;
    const programs = both.map(({ process }) => process);
    const requests = await Promise.all(both.map(requestsOf));
    const before = await Promise.all(programs.map(async (one) => one.cpuMs()));
    await sleep(idleMs);
    const after = await Promise.all(programs.map(async (one) => one.cpuMs()));
    const total = await Promise.all(both.map(requestsOf));
    const [sent = 0, baselineSent = 0] = total.map((count, i) => count - (requests[i] ?? 0));
    const [share = 0, baselineShare = 0] = after.map((ms, i) => (ms - (before[i] ?? 0)) / idleMs);
    const [mb = 0, baselineMb = 0] = await Promise.all(programs.map(async (one) => one.rssMb()));
    return [
      {
        label: `${count} schedules: CPU`,
        ours: percent(share),
        baseline: percent(baselineShare),
        ratio: (share / Math.max(baselineShare, 10 / idleMs)).toFixed(2),
        target: `≤ ${percent(MAX_CPU)} more`,
        targetMet: share - baselineShare <= MAX_CPU,
      },
      {
        label: `${count} schedules: requests in ${idleMs / 1000} s`,
        ours: String(sent),
        baseline: String(baselineSent),
        target: '0',
        targetMet: sent === 0,
      },
      {
        label: `${count} schedules: resident memory`,
        ours: `${mb.toFixed(0)} MB`,
        baseline: `${baselineMb.toFixed(0)} MB`,
      },
    ];
  } finally {
    await Promise.all([ours, baseline].map(async ({ process }) => process.kill()));
  }
}

async function createSchedules(raw: RawClient, namespace: string, count: number): Promise<void> {
  const steps = [{ name: 'only', image: 'registry.example.com/etl:1.0' }];
  const create = async (i: number): Promise<unknown> => {
    const spec = { schedule: SCHEDULE, timeZone: ZONES[i % ZONES.length], sequentialJobTemplate: { spec: { steps } } };
    const body = { apiVersion: API_VERSION, kind: CRON.kind, metadata: { name: `schedule-${i}` }, spec };
    const path = collectionPath(CRON_SEQUENTIAL_JOBS, namespace);
    return raw.send({ method: 'POST', path, body: JSON.stringify(body) });
  };
  await Promise.all(Array.from({ length: count }, (_, i) => create(i)));
}

async function untilObserved(raw: RawClient, namespace: string): Promise<void> {
  for (;;) {
    const text = await raw.send({ method: 'GET', path: collectionPath(CRON_SEQUENTIAL_JOBS, namespace) });
    const { items } = JSON.parse(text) as { readonly items: readonly { readonly status?: object }[] };
    if (items.every(({ status }) => status !== undefined)) return;
    await sleep(500);
  }
}

/** Requests since the start, without watches. */
async function requestsOf(program: ControllerProgram): Promise<number> {
  const { WATCH: _, ...others } = await program.requests();
  return Object.values(others).reduce((sum, count) => sum + count, 0);
}

const percent = (share: number): string => `${(share * 100).toFixed(3)} %`;
