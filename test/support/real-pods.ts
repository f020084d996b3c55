/** A cluster whose Pods really run, with the controller beside it: for the e2e tests. */
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { connect, endCondition, kubeconfig, kubectl, PODS, type RawPod, untilServiceAccount } from './cluster.ts';
import { eventually } from './eventually.ts';
import { ROOT } from './manifests.ts';
import { Namespace } from './namespace.ts';
import { Operator } from './operator.ts';
import type { NamespaceSuite } from './with-controller.ts';

/** The file that a step waits for which is held at its gate. */
export const GATE = '/tmp/open';

/** A script that runs until its gate is opened, and then continues with `rest`. */
export function gated(rest = 'true'): string {
  return `trap "exit 143" TERM; until [ -e ${GATE} ]; do sleep 0.2; done; ${rest}`;
}

export interface RealPods extends NamespaceSuite {
  /** Kills the controller. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  /** kubectl in the namespace. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** The Pods of one Job. */
  podsOf(job: string): Promise<readonly RawPod[]>;
  /** A running Pod of the sequence. */
  untilPodRuns(sequence: string): Promise<RawPod>;
  /** Lets a step continue that is held at its gate. */
  open(sequence: string): Promise<void>;
  /** Resolves with the message of a Job that has completed or failed, also while no controller runs. */
  untilJobEnds(name: string): Promise<string>;
}

/** Installs the definition. */
async function installDefinition(): Promise<void> {
  await kubectl('apply', '-f', join(ROOT, 'config', 'crd'));
  // kubectl wait fails at once on a definition that has no conditions yet.
  await eventually('the definition', () =>
    kubectl('wait', '--for=condition=established', '--timeout=30s', 'crd/sequentialjobs.batch.example.com'),
  );
}

/** A namespace on the real cluster, and the controller for it. Call it where `beforeAll` may stand. */
export function withRealPods(prefix: string): RealPods {
  const client = connect();
  const namespace = new Namespace(client, prefix);
  let operator: Operator;
  const start = async (): Promise<void> => {
    operator = await Operator.start(kubeconfig(), namespace.name);
  };
  const here: RealPods = {
    client,
    namespace,
    kill: async () => void (await operator.end('SIGKILL')),
    startAgain: start,
    kubectl: (...args) => kubectl('-n', namespace.name, ...args),
    podsOf: (job) => namespace.list(PODS, { labelSelector: `job-name=${job}` }),
    untilPodRuns: (sequence) =>
      eventually(`a Pod of ${sequence}`, async () =>
        (await namespace.pods(sequence)).find(
          ({ status, metadata }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined,
        ),
      ),
    open: async (sequence) => {
      const { metadata } = await here.untilPodRuns(sequence);
      await here.kubectl('exec', metadata.name, '--', 'touch', GATE);
    },
    untilJobEnds: (name) =>
      eventually(`the end of Job ${name}`, async () => {
        const job = await namespace.job(name);
        const end = job === undefined ? undefined : endCondition(job);
        return end === undefined ? undefined : (end.message ?? '');
      }),
  };

  beforeAll(async () => {
    await installDefinition();
    await namespace.create();
    await untilServiceAccount(namespace.name);
    await start();
  }, 120_000);

  afterAll(async () => {
    await here.kubectl('delete', 'sequentialjobs', '--all', '--wait=false');
    // A kubelet may take a minute over a Pod that never started; nobody waits for these.
    await eventually('no Pods', async () => {
      await here.kubectl('delete', 'pods', '--all', '--force', '--grace-period=0', '--wait=false');
      return (await namespace.podNames()).length === 0;
    });
    await namespace.remove();
    await operator.end('SIGTERM');
    await client.close();
  }, 120_000);
  return here;
}
