/** Plain batch/v1 Jobs and core objects for the tests of the local node. */
import type { ApiClient } from '../../shared/kube/client.ts';

export interface RawPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly restartCount: number;
      readonly state: {
        readonly waiting?: { readonly reason: string; readonly message?: string };
        readonly running?: object;
        readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message?: string };
      };
    }[];
  };
}

/** A Pod spec with one container that runs a shell script. */
export function shell(script: string, container: object = {}, pod: object = {}): object {
  const main = { name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script], ...container };
  return { restartPolicy: 'Never', containers: [main], ...pod };
}

/** Creates a core object (its plural is given) in a namespace. */
export async function create(client: ApiClient, namespace: string, plural: string, body: object): Promise<void> {
  await client.request({ method: 'POST', path: `/api/v1/namespaces/${namespace}/${plural}`, body });
}

/** Creates a Job of one Pod. With `restartPolicy: OnFailure` it may fail twice, else not at all. */
export async function createJob(client: ApiClient, namespace: string, name: string, podSpec: object): Promise<void> {
  const backoffLimit = 'restartPolicy' in podSpec && podSpec.restartPolicy === 'OnFailure' ? 2 : 0;
  const body = { metadata: { name }, spec: { backoffLimit, template: { spec: podSpec } } };
  await client.request({ method: 'POST', path: `/apis/batch/v1/namespaces/${namespace}/jobs`, body });
}

/** The first Pod of a Job. */
export async function podOf(client: ApiClient, namespace: string, job: string): Promise<RawPod | undefined> {
  const { items } = await client.request<{ readonly items: readonly RawPod[] }>({
    method: 'GET',
    path: `/api/v1/namespaces/${namespace}/pods`,
    query: { labelSelector: `job-name=${job}` },
  });
  return items[0];
}
