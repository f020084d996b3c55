/** Memory and CPU of each role while it is idle. */
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { withControlPlane } from './controller/with-control-plane.ts';
import { MeasuredProcess } from './processes.ts';
import { buildRelease, type Release } from './release.ts';
import { writeCertificate } from './webhook/certificates.ts';

/** Of a core. */
const MAX_CPU = 0.002;

/** Time for the start, and for V8 to collect its garbage. */
const SETTLE_MS = 15_000;
const IDLE_MS = 60_000;

const ROLES = ['webhook', 'controller', 'all'] as const;
type Role = (typeof ROLES)[number];

/** The log line of each role that shows that it has started. */
const STARTED_LOG: Readonly<Record<Role, RegExp>> = {
  webhook: /("webhook started")/,
  controller: /("controller started")/,
  all: /("controller started")/,
};

const MAX_MB: Readonly<Record<Role, number>> = { webhook: 65, controller: 70, all: 80 };

const IDLE_PROGRAM = 'console.log("ready"); setInterval(() => {}, 1e6)';

export const idle: Benchmark = {
  name: 'idle',
  title: 'Idle: memory and CPU',
  description:
    'Each role runs idle from the release bundle, with the Deployment’s options and flags. The measurement starts 15 s after ' +
    'the process and takes a minute: CPU time during the minute, resident memory at its end. The baseline is an idle Node process.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const { folder: certificates } = await writeCertificate(join(folder, 'certificate'));
    const flags = [`--cert-dir=${certificates}`, '--webhook-host=127.0.0.1', '--webhook-port=0', '--metrics-port=0'];
    try {
      // A smoke run measures the webhook only: it needs no cluster, whose start would take too long.
      return smoke
        ? await measure(['webhook'], await buildRelease(folder), flags, { settleMs: 0, idleMs: 200 })
        : await withControlPlane(log, async ({ kubeconfig, release }) =>
            measure(ROLES, release, [...flags, `--kubeconfig=${kubeconfig}`], { settleMs: SETTLE_MS, idleMs: IDLE_MS }),
          );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Times {
  readonly settleMs: number;
  readonly idleMs: number;
}

async function measure(
  roles: readonly Role[],
  { program, nodeOptions, env }: Release,
  flags: readonly string[],
  times: Times,
): Promise<readonly Row[]> {
  const baseline = new MeasuredProcess({ args: ['-e', IDLE_PROGRAM], nodeOptions, env });
  const ours = roles.map(
    (role) => new MeasuredProcess({ args: [program, 'run', `--role=${role}`, ...flags], nodeOptions, env }),
  );
  try {
    await baseline.untilOutput(/(ready)/);
    await Promise.all(ours.map(async (process, i) => process.untilOutput(STARTED_LOG[roles[i] ?? 'all'])));
    return await rowsOf(roles, [...ours, baseline], times);
  } finally {
    await Promise.all([baseline, ...ours].map(async (process) => process.kill()));
  }
}

/** The last process is the baseline. */
async function rowsOf(
  roles: readonly Role[],
  measured: readonly MeasuredProcess[],
  { settleMs, idleMs }: Times,
): Promise<readonly Row[]> {
  await sleep(settleMs);
  const before = await Promise.all(measured.map(async (process) => process.cpuMs()));
  await sleep(idleMs);
  const shares = await Promise.all(
    measured.map(async (process, i) => ((await process.cpuMs()) - (before[i] ?? 0)) / idleMs),
  );
  const memory = await Promise.all(measured.map(async (process) => process.rssMb()));
  return roles.flatMap((role, i) => {
    const [mb = 0, share = 0] = [memory[i], shares[i]];
    const [baselineMb = 0, baselineShare = 0] = [memory.at(-1), shares.at(-1)];
    return [
      {
        label: `${role}: resident memory`,
        ours: `${mb.toFixed(0)} MB`,
        baseline: `${baselineMb.toFixed(0)} MB`,
        target: `≤ ${MAX_MB[role]} MB`,
        targetMet: mb <= MAX_MB[role],
      },
      {
        label: `${role}: CPU`,
        ours: percent(share),
        baseline: percent(baselineShare),
        target: `≤ ${percent(MAX_CPU)}`,
        targetMet: share <= MAX_CPU,
      },
    ];
  });
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
