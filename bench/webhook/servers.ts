/** Starts the compared servers: the webhook from the release bundle, and the baseline. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeasuredProcess } from '../processes.ts';
import { buildRelease, type Release } from '../release.ts';
import { type CertificateFiles, writeCertificate } from './certificates.ts';

export interface MeasuredServer {
  readonly process: MeasuredProcess;
  readonly port: number;
}

/** Starts the webhook with the Deployment's NODE_OPTIONS; it needs no cluster. Resolves when it serves. */
export async function startWebhook(release: Release, { folder }: CertificateFiles): Promise<MeasuredServer> {
  const process = spawnWebhook(release, folder);
  return { process, port: await untilServing(process) };
}

export function spawnWebhook(
  { program, nodeOptions, env }: Release,
  certificates: string,
  more: readonly string[] = [],
): MeasuredProcess {
  const flags = ['--role=webhook', '--webhook-host=127.0.0.1', '--webhook-port=0', `--cert-dir=${certificates}`];
  return new MeasuredProcess({ args: [program, 'run', ...flags, ...more], nodeOptions, env });
}

/** Resolves with the port when the log shows that the webhook serves. */
export async function untilServing(webhook: MeasuredProcess): Promise<number> {
  return Number(await webhook.untilOutput(/"port":(\d+),"msg":"webhook started"/));
}

export async function startBaseline(
  { nodeOptions, env }: Release,
  { cert, key }: CertificateFiles,
): Promise<MeasuredServer> {
  const process = new MeasuredProcess({
    args: [join(import.meta.dirname, 'baseline.ts'), cert, key],
    nodeOptions,
    env,
  });
  return { process, port: Number(await process.untilOutput(/^(\d+)\n/)) };
}

/** Both servers, with the same certificate. */
export interface ComparedServers {
  readonly ours: MeasuredServer;
  readonly baseline: MeasuredServer;
}

/** Builds the release, starts both servers, and ends them when `measure` has settled. */
export async function withServers<T>(measure: (servers: ComparedServers) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const started: MeasuredServer[] = [];
  try {
    const release = await buildRelease(folder);
    const certificate = await writeCertificate(join(folder, 'certificate'));
    const ours = await startWebhook(release, certificate);
    started.push(ours);
    const baseline = await startBaseline(release, certificate);
    started.push(baseline);
    return await measure({ ours, baseline });
  } finally {
    for (const { process } of started) await process.kill();
    await rm(folder, { recursive: true });
  }
}
