/** A namespace with a controller in the test's own process, so that the test can look into its connection, log or clock. */
import { afterAll, beforeAll } from '@jest/globals';
import { Controller, type ControllerOptions } from '../../controller/manager.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { createLog } from '../../shared/log.ts';
import { connect } from './cluster.ts';
import { type Labels, Namespace } from './namespace.ts';
import type { NamespaceSuite } from './with-controller.ts';

interface Options extends Partial<Pick<ControllerOptions, 'log' | 'checkSecrets' | 'metrics' | 'now'>> {
  /** Of the namespace. The webhook is asked about it unless they say otherwise (admission.ts). */
  readonly labels?: Labels;
  /** Opens the controller's connection, after the namespace was created. */
  readonly open?: (namespace: Namespace) => ApiClient | Promise<ApiClient>;
}

/** Call it where `beforeAll` may stand. */
export function withInProcessController(prefix: string, { labels, open, ...options }: Options): NamespaceSuite {
  const client = connect();
  const namespace = new Namespace(client, prefix);
  let own: ApiClient;
  let controller: Controller;

  beforeAll(async () => {
    await namespace.create(labels);
    own = (await open?.(namespace)) ?? connect();
    const log = createLog({ level: 'silent', format: 'json' });
    controller = new Controller({ log, ...options, client: own, namespace: namespace.name, workers: 4 });
    await controller.start();
  });

  afterAll(async () => {
    try {
      if (await namespace.exists()) await namespace.remove();
    } finally {
      await controller.stop();
      await own.close();
      await client.close();
    }
  });
  return { client, namespace };
}
