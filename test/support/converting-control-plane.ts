/** A control plane of one suite with the operator's webhook as a process, and forms of the definition that name it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { ControlPlane } from '../../local/control-plane/control-plane.ts';
import { type Kubectl, kubectlOf } from '../../local/control-plane/kubectl.ts';
import { type LocalOperator, startOperator } from '../../local/operator.ts';
import { dedicatedControlPlane } from './dedicated-control-plane.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ConvertingControlPlane {
  readonly plane: ControlPlane;
  readonly kubectl: Kubectl;
  /** Serves `/convert`; no definition names it before the suite applies one (`withWebhook`). */
  readonly webhook: LocalOperator;
  /** `kubectl apply` of an object; says what kubectl printed. */
  apply(object: unknown, ...flags: readonly string[]): Promise<string>;
}

/** Call it where `beforeAll` may stand, before whatever needs it. */
export function convertingControlPlane(options?: Parameters<typeof dedicatedControlPlane>[0]): ConvertingControlPlane {
  const own = dedicatedControlPlane(options);
  const folder = temporaryFolder();
  let kubectl: Kubectl;
  let webhook: LocalOperator;
  let files = 0;

  beforeAll(async () => {
    const { kubeconfig } = own.plane;
    kubectl = kubectlOf(own.plane);
    webhook = await startOperator({ state: join(folder, 'operator'), kubeconfig, role: 'webhook', logFormat: 'json' });
    await webhook.ready();
  });
  afterAll(async () => webhook.child.stop(0));

  return {
    get plane() {
      return own.plane;
    },
    get kubectl() {
      return kubectl;
    },
    get webhook() {
      return webhook;
    },
    async apply(object, ...flags) {
      const file = join(folder, `${(files += 1)}.json`);
      await writeFile(file, JSON.stringify(object));
      return kubectl('apply', ...flags, '-f', file);
    },
  };
}
