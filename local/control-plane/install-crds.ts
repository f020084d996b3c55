/** Installs CustomResourceDefinitions and waits until the API server serves them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubectl } from './kubectl.ts';

const POLL_MS = 100;
const TIMEOUT_MS = 15_000;

interface CrdList {
  readonly items?: readonly Crd[];
}

interface Crd {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Whether all CRDs in the output of `kubectl get -o json` (one object, or a list) are established. */
export function allEstablished(answer: CrdList & Crd): boolean {
  const crds = answer.items ?? [answer];
  return crds.every((crd) =>
    crd.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'),
  );
}

/** Applies the manifests of a folder. Rejects with kubectl's message, or if the CRDs are not established within 15 s. */
export async function installCrds(kubectl: Kubectl, folder: string): Promise<void> {
  await kubectl('apply', '-f', folder);
  // Not `kubectl wait`: before 1.21 it fails on an object that has no conditions yet.
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    if (allEstablished(JSON.parse(await kubectl('get', '-f', folder, '-o', 'json')) as CrdList & Crd)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`the CRDs of ${folder} were not established within ${TIMEOUT_MS / 1000} s`);
}
