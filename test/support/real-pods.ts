/** A cluster whose Pods really run, with the operator beside it: for the e2e tests. */
import { join } from 'node:path';
import { LABELS } from '../../shared/api/group.ts';
import type { Condition, ConditionType, SequentialJob } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath } from '../../shared/kube/resources.ts';
import { connect, endCondition, kubeconfig, kubectl, PODS, type RawEvent } from './cluster.ts';
import { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';
import { Operator } from './operator.ts';
import { askServer, type Server } from './server-features.ts';

const CRD = join(import.meta.dirname, '..', '..', 'config', 'crd');
/** The file that a step waits for which is held at its gate. */
export const GATE = '/tmp/open';

/** A script that runs until its gate is opened, and then goes on with `rest`. */
export function gated(rest = 'true'): string {
  return `trap "exit 143" TERM; until [ -e ${GATE} ]; do sleep 0.2; done; ${rest}`;
}

interface ContainerState {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string };
}

export interface RawPod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly state: ContainerState }[];
  };
}

/** A namespace on the real cluster, and the operator for it. */
export class RealPods {
  readonly namespace: Namespace;
  readonly server: Server;
  readonly #client: ApiClient;
  #operator: Operator;

  private constructor(client: ApiClient, namespace: Namespace, operator: Operator, server: Server) {
    this.#client = client;
    this.namespace = namespace;
    this.#operator = operator;
    this.server = server;
  }

  static async start(prefix: string): Promise<RealPods> {
    const client = connect();
    await kubectl('apply', '-f', CRD);
    // Asked again: kubectl's wait fails at once on a definition that has no conditions yet.
    await eventually('the resource', async () => {
      await kubectl('wait', '--for=condition=established', '--timeout=30s', 'crd/sequentialjobs.batch.example.com');
      return true;
    });
    const namespace = await Namespace.create(client, prefix);
    // Without it no Pod may be created.
    await eventually('the service account', async () => {
      await kubectl('get', 'serviceaccount', 'default', '-n', namespace.name);
      return true;
    });
    const server = await askServer(client);
    const operator = await Operator.start(kubeconfig(), namespace.name);
    return new RealPods(client, namespace, operator, server);
  }

  async end(): Promise<void> {
    await this.kubectl('delete', 'sequentialjobs', '--all', '--wait=false');
    // A kubelet may take a minute over a Pod that never started; nobody waits for these.
    await eventually('no Pods', async () => {
      await this.kubectl('delete', 'pods', '--all', '--force', '--grace-period=0', '--wait=false');
      return (await this.namespace.podNames()).length === 0;
    });
    await this.namespace.remove();
    await this.#operator.end('SIGTERM');
    await this.#client.close();
  }

  /** The operator dies on the spot; what it had in memory is lost. */
  async kill(): Promise<void> {
    await this.#operator.end('SIGKILL');
  }

  async startAgain(): Promise<void> {
    this.#operator = await Operator.start(kubeconfig(), this.namespace.name);
  }

  /** kubectl in the namespace. */
  async kubectl(...args: readonly string[]): Promise<string> {
    return kubectl('-n', this.namespace.name, ...args);
  }

  /** The API server refuses Pods with a container that may take more memory than this. */
  async createLimit(memory: string): Promise<void> {
    await this.#client.request({
      method: 'POST',
      path: `/api/v1/namespaces/${this.namespace.name}/limitranges`,
      body: { metadata: { name: 'limits' }, spec: { limits: [{ type: 'Container', max: { memory } }] } },
    });
  }

  /** The Pods of a sequence, or of one of its Jobs. */
  async pods(sequence: string, job?: string): Promise<readonly RawPod[]> {
    const { items } = await this.#client.request<{ readonly items: readonly RawPod[] }>({
      method: 'GET',
      path: collectionPath(PODS, this.namespace.name),
      query: { labelSelector: `${LABELS.name}=${sequence}${job === undefined ? '' : `,job-name=${job}`}` },
    });
    return items;
  }

  /** The Pod of a sequence that runs. */
  async untilRunning(sequence: string): Promise<RawPod> {
    return eventually(`a Pod of ${sequence} runs`, async () => {
      const pods = await this.pods(sequence);
      return pods.find(
        ({ status, metadata }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined,
      );
    });
  }

  /** Lets a step go on that is held at its gate. */
  async open(sequence: string): Promise<void> {
    const { metadata } = await this.untilRunning(sequence);
    await this.kubectl('exec', metadata.name, '--', 'touch', GATE);
  }

  /** Resolves once a Job says that it has completed or failed, whoever looks; with what it says of that. */
  async untilJobEnds(name: string): Promise<string> {
    return eventually(`the end of Job ${name}`, async () => {
      const jobs = await this.namespace.jobs();
      const job = jobs.find(({ metadata }) => metadata.name === name);
      const end = job === undefined ? undefined : endCondition(job);
      return end === undefined ? undefined : (end.message ?? '');
    });
  }

  /** The event of this reason, once it is there: events are written in the background. */
  async untilEvent(sequence: string, reason: string): Promise<RawEvent> {
    return eventually(`event ${reason} of ${sequence}`, async () => {
      const events = await this.namespace.events(sequence);
      return events.find((event) => event.reason === reason);
    });
  }
}

export function condition({ status }: SequentialJob, type: ConditionType): Condition | undefined {
  return getCondition(status?.conditions, type);
}
