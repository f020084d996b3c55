/** What nearly every suite begins with and ends with: a namespace of its own, and a controller that looks after it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubeconfig, Namespace } from './cluster.ts';
import { Operator } from './operator.ts';

export interface ControllerSuite {
  readonly client: ApiClient;
  readonly namespace: Namespace;
  /** The controller that was started last. */
  readonly operator: Operator;
  /** A folder of this machine, for `gated` sequences. */
  readonly folder: string;
  /** Lets the steps go on that wait for this file in the folder. */
  open(file: string): Promise<void>;
  /** Ends the controller as a crash does. */
  crash(): Promise<void>;
  /** Starts it again; resolves when it works. */
  restart(): Promise<void>;
}

/** The webhook is asked about the namespace, unless `labels` say otherwise (admission.ts). Call it where `beforeAll` may stand. */
export function withController(prefix: string, labels: Readonly<Record<string, string>> = {}): ControllerSuite {
  let client: ApiClient;
  let namespace: Namespace;
  let operator: Operator;
  let folder: string;

  beforeAll(async () => {
    client = connect();
    folder = await mkdtemp(join(tmpdir(), 'sequentialjob-gate-'));
    namespace = await Namespace.create(client, prefix, labels);
    operator = await Operator.start(kubeconfig(), namespace.name);
  }, 60_000);

  afterAll(async () => {
    // Whatever a test left behind or could not set up: no process outlives its suite.
    try {
      if (!operator.isRunning) operator = await Operator.start(kubeconfig(), namespace.name);
      await namespace.remove();
      await operator.end('SIGTERM');
    } finally {
      await Operator.endAll();
      await client.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  return {
    get client() {
      return client;
    },
    get namespace() {
      return namespace;
    },
    get operator() {
      return operator;
    },
    get folder() {
      return folder;
    },
    open: async (file) => writeFile(join(folder, file), ''),
    crash: async () => void (await operator.end('SIGKILL')),
    restart: async () => {
      if (operator.isRunning) await operator.end('SIGKILL');
      operator = await Operator.start(kubeconfig(), namespace.name);
    },
  };
}

/**
 * A second namespace with a controller of its own, beside those of a suite that is `operated`: for other labels. Call it
 * where `beforeAll` may stand.
 */
export function operatedBeside(
  suite: Pick<ControllerSuite, 'client'>,
  prefix: string,
  labels: Readonly<Record<string, string>>,
): Pick<ControllerSuite, 'namespace' | 'operator'> {
  let namespace: Namespace;
  let operator: Operator;

  beforeAll(async () => {
    namespace = await Namespace.create(suite.client, prefix, labels);
    operator = await Operator.start(kubeconfig(), namespace.name);
  }, 60_000);

  afterAll(async () => {
    await namespace.remove();
    await operator.end('SIGTERM');
  });

  return {
    get namespace() {
      return namespace;
    },
    get operator() {
      return operator;
    },
  };
}
