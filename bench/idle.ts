/** What each role takes while there is nothing to do. */
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { inWorld } from './controller/world.ts';
import { Measured } from './processes.ts';
import { buildRelease, type Release } from './release.ts';
import { writeCertificate } from './webhook/certificates.ts';

/** Issue 7. */
const MOST_MB = 75;
const MOST_CPU = 0.002;

/** The start is over, and what it left behind has been collected or never will be. */
const SETTLE_MS = 15_000;
const IDLE_MS = 60_000;

const ROLES = ['webhook', 'controller', 'all'] as const;
type Role = (typeof ROLES)[number];

/** What each says when it does its work. */
const STARTED: Readonly<Record<Role, RegExp>> = {
  webhook: /("webhook started")/,
  controller: /("controller started")/,
  all: /("controller started")/,
};

const BARE = 'console.log("ready"); setInterval(() => {}, 1e6)';

export const idle: Benchmark = {
  name: 'idle',
  title: 'Idle: memory and CPU',
  about:
    'Each role from the release bundle with the Deployment’s options and flags, with nothing to do, over a minute that ' +
    'begins 15 s after the start: resident memory at its end, processor time in it. The floor is a Node process that waits.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const { folder: certificates } = await writeCertificate(join(folder, 'certificate'));
    const flags = [`--cert-dir=${certificates}`, '--webhook-host=127.0.0.1', '--webhook-port=0', '--metrics-port=0'];
    try {
      // The webhook needs no cluster, and a cluster takes longer to start than a smoke run may.
      return smoke
        ? await measure(['webhook'], await buildRelease(folder), flags, { settleMs: 0, idleMs: 200 })
        : await inWorld(log, async ({ kubeconfig, release }) =>
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
  const bare = new Measured({ args: ['-e', BARE], nodeOptions, env });
  const ours = roles.map(
    (role) => new Measured({ args: [program, 'run', `--role=${role}`, ...flags], nodeOptions, env }),
  );
  try {
    await bare.untilSays(/(ready)/);
    await Promise.all(ours.map(async (process, i) => process.untilSays(STARTED[roles[i] ?? 'all'])));
    return await rowsOf(roles, [...ours, bare], times);
  } finally {
    await Promise.all([bare, ...ours].map(async (process) => process.kill()));
  }
}

/** The last of the processes is the floor. */
async function rowsOf(
  roles: readonly Role[],
  measured: readonly Measured[],
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
    const [floorMb = 0, floorShare = 0] = [memory.at(-1), shares.at(-1)];
    return [
      {
        what: `${role}: resident memory`,
        ours: `${mb.toFixed(0)} MB`,
        floor: `${floorMb.toFixed(0)} MB`,
        reach: `≤ ${MOST_MB} MB`,
        reached: mb <= MOST_MB,
      },
      {
        what: `${role}: CPU`,
        ours: percent(share),
        floor: percent(floorShare),
        reach: `≤ ${percent(MOST_CPU)}`,
        reached: share <= MOST_CPU,
      },
    ];
  });
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
