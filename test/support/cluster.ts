/** The API server of the integration and e2e tests as a user sees it: plain requests and kubectl. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_OUTPUT_BYTES } from '../../local/control-plane/kubectl.ts';
import type { Condition, ConditionType, SequentialJob } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import { type ApiClient, createApiClient, type RequestObserver } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import type { Resource } from '../../shared/kube/resources.ts';
import { eventually } from './eventually.ts';

export const PODS: Resource = { root: '/api/v1', plural: 'pods' };

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface RawPod {
  readonly metadata: RawJob['metadata'] & { readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly state: {
        readonly waiting?: { readonly reason: string; readonly message?: string };
        readonly running?: { readonly startedAt: string };
        readonly terminated?: { readonly exitCode: number; readonly message?: string; readonly startedAt: string };
      };
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
      readonly apiVersion: string;
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
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
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

/** A folder for kubectl: the user's own cache may hold what another cluster served at this address. */
export function kubectlCache(): string {
  return `${kubeconfig()}.cache`;
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

/** Runs kubectl and resolves with its output and exit code, also where it fails. `objects` are its standard input (`-f -`). */
export async function tryKubectl(args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const input = objects.length === 1 ? JSON.stringify(objects[0]) : list;
  return resultOf(run(args, input));
}

/** Runs `kubectl edit` with that program as the editor; the copies that it keeps of refused changes go to a folder. */
export async function tryKubectlEdit(args: readonly string[], editor: string, folder: string): Promise<CommandResult> {
  return resultOf(run(['edit', ...args], '', { KUBE_EDITOR: editor, TMPDIR: folder }));
}

type Output = Omit<CommandResult, 'code'>;

async function resultOf(running: Promise<Output>): Promise<CommandResult> {
  try {
    return { code: 0, ...(await running) };
  } catch (error) {
    const { code, stdout, stderr } = error as Partial<CommandResult>;
    if (typeof code !== 'number') throw error;
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}

async function run(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Output> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const command = assets === undefined ? 'kubectl' : join(assets, 'kubectl');
  const config = kubeconfig();
  const running = promisify(execFile)(command, [`--cache-dir=${kubectlCache()}`, ...args], {
    env: { ...process.env, ...env, KUBECONFIG: config },
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  // kubectl may end without reading its input; its exit code says why.
  running.child.stdin?.on('error', () => undefined).end(input);
  return running;
}

/** A condition of a SequentialJob. */
export function condition({ status }: SequentialJob, type: ConditionType): Condition | undefined {
  return getCondition(status?.conditions, type);
}

/** Resolves when Pods can be created in the namespace: not before its default service account exists. */
export async function untilServiceAccount(namespace: string): Promise<void> {
  await eventually('the service account', () => kubectl('get', 'serviceaccount', 'default', '-n', namespace));
}
