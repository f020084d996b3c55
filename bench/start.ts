/** From the start of the process to the first review that it has answered. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { compare, type Comparison, inTurns } from './pairing.ts';
import { Measured } from './processes.ts';
import { buildRelease, type Release } from './release.ts';
import { writeCertificate } from './webhook/certificates.ts';
import { askOnce } from './webhook/ask-once.ts';
import { spawnWebhook, untilServes } from './webhook/servers.ts';

/** Issue 7: so many milliseconds more than a process that does nothing. */
const MOST_MS = 250;

const STARTS = 15;

export const start: Benchmark = {
  name: 'start',
  title: 'Webhook: start',
  about:
    'From the start of the process to the first answered review, from the release bundle, in turns with `node -e 0`, which ' +
    'starts and ends. The compiled code is what the image brings, of the program as it is loaded; it is left alone where a ' +
    'node’s processor or the user is another than it was made for.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    try {
      const release = await buildRelease(folder);
      const { folder: certificates } = await writeCertificate(join(folder, 'certificate'));
      const times = smoke ? 1 : STARTS;
      const { NODE_COMPILE_CACHE: _, ...env } = release.env;
      const without: Release = { ...release, env };
      const measure = async (of: Release): Promise<Comparison> => {
        const pairs = await inTurns(times, { ours: async () => ourStart(of, certificates), floor: nodesStart });
        return compare(pairs, (ms) => ms);
      };
      const cold = rowOf('without compiled code', await measure(without));
      await fillCache(release);
      const rows = [cold, rowOf('with the compiled code of the image', await measure(release))];
      for (const { what, ours, floor, ratio } of rows) log(`${what}: ${ours} beside ${floor}, ${ratio}`);
      return rows;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function ourStart(release: Release, certificates: string): Promise<number> {
  const begun = performance.now();
  const webhook = spawnWebhook(release, certificates);
  try {
    await askOnce(await untilServes(webhook));
    return performance.now() - begun;
  } finally {
    await webhook.kill();
  }
}

async function nodesStart(): Promise<number> {
  const begun = performance.now();
  await new Measured({ args: ['-e', '0'] }).ended();
  return performance.now() - begun;
}

/** As the Dockerfile does it: Node writes what it has compiled when the process ends by itself. */
async function fillCache({ program, env }: Release): Promise<void> {
  await new Measured({ args: ['--random-seed=1', program, 'version'], env }).ended();
}

function rowOf(what: string, { ours, floor }: Comparison): Row {
  const more = ours - floor;
  return {
    what,
    ours: `${ours.toFixed(0)} ms`,
    floor: `${floor.toFixed(0)} ms`,
    ratio: `${more.toFixed(0)} ms more`,
    reach: `≤ ${MOST_MS} ms more`,
    reached: more <= MOST_MS,
  };
}
