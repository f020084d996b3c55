/** What a cluster says of a SequentialJob and of its Jobs, asked by dry runs: nothing is created or changed. */
import { stepLabel } from '../shared/api/reasons.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { formatJobError, type JobError } from '../shared/jobs/job-errors.ts';
import type { JobManifest } from '../shared/jobs/job.ts';
import { preflight } from '../shared/jobs/preflight.ts';
import { type ApiClient, type ApiRequest, createApiClient, PATCH_TYPE } from '../shared/kube/client.ts';
import { dryRunJob, noVerdictReason } from '../shared/kube/dry-run.ts';
import { type ApiError, isApiError, isRefusal } from '../shared/kube/errors.ts';
import { type KubeConfigOptions, loadKubeConfig } from '../shared/kube/kubeconfig.ts';
import { collectionPath, objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import { USER_AGENT } from '../shared/version.ts';
import { nonEmptyString } from '../shared/json/untrusted.ts';
import { withPlaceholders } from './fill-placeholders.ts';

export interface ClusterFinding {
  readonly severity: 'error' | 'warning';
  /** The field; empty where the cluster names none. */
  readonly path: string;
  readonly message: string;
}

export interface ClusterVerdict {
  readonly findings: readonly ClusterFinding[];
  /** Why the cluster gave no answer, or not to everything. */
  readonly unanswered: readonly string[];
}

export interface ClusterOptions extends KubeConfigOptions {
  /** For objects that name none; else the context's, else `default`. */
  readonly namespace?: string | undefined;
}

export interface JudgedObject {
  readonly written: unknown;
  /** With every default. */
  readonly complete: SequentialJob;
}

export interface Cluster {
  /**
   * Asks for the object as it is written, through the cluster's admission webhooks, and for the Jobs of its steps. The
   * object must be one that validation takes.
   */
  judge(object: JudgedObject): Promise<ClusterVerdict>;
  close(): Promise<void>;
}

const FIELD_MANAGER = 'sequentialjob-lint';

/** Connects to nothing yet. Throws KubeConfigError where no cluster is named. */
export function openCluster({ namespace: chosen, ...options }: ClusterOptions): Cluster {
  const config = loadKubeConfig(options);
  const ofContext = nonEmptyString(config.getContextObject(config.getCurrentContext())?.namespace);
  const client = createApiClient(config, { userAgent: USER_AGENT });
  return {
    async judge({ written, complete }) {
      const namespace = nonEmptyString(complete.metadata.namespace) ?? chosen ?? ofContext ?? 'default';
      const metadata = { ...complete.metadata, namespace };
      const verdicts = [
        await answered('the SequentialJob', async () => judgeObject(written, metadata, client)),
        await answered('its Jobs', async () => judgeJobs({ ...complete, metadata }, client)),
      ];
      return {
        findings: verdicts.flatMap(({ findings }) => findings),
        unanswered: [...new Set(verdicts.flatMap(({ unanswered }) => unanswered))],
      };
    },
    close: async () => client.close(),
  };
}

async function answered(what: string, ask: () => Promise<ClusterVerdict>): Promise<ClusterVerdict> {
  try {
    return await ask();
  } catch (error) {
    if (!isApiError(error)) throw error;
    return { findings: [], unanswered: [`no verdict on ${what}: ${error.message}`] };
  }
}

const NOTHING: ClusterVerdict = { findings: [], unanswered: [] };

/** As `kubectl apply` does: it is created or, where it is there, changed where it says something. */
async function judgeObject(
  body: unknown,
  { namespace, name }: SequentialJob['metadata'],
  client: ApiClient,
): Promise<ClusterVerdict> {
  const created = await send({ method: 'POST', path: collectionPath(SEQUENTIAL_JOBS, namespace), body }, client);
  const path = objectPath(SEQUENTIAL_JOBS, namespace, name);
  const error =
    created?.code === 'AlreadyExists'
      ? await send({ method: 'PATCH', path, body, contentType: PATCH_TYPE.merge }, client)
      : created;
  if (error === undefined) return NOTHING;
  if (error.code === 'NotFound' && !error.message.startsWith('namespaces ')) {
    return {
      findings: [],
      unanswered: [`no verdict on the SequentialJob: the operator is not installed in this cluster`],
    };
  }
  if (!isRefusal(error) || noVerdictReason(error) !== undefined) throw error;
  return { findings: findingsOf(error), unanswered: [] };
}

async function send(request: ApiRequest, client: ApiClient): Promise<ApiError | undefined> {
  try {
    const query = { dryRun: 'All', fieldManager: FIELD_MANAGER };
    await client.request({ ...request, query, ignoresAnswer: true });
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error;
    throw error;
  }
}

/** The causes of a refusal, each with its field; its words where it has none. */
function findingsOf({ causes, message }: ApiError): readonly ClusterFinding[] {
  const named = causes.filter(({ field }) => field !== undefined && field !== '');
  if (named.length === 0) return [{ severity: 'error', path: '', message }];
  return named.map(({ field = '', message: what = '' }): ClusterFinding => {
    return { severity: 'error', path: field, message: `${field}: ${what}` };
  });
}

async function judgeJobs(object: SequentialJob, client: ApiClient): Promise<ClusterVerdict> {
  const { object: complete } = withPlaceholders(object);
  const scope = { firstIndex: 0, resumes: complete.spec.resume ?? 0 };
  const { errors, ignoredFields, unanswered } = await preflight(complete, scope, async (job) =>
    dryRunJob(client, withoutOwner(job), { fieldManager: FIELD_MANAGER }),
  );
  return {
    findings: [...errors.map((fault) => findingOf(fault, complete)), ...ignoredFields.map(ignored)],
    unanswered: unanswered === undefined ? [] : [`no verdict on its Jobs: ${unanswered.message}`],
  };
}

/** An owner that blocks its deletion is the controller's to set: a user need not be allowed to. */
const withoutOwner = (job: JobManifest): JobManifest => ({
  ...job,
  metadata: { ...job.metadata, ownerReferences: [] },
});

function findingOf(fault: JobError, { spec }: SequentialJob): ClusterFinding {
  const { index, field } = fault;
  if (index === undefined || field !== '') return { severity: 'error', path: field, message: formatJobError(fault) };
  const step = stepLabel(index, spec.containers[index]?.name ?? '');
  return { severity: 'error', path: `spec.containers[${index}]`, message: `step ${step}: ${formatJobError(fault)}` };
}

const ignored = (path: string): ClusterFinding => ({
  severity: 'warning',
  path,
  message: `${path}: this API server does not know the field, and runs the steps without it`,
});
