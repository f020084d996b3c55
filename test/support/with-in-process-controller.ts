/** A namespace with a controller in the test's own process, on a connection that the test makes for it. */
import { afterAll, beforeAll } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { connect, Namespace } from './cluster.ts';

export interface InProcess {
  readonly client: ApiClient;
  readonly namespace: Namespace;
}

export interface InProcessOptions {
  /** Of the namespace's name. */
  readonly prefix: string;
  /** Of the namespace; the webhook is asked about it unless they say otherwise (admission.ts). */
  readonly labels?: Readonly<Record<string, string>>;
  /** The controller's connection; what it needs in the namespace is to be put there first. */
  readonly connect: (namespace: Namespace) => ApiClient | Promise<ApiClient>;
  /** Default: none. */
  readonly log?: Log;
  /** As `--check-secrets`. */
  readonly checkSecrets?: boolean;
}

/** Call it where `beforeAll` may stand. */
export function withInProcessController(options: InProcessOptions): InProcess {
  const { prefix, labels, checkSecrets, log = createLog({ level: 'silent', format: 'json' }) } = options;
  let client: ApiClient;
  let own: ApiClient;
  let namespace: Namespace;
  let controller: Controller;

  beforeAll(async () => {
    client = connect();
    namespace = await Namespace.create(client, prefix, labels);
    own = await options.connect(namespace);
    controller = new Controller({ client: own, log, namespace: namespace.name, workers: 4, checkSecrets });
    await controller.start();
  }, 60_000);

  afterAll(async () => {
    try {
      await namespace.remove();
    } finally {
      await controller.stop();
      await own.close();
      await client.close();
    }
  });

  return {
    get client() {
      return client;
    },
    get namespace() {
      return namespace;
    },
  };
}
