/** The webhook as a process, configured in the test cluster. */
import { join } from 'node:path';
import { installWebhooks } from '../../local/control-plane/install-webhooks.ts';
import type { Kubectl } from '../../local/control-plane/kubectl.ts';
import type { WebhookTarget } from '../../local/control-plane/webhook-configuration.ts';
import { startOperator } from '../../local/operator.ts';
import type { Child } from '../../local/processes/child.ts';

const MANIFESTS = join(import.meta.dirname, '../../config/webhook');

export interface WebhookOptions extends Pick<WebhookTarget, 'name' | 'namespaceSelector'> {
  /** A folder of its own. */
  readonly state: string;
  readonly kubeconfig: string;
  /** One of the namespaces that it is for. */
  readonly namespace: string;
  /** Whether it also converts, for the whole cluster. */
  readonly converts: boolean;
}

/** Starts the webhook, and resolves when the API server asks it. The configurations stay when it is stopped. */
export async function startWebhook(kubectl: Kubectl, options: WebhookOptions): Promise<Child> {
  const { state, kubeconfig, namespace, converts, ...choice } = options;
  const { child, ready, url, caPem } = await startOperator({ state, kubeconfig, role: 'webhook', logFormat: 'json' });
  try {
    await ready();
    const target = { ...choice, url, caPem };
    await installWebhooks(kubectl, { manifests: MANIFESTS, target, scratch: state, namespace, converts });
    return child;
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}
