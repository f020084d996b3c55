/**
 * What the API server of a test can do, asked of the server itself, so that a test states on each server what holds there.
 * A feature is tried in a dry run, because feature gates are independent of versions. Only what needs a running Job is told
 * from the version.
 */
import { describe } from '@jest/globals';
import type { ApiClient, ApiRequest } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, CONFIG_MAPS, JOBS } from '../../shared/kube/resources.ts';
import { connect } from './cluster.ts';

export interface Server {
  /** The minor release of Kubernetes 1. */
  readonly minor: number;
  /** A Job keeps its `suspend` (1.22 and newer); an older server drops it. */
  readonly suspendsJobs: boolean;
  /** A Job keeps its `podFailurePolicy` (1.26 and newer); an older server drops it. */
  readonly knowsPodFailurePolicy: boolean;
  /** A Job keeps its `podReplacementPolicy` (1.29 and newer); an older server drops it. */
  readonly knowsPodReplacementPolicy: boolean;
  /** A definition keeps its rules in CEL (1.25 and newer); an older server drops them. */
  readonly knowsRules: boolean;
  /** A webhook configuration keeps its `matchConditions` (1.28 and newer); an older server drops them. */
  readonly knowsMatchConditions: boolean;
  /** There are ValidatingAdmissionPolicies (v1: 1.30 and newer). */
  readonly knowsPolicies: boolean;
  /** Unknown fields are refused where the client asks for that (1.25 and newer), and the kubectl of such a server does. */
  readonly validatesStrictly: boolean;
  /**
   * The Job controller sets SuccessCriteriaMet before Complete and FailureTarget before Failed, and the API server refuses
   * a status without them (1.31 and newer).
   */
  readonly announcesEnds: boolean;
}

const NAMESPACE = 'default';

/** Asks the server of this test run, before the tests are defined: `const server = await serverOfTests()`. */
export async function serverOfTests(): Promise<Server> {
  const client = connect();
  try {
    return await askServer(client);
  } finally {
    await client.close();
  }
}

/** A `describe` for servers with a feature, or without it; on the others its tests are listed as skipped. */
export function onServersWhere(isSo: boolean): typeof describe | typeof describe.skip {
  return isSo ? describe : describe.skip;
}

/** Asks the server that this client is connected to. Stores nothing. */
export async function askServer(client: ApiClient): Promise<Server> {
  const { minor: text } = await client.request<{ readonly minor: string }>({ method: 'GET', path: '/version' });
  // Some providers add a plus sign.
  const minor = Number.parseInt(text, 10);
  const { suspend, podFailurePolicy, podReplacementPolicy } = await storedJob(client);
  return {
    minor,
    suspendsJobs: suspend === true,
    knowsPodFailurePolicy: podFailurePolicy !== undefined,
    knowsPodReplacementPolicy: podReplacementPolicy !== undefined,
    knowsRules: await keepsRules(client),
    knowsMatchConditions: await keepsMatchConditions(client),
    knowsPolicies: await hasPolicies(client),
    validatesStrictly: await refusesUnknownFields(client),
    announcesEnds: minor >= 31,
  };
}

async function dryRun<T>(client: ApiClient, path: string, body: object, query: ApiRequest['query'] = {}): Promise<T> {
  return client.request<T>({ method: 'POST', path, query: { dryRun: 'All', ...query }, body });
}

interface JobSpec {
  readonly suspend?: boolean;
  readonly podFailurePolicy?: unknown;
  readonly podReplacementPolicy?: unknown;
}

/** What the server would store of a Job that asks for every feature. */
async function storedJob(client: ApiClient): Promise<JobSpec> {
  const containers = [{ name: 'probe', image: 'busybox:1.36' }];
  const spec = {
    suspend: true,
    podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] },
    podReplacementPolicy: 'Failed',
    template: { spec: { restartPolicy: 'Never', containers } },
  };
  const body = { metadata: { name: 'probe' }, spec };
  return (await dryRun<{ readonly spec: JobSpec }>(client, collectionPath(JOBS, NAMESPACE), body)).spec;
}

async function keepsRules(client: ApiClient): Promise<boolean> {
  const rules = 'x-kubernetes-validations';
  const openAPIV3Schema = { type: 'object', [rules]: [{ rule: 'true' }] };
  const [group, plural] = ['tests.example.com', 'probes'];
  const body = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind: 'Probe', plural },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  return JSON.stringify(await dryRun(client, path, body)).includes(`"${rules}"`);
}

async function keepsMatchConditions(client: ApiClient): Promise<boolean> {
  const webhook = {
    name: 'probe.tests.example.com',
    clientConfig: { url: 'https://127.0.0.1/' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    matchConditions: [{ name: 'probe', expression: 'true' }],
  };
  const body = { metadata: { name: 'probe' }, webhooks: [webhook] };
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  return JSON.stringify(await dryRun(client, path, body)).includes('"matchConditions"');
}

async function hasPolicies(client: ApiClient): Promise<boolean> {
  const path = '/apis/admissionregistration.k8s.io/v1';
  const { resources } = await client.request<{ readonly resources: readonly { readonly name: string }[] }>({
    method: 'GET',
    path,
  });
  return resources.some(({ name }) => name === 'validatingadmissionpolicies');
}

async function refusesUnknownFields(client: ApiClient): Promise<boolean> {
  const body = { metadata: { name: 'probe' }, unknown: true };
  try {
    await dryRun(client, collectionPath(CONFIG_MAPS, NAMESPACE), body, { fieldValidation: 'Strict' });
    return false;
  } catch (error) {
    if (isApiError(error, 'BadRequest')) return true;
    throw error;
  }
}
