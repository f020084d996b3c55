/** Asks a cluster, by dry run, whether it accepts a SequentialJob, its Jobs and its claims. Nothing is created or changed. */
import { CRON, KIND, V1ALPHA1_API_VERSION } from '../shared/api/group.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { formatJobError, type JobError } from '../shared/jobs/job-errors.ts';
import { positionLabel, stepPath } from '../shared/jobs/position.ts';
import { type DryRunManifest, preflight } from '../shared/jobs/preflight.ts';
import { type ApiClient, type ApiRequest, createApiClient, PATCH_TYPE } from '../shared/kube/client.ts';
import { dryRunCreate, noVerdictReason } from '../shared/kube/dry-run.ts';
import { type ApiError, isApiError, isRefusal } from '../shared/kube/errors.ts';
import { type KubeConfigOptions, loadKubeConfig } from '../shared/kube/kubeconfig.ts';
import {
  collectionPath,
  CRON_SEQUENTIAL_JOBS,
  objectPath,
  type Resource,
  SEQUENTIAL_JOBS,
  V1ALPHA1_SEQUENTIAL_JOBS,
} from '../shared/kube/resources.ts';
import { USER_AGENT } from '../shared/version.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';
import { isSchedule } from '../webhook/resource-rules.ts';
import { withPlaceholders } from './fill-placeholders.ts';

export interface DryRunFinding {
  readonly severity: 'error' | 'warning';
  /** The field path; empty if the API server names none. */
  readonly path: string;
  readonly message: string;
}

export interface DryRunResult {
  readonly findings: readonly DryRunFinding[];
  /** Why the cluster could not check the SequentialJob, or some of its Jobs. */
  readonly unanswered: readonly string[];
}

export interface ClusterOptions extends KubeConfigOptions {
  /** For objects without a namespace; default the context's namespace, then `default`. */
  readonly namespace?: string | undefined;
}

export interface DryRunInput {
  readonly asWritten: unknown;
  /** In v1beta1, with all defaults set; of a schedule, a run. */
  readonly withDefaults: SequentialJob;
  /** A text that names fields in v1beta1, with the paths that the user wrote. */
  readonly textOf: (text: string) => string;
}

export interface Cluster {
  /**
   * Sends the object as written, which the cluster's admission webhooks see, and the Jobs of its steps. The object must
   * have passed local validation.
   */
  dryRun(object: DryRunInput): Promise<DryRunResult>;
  close(): Promise<void>;
}

const FIELD_MANAGER = 'sequentialjob-lint';

/** Does not connect yet. Throws KubeConfigError if the kubeconfig names no cluster. */
export function openCluster({ namespace: namespaceFlag, ...options }: ClusterOptions): Cluster {
  const config = loadKubeConfig(options);
  const contextNamespace = nonEmptyString(config.getContextObject(config.getCurrentContext())?.namespace);
  const client = createApiClient(config, { userAgent: USER_AGENT });
  return {
    async dryRun({ asWritten, withDefaults, textOf }) {
      const namespace =
        nonEmptyString(withDefaults.metadata.namespace) ?? namespaceFlag ?? contextNamespace ?? 'default';
      const metadata = { ...withDefaults.metadata, namespace };
      const verdicts = [
        await orUnanswered(`the ${kindOf(asWritten)}`, async () => dryRunObject(asWritten, namespace, client)),
        await orUnanswered('its Jobs', async () =>
          inUserPaths(await dryRunJobs({ ...withDefaults, metadata }, client), textOf),
        ),
      ];
      return {
        findings: verdicts.flatMap(({ findings }) => findings),
        unanswered: [...new Set(verdicts.flatMap(({ unanswered }) => unanswered))],
      };
    },
    close: async () => client.close(),
  };
}

async function orUnanswered(what: string, ask: () => Promise<DryRunResult>): Promise<DryRunResult> {
  try {
    return await ask();
  } catch (error) {
    if (!isApiError(error)) throw error;
    return { findings: [], unanswered: [`could not check ${what}: ${error.message}`] };
  }
}

const inUserPaths = ({ findings, unanswered }: DryRunResult, textOf: (text: string) => string): DryRunResult => ({
  findings: findings.map(({ severity, path, message }) => {
    return { severity, path: textOf(path), message: textOf(message) };
  }),
  unanswered,
});

const ACCEPTED: DryRunResult = { findings: [], unanswered: [] };

const kindOf = (object: unknown): string => (isSchedule(object) ? CRON.kind : KIND);

/** A server takes an object at the path of its own version only. */
function resourceOf(object: unknown): Resource {
  if (isSchedule(object)) return CRON_SEQUENTIAL_JOBS;
  const isV1alpha1 = asObject<SequentialJob>(object)?.apiVersion === V1ALPHA1_API_VERSION;
  return isV1alpha1 ? V1ALPHA1_SEQUENTIAL_JOBS : SEQUENTIAL_JOBS;
}

/** Like `kubectl apply`: creates the object or, if it exists, patches it with the fields of the file. */
async function dryRunObject(body: unknown, namespace: string, client: ApiClient): Promise<DryRunResult> {
  const resource = resourceOf(body);
  const { name } = asObject<ObjectMeta>(asObject<SequentialJob>(body)?.metadata) ?? {};
  const created = await send({ method: 'POST', path: collectionPath(resource, namespace), body }, client);
  const path = objectPath(resource, namespace, nonEmptyString(name) ?? '');
  const error =
    created?.code === 'AlreadyExists'
      ? await send({ method: 'PATCH', path, body, contentType: PATCH_TYPE.merge }, client)
      : created;
  if (error === undefined) return ACCEPTED;
  if (error.code === 'NotFound' && !error.message.startsWith('namespaces ')) {
    return {
      findings: [],
      unanswered: [`could not check the ${kindOf(body)}: the operator is not installed in this cluster`],
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

/** One finding for each cause that names a field; otherwise the message of the Status. */
function findingsOf({ causes, message }: ApiError): readonly DryRunFinding[] {
  const named = causes.filter(({ field }) => field !== undefined && field !== '');
  if (named.length === 0) return [{ severity: 'error', path: '', message }];
  return named.map(({ field = '', message: what = '' }): DryRunFinding => {
    return { severity: 'error', path: field, message: `${field}: ${what}` };
  });
}

async function dryRunJobs(object: SequentialJob, client: ApiClient): Promise<DryRunResult> {
  const { object: complete } = withPlaceholders(object);
  const scope = { firstIndex: 0, resumes: complete.spec.resume ?? 0 };
  const { errors, ignoredFields, unanswered } = await preflight(complete, scope, async (manifest) =>
    dryRunCreate(client, withoutOwner(manifest), { fieldManager: FIELD_MANAGER }),
  );
  return {
    findings: [...errors.map((fault) => findingOf(fault, complete)), ...ignoredFields.map(ignoredFieldWarning)],
    unanswered: unanswered === undefined ? [] : [`could not check its Jobs: ${unanswered.message}`],
  };
}

/**
 * The owner reference has `blockOwnerDeletion`. The OwnerReferencesPermissionEnforcement plugin lets only a client set it
 * that may update the owner's finalizers: the controller may, the user of `lint` perhaps not.
 */
const withoutOwner = (manifest: DryRunManifest): DryRunManifest =>
  manifest.kind === 'Job'
    ? { ...manifest, metadata: { ...manifest.metadata, ownerReferences: [] } }
    : { ...manifest, metadata: { ...manifest.metadata, ownerReferences: [] } };

function findingOf(fault: JobError, { spec }: SequentialJob): DryRunFinding {
  const { index, field } = fault;
  if (index === undefined || field !== '') return { severity: 'error', path: field, message: formatJobError(fault) };
  const step = positionLabel(spec, index);
  return { severity: 'error', path: stepPath(spec, index), message: `step ${step}: ${formatJobError(fault)}` };
}

const ignoredFieldWarning = (path: string): DryRunFinding => ({
  severity: 'warning',
  path,
  message: `${path}: this API server does not know the field; the steps run without it`,
});
