/** The two servers that are compared: the program's webhook, from the release bundle, and the floor. */
import { join } from 'node:path';
import { Measured } from '../processes.ts';
import type { Release } from '../release.ts';
import type { CertificateFiles } from './certificates.ts';

export interface Served {
  readonly process: Measured;
  readonly port: number;
}

/** Resolves when it serves. It needs no cluster, and takes the options that Node has in the Deployment. */
export async function startWebhook(release: Release, { folder }: CertificateFiles): Promise<Served> {
  const process = spawnWebhook(release, folder);
  return { process, port: await untilServes(process) };
}

export function spawnWebhook({ program, nodeOptions, env }: Release, certificates: string): Measured {
  const flags = ['--role=webhook', '--webhook-host=127.0.0.1', '--webhook-port=0', `--cert-dir=${certificates}`];
  return new Measured({ args: [program, 'run', ...flags], nodeOptions, env });
}

/** Resolves with its port as soon as its log says that it serves. */
export async function untilServes(webhook: Measured): Promise<number> {
  return Number(await webhook.untilSays(/"port":(\d+),"msg":"webhook started"/));
}

export async function startFloor({ nodeOptions, env }: Release, { cert, key }: CertificateFiles): Promise<Served> {
  const process = new Measured({ args: [join(import.meta.dirname, 'floor.ts'), cert, key], nodeOptions, env });
  return { process, port: Number(await process.untilSays(/^(\d+)\n/)) };
}
