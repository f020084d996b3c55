/** The API server of the integration and e2e tests, seen as a user sees it: plain requests and kubectl. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LABELS } from '../../shared/api/group.ts';
import type { Phase, SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { type ApiClient, createApiClient, type RequestObserver } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import {
  collectionPath,
  EVENTS,
  JOBS,
  objectPath,
  type Resource,
  SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import { eventually } from './eventually.ts';

export const PODS: Resource = { root: '/api/v1', plural: 'pods' };

export interface RawPod {
  readonly metadata: RawJob['metadata'] & { readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly state: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

export interface RawJob {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly uid: string;
      readonly kind: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec: {
    readonly backoffLimit: number;
    readonly activeDeadlineSeconds?: number;
    readonly suspend?: boolean;
    readonly podFailurePolicy?: unknown;
    readonly podReplacementPolicy?: string;
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly command: readonly string[] }[];
        readonly volumes?: readonly { readonly name: string }[];
        readonly imagePullSecrets?: readonly object[];
      };
    };
  };
  readonly status: {
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly conditions?: readonly JobCondition[];
  };
}

interface JobCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/**
 * The condition that says how a Job has ended: Complete or Failed. Others may come before it in the list, such as
 * FailureTarget, which a server of 1.31 or newer sets while Pods still run.
 */
export function endCondition({ status }: RawJob): JobCondition | undefined {
  return status.conditions?.find((one) => one.status === 'True' && (one.type === 'Complete' || one.type === 'Failed'));
}

export interface RawEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly involvedObject: { readonly name: string; readonly uid: string };
}

type Labels = Readonly<Record<string, string>>;

interface List<T> {
  readonly items: readonly T[];
}

/** The kubeconfig that the test environment hands over. */
export function kubeconfig(): string {
  const path = process.env['SEQUENTIALJOB_TEST_KUBECONFIG'] ?? process.env['KUBECONFIG'];
  if (path === undefined)
    throw new Error('no cluster: SEQUENTIALJOB_TEST_KUBECONFIG or KUBECONFIG must name a kubeconfig');
  return path;
}

export function connect(observe?: RequestObserver): ApiClient {
  return createApiClient(loadKubeConfig({ path: kubeconfig() }), {
    userAgent: 'sequentialjob-tests',
    ...(observe === undefined ? {} : { observe }),
  });
}

/** Runs kubectl against the cluster; rejects when it exits non-zero, with its standard error in the message. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  return (await run(args)).stdout;
}

export interface CommandResult {
  /** The exit code. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl and tells what it says and how it ends, also badly. Objects that are given are its standard input (`-f -`). */
export async function tryKubectl(args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const input = objects.length === 1 ? JSON.stringify(objects[0]) : list;
  try {
    return { code: 0, ...(await run(args, input)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Partial<CommandResult>;
    if (typeof code !== 'number') throw error;
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}

async function run(args: readonly string[], input = ''): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const command = assets === undefined ? 'kubectl' : join(assets, 'kubectl');
  const config = kubeconfig();
  // A cache of its own: the user's may remember what another cluster served at this address.
  const running = promisify(execFile)(command, [`--cache-dir=${config}.cache`, ...args], {
    env: { ...process.env, KUBECONFIG: config },
  });
  // It may have come to its end without reading: how that was is told by its exit code.
  running.child.stdin?.on('error', () => undefined).end(input);
  return running;
}

/** A namespace of a test's own, and what is in it. */
export class Namespace {
  readonly name: string;
  readonly client: ApiClient;

  private constructor(client: ApiClient, name: string) {
    this.client = client;
    this.name = name;
  }

  static async create(client: ApiClient, prefix = 'test', labels: Labels = {}): Promise<Namespace> {
    const name = `${prefix}-${randomBytes(4).toString('hex')}`;
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name, labels } } });
    return new Namespace(client, name);
  }

  /** Needs a running operator: the sequences' finalizers hold the namespace. */
  async remove(): Promise<void> {
    const path = collectionPath(SEQUENTIAL_JOBS, this.name);
    await this.client.request({ method: 'DELETE', path });
    await eventually('no sequences', async () => {
      const { items } = await this.client.request<List<unknown>>({ method: 'GET', path });
      return items.length === 0;
    });
    await this.client.request({ method: 'DELETE', path: `/api/v1/namespaces/${this.name}` });
  }

  async apply(name: string, spec: SequentialJobSpec, metadata: object = {}): Promise<SequentialJob> {
    return this.client.request({
      method: 'POST',
      path: collectionPath(SEQUENTIAL_JOBS, this.name),
      body: {
        apiVersion: 'batch.example.com/v1alpha1',
        kind: 'SequentialJob',
        metadata: { ...metadata, name },
        spec,
      },
    });
  }

  async get(name: string): Promise<SequentialJob> {
    return this.client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, this.name, name) });
  }

  /** Starts the deletion and returns; `cascade` as kubectl's. */
  async delete(name: string, cascade: 'Background' | 'Foreground' | 'Orphan' = 'Background'): Promise<void> {
    const path = objectPath(SEQUENTIAL_JOBS, this.name, name);
    await this.client.request({ method: 'DELETE', path, body: { propagationPolicy: cascade } });
  }

  async patch(name: string, patch: unknown): Promise<SequentialJob> {
    return this.client.request({
      method: 'PATCH',
      path: objectPath(SEQUENTIAL_JOBS, this.name, name),
      contentType: 'application/merge-patch+json',
      body: patch,
    });
  }

  /** The Jobs of the namespace, or of one sequence, oldest step first. */
  async jobs(sequence?: string): Promise<readonly RawJob[]> {
    const labelSelector = sequence === undefined ? undefined : `${LABELS.name}=${sequence}`;
    const { items } = await this.client.request<List<RawJob>>({
      method: 'GET',
      path: collectionPath(JOBS, this.name),
      query: { labelSelector },
    });
    const index = (job: RawJob): number => Number(job.metadata.labels?.[LABELS.stepIndex] ?? -1);
    return [...items].sort((a, b) => index(a) - index(b));
  }

  async jobNames(sequence?: string): Promise<readonly string[]> {
    return (await this.jobs(sequence)).map((job) => job.metadata.name);
  }

  /** The Pods of the namespace, or of one sequence. */
  async pods(sequence?: string): Promise<readonly RawPod[]> {
    const labelSelector = sequence === undefined ? undefined : `${LABELS.name}=${sequence}`;
    const { items } = await this.client.request<List<RawPod>>({
      method: 'GET',
      path: collectionPath(PODS, this.name),
      query: { labelSelector },
    });
    return items;
  }

  async podNames(): Promise<readonly string[]> {
    return (await this.pods()).map((pod) => pod.metadata.name);
  }

  /** Creates an object that is no SequentialJob. */
  async create(resource: Resource, body: object): Promise<void> {
    await this.client.request({ method: 'POST', path: collectionPath(resource, this.name), body });
  }

  /** What `kubectl describe` prints of a sequence, its events included. */
  async describe(name: string): Promise<string> {
    return kubectl('describe', 'sj', name, '-n', this.name);
  }

  /** The cells that `kubectl get` prints of a sequence, under its columns. */
  async columns(name: string): Promise<readonly string[]> {
    const row = await kubectl('get', 'sj', name, '-n', this.name, '--no-headers');
    return row.trim().split(/\s+/);
  }

  /** The events about one sequence, in the order of their names, which is that of their making. */
  async events(sequence: string): Promise<readonly RawEvent[]> {
    return this.eventsOf('SequentialJob', sequence);
  }

  /** The same about any object, whoever wrote them. */
  async eventsOf(kind: string, name: string): Promise<readonly RawEvent[]> {
    const { items } = await this.client.request<List<RawEvent>>({
      method: 'GET',
      path: collectionPath(EVENTS, this.name),
      query: { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` },
    });
    return items;
  }

  /** Reasons, messages and counts of the events that the operator wrote about one sequence. */
  async recordedEvents(
    sequence: string,
    ...reasons: readonly string[]
  ): Promise<readonly (readonly [string, string, number])[]> {
    const events = await this.events(sequence);
    return events
      .filter(({ reason }) => reasons.length === 0 || reasons.includes(reason))
      .map(({ reason, message, count }) => [reason, message, count]);
  }

  /** Resolves when there is an event with this reason: they are written in the background, after the status. */
  async untilEvent(sequence: string, reason: string): Promise<RawEvent> {
    return eventually(`the event ${reason} of ${sequence}`, async () =>
      (await this.events(sequence)).find((event) => event.reason === reason),
    );
  }

  /** The sequence, once its status fulfils `wanted`. */
  async until(name: string, wanted: (object: SequentialJob) => boolean, seconds?: number): Promise<SequentialJob> {
    let seen: SequentialJob | undefined;
    try {
      return await eventually(
        `${name} as wanted`,
        async () => {
          seen = await this.get(name);
          return wanted(seen) ? seen : undefined;
        },
        seconds,
      );
    } catch (error) {
      throw new Error(`${name} is not as wanted: ${JSON.stringify(seen?.status, undefined, 1)}`, { cause: error });
    }
  }

  async untilFinished(name: string, seconds?: number): Promise<SequentialJob> {
    return this.until(name, ({ status }) => status?.completionTime !== undefined, seconds);
  }

  async untilPhase(name: string, phase: Phase, seconds?: number): Promise<SequentialJob> {
    return this.until(name, ({ status }) => status?.phase === phase, seconds);
  }

  /** The sequence, once that step runs and has a Pod that does. */
  async untilRunning(name: string, index: number): Promise<SequentialJob> {
    await eventually(`a Pod of step ${index} of ${name} that runs`, async () => {
      const isIt = ({ metadata, status }: RawPod): boolean =>
        metadata.labels?.[LABELS.stepIndex] === String(index) && status.phase === 'Running';
      return (await this.pods(name)).some(isIt);
    });
    return this.until(name, ({ status }) => status?.steps?.[index]?.state === 'Running');
  }

  /** Resolves when the object is gone. */
  async untilGone(name: string, seconds?: number): Promise<void> {
    await eventually(
      `${name} gone`,
      async () => {
        try {
          await this.get(name);
          return undefined;
        } catch (error) {
          if (isApiError(error, 'NotFound')) return true;
          throw error;
        }
      },
      seconds,
    );
  }
}
