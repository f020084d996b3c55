/** Time from the start of the webhook's process to its first answered review. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { compare, type Comparison, alternate } from './comparison.ts';
import { MeasuredProcess } from './processes.ts';
import { buildRelease, type Release } from './release.ts';
import { writeCertificate } from './webhook/certificates.ts';
import { sendReview } from './webhook/send-review.ts';
import { spawnWebhook, untilServing } from './webhook/servers.ts';

/** Maximum difference to the start of a Node process that does nothing. */
const MAX_EXTRA_MS = 250;

const STARTS = 15;

export const start: Benchmark = {
  name: 'start',
  title: 'Webhook: start',
  description:
    'Time from the start of the process to the first answered review, with the release bundle. The baseline is `node -e 0`, ' +
    'which starts and exits; both run alternately. The compiled code is V8’s code cache in the image. V8 does not use it if ' +
    'the node’s CPU differs from the one that it was compiled on, nor Node if another user runs the process.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    try {
      const release = await buildRelease(folder);
      const { folder: certificates } = await writeCertificate(join(folder, 'certificate'));
      const times = smoke ? 1 : STARTS;
      const { NODE_COMPILE_CACHE: _, ...env } = release.env;
      const uncached: Release = { ...release, env };
      const measure = async (of: Release): Promise<Comparison> => {
        const pairs = await alternate(times, {
          ours: async () => webhookStartMs(of, certificates),
          baseline: nodeStartMs,
        });
        return compare(pairs, (ms) => ms);
      };
      const cold = rowOf('without compiled code', await measure(uncached));
      await fillCompileCache(release);
      const rows = [cold, rowOf('with the compiled code of the image', await measure(release))];
      for (const { label, ours, baseline, ratio } of rows) log(`${label}: ${ours}, baseline ${baseline}, ${ratio}`);
      return rows;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function webhookStartMs(release: Release, certificates: string): Promise<number> {
  const started = performance.now();
  const webhook = spawnWebhook(release, certificates);
  try {
    await sendReview(await untilServing(webhook));
    return performance.now() - started;
  } finally {
    await webhook.kill();
  }
}

async function nodeStartMs(): Promise<number> {
  const begun = performance.now();
  await new MeasuredProcess({ args: ['-e', '0'] }).exited();
  return performance.now() - begun;
}

/** Fills the compile cache as the Dockerfile does: Node writes it when the process exits normally. */
async function fillCompileCache({ program, env }: Release): Promise<void> {
  await new MeasuredProcess({ args: ['--random-seed=1', program, 'version'], env }).exited();
}

function rowOf(label: string, { ours, baseline }: Comparison): Row {
  const extra = ours - baseline;
  return {
    label,
    ours: `${ours.toFixed(0)} ms`,
    baseline: `${baseline.toFixed(0)} ms`,
    ratio: `${extra.toFixed(0)} ms more`,
    target: `≤ ${MAX_EXTRA_MS} ms more`,
    targetMet: extra <= MAX_EXTRA_MS,
  };
}
