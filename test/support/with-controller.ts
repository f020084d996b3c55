/** What nearly every suite begins and ends with: a namespace of its own, and a controller that watches it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubeconfig } from './cluster.ts';
import { type Labels, Namespace } from './namespace.ts';
import { Operator } from './operator.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface NamespaceSuite {
  readonly client: ApiClient;
  readonly namespace: Namespace;
}

export interface ControllerSuite extends NamespaceSuite {
  /** The controller that was started last. */
  readonly operator: Operator;
  /** A folder of this machine, for `gated` sequences. */
  readonly folder: string;
  /** Lets the steps go on that wait for this file in the folder. */
  open(file: string): Promise<void>;
  /** Kills the controller. */
  crash(): Promise<void>;
  /** Starts it again, after a kill where it runs; resolves when it works. */
  restart(): Promise<void>;
}

/** A namespace without a controller. Call it where `beforeAll` may stand. */
export function withNamespace(prefix: string, labels: Labels = {}): NamespaceSuite {
  const client = connect();
  const namespace = new Namespace(client, prefix);

  beforeAll(() => namespace.create(labels));

  afterAll(async () => {
    await namespace.removeWithoutController();
    await client.close();
  });
  return { client, namespace };
}

export interface ControllerOptions {
  /** Of the namespace. The webhook is asked about it unless they say otherwise (admission.ts). */
  readonly labels?: Labels;
  readonly flags?: readonly string[];
  readonly env?: (namespace: string) => NodeJS.ProcessEnv;
}

/** A namespace with a controller as a process. Call it where `beforeAll` may stand. */
export function withController(prefix: string, { labels = {}, flags, env }: ControllerOptions = {}): ControllerSuite {
  const client = connect();
  const namespace = new Namespace(client, prefix);
  let operator: Operator;
  const start = async (): Promise<void> => {
    operator = await Operator.start(kubeconfig(), namespace.name, flags, env?.(namespace.name));
  };

  beforeAll(async () => {
    await namespace.create(labels);
    await start();
  });

  afterAll(async () => {
    // No process outlives its suite, whatever a test left behind or failed to set up.
    try {
      if (!operator.isRunning) await start();
      await namespace.remove();
    } finally {
      await operator.end('SIGTERM');
      await client.close();
    }
  });

  const folder = temporaryFolder();
  return {
    client,
    namespace,
    folder,
    get operator() {
      return operator;
    },
    open: async (file) => writeFile(join(folder, file), ''),
    crash: async () => void (await operator.end('SIGKILL')),
    restart: async () => {
      if (operator.isRunning) await operator.end('SIGKILL');
      await start();
    },
  };
}
