/** The control plane of the controller's benchmarks: API server and etcd, without a controller manager that would act on Jobs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { cleanUpOnSignal } from '../signal-handlers.ts';
import { GROUP, KIND, PLURAL, V1ALPHA1 } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { buildRelease, type Release } from '../release.ts';
import { RawClient } from './raw-client.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');
/** Enough for the benchmarks' concurrent requests that complete Jobs. */
const CONNECTIONS = 16;
const POLL_MS = 100;

export interface TestControlPlane {
  readonly kubeconfig: string;
  readonly release: Release;
  readonly apiServerPid: number;
  /** The versions of the CustomResourceDefinition as it is released; here it has v1beta1 only. */
  readonly versions: readonly Version[];
  /** The client of the benchmark itself. */
  readonly raw: RawClient;
  /** Creates a namespace and returns its name. */
  createNamespace(name: string): Promise<string>;
}

/** Starts a control plane, runs the work, then stops the control plane. */
export async function withControlPlane<T>(
  log: (line: string) => void,
  work: (controlPlane: TestControlPlane) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const cleanup = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const cleanUp = async (): Promise<void> => {
    for (const end of cleanup.splice(0).toReversed()) await end();
  };
  const removeCleanup = cleanUpOnSignal(cleanUp);
  try {
    const release = await buildRelease(join(folder, 'release'));
    const binaries = await resolveBinaries({ env: process.env, log });
    const state = join(folder, 'control-plane');
    const plane = await startControlPlane({ state, binaries, log, controllerManager: false });
    cleanup.push(() => plane.stop());
    await installCrds(kubectlOf(plane), CRDS);
    const raw = await RawClient.connect(plane.kubeconfig, CONNECTIONS);
    cleanup.push(() => raw.close());
    const versions = await serveOneVersion(raw);
    const { apiServerPid } = plane;
    if (apiServerPid === undefined) throw new Error('the API server does not run');
    const createNamespace = async (name: string): Promise<string> => {
      const body = JSON.stringify({ metadata: { name } });
      await raw.send({ method: 'POST', path: '/api/v1/namespaces', body });
      return name;
    };
    return await work({ kubeconfig: plane.kubeconfig, release, apiServerPid, versions, raw, createNamespace });
  } finally {
    removeCleanup();
    await cleanUp();
  }
}

/**
 * Leaves v1beta1 only in the definition: nothing converts here, and the API server would try to once per second. Returns
 * all versions, as newer servers read them.
 */
export async function serveOneVersion(raw: RawClient): Promise<readonly Version[]> {
  const text = await raw.send({ method: 'GET', path: DEFINITION });
  const { spec } = JSON.parse(text) as { readonly spec: { readonly versions: readonly Version[] } };
  const versions = spec.versions.map(asNewerServersRead);
  const value = versions.filter(({ name }) => name !== V1ALPHA1);
  await patchDefinition(raw, { op: 'replace', path: '/spec/versions', value });
  return versions;
}

/** Adds a definition with the same names in another group. Resolves when the API server serves it. */
export async function addDefinition(raw: RawClient, group: string, versions: readonly Version[]): Promise<void> {
  const names = { kind: KIND, plural: PLURAL };
  const spec = { group, names, scope: 'Namespaced', versions };
  const body = JSON.stringify({ metadata: { name: `${PLURAL}.${group}` }, spec });
  await raw.send({ method: 'POST', path: DEFINITIONS, body });
  const isServed = async (): Promise<boolean> =>
    raw.send({ method: 'GET', path: `/apis/${group}/${versions[0]?.name}/${PLURAL}` }).then(
      () => true,
      () => false,
    );
  while (!(await isServed())) await sleep(POLL_MS);
}

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const DEFINITION = `${DEFINITIONS}/${PLURAL}.${GROUP}`;

/** One operation of a JSON patch (RFC 6902) of the CustomResourceDefinition. */
export interface DefinitionChange {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

export async function patchDefinition(raw: RawClient, change: DefinitionChange): Promise<void> {
  const type = 'application/json-patch+json';
  await raw.send({ method: 'PATCH', path: DEFINITION, type, body: JSON.stringify([change]) });
}

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

/**
 * With strings for int-or-string, which the API server of 1.20 cannot read for `metadata.managedFields`: it would track
 * only the uppermost fields of an object, for much less CPU than newer ones.
 */
const asNewerServersRead = (version: Version): Version => ({
  ...version,
  schema: { openAPIV3Schema: withoutIntOrString(version.schema.openAPIV3Schema) },
});

function withoutIntOrString(schema: Schema): Schema {
  const { 'x-kubernetes-int-or-string': isIntOrString, properties, items, additionalProperties, ...rest } = schema;
  if (isIntOrString === true) return { type: 'string' };
  return {
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, withoutIntOrString(property)]),
      ),
    }),
    ...(items && { items: withoutIntOrString(items) }),
    ...(additionalProperties && { additionalProperties: withoutIntOrString(additionalProperties) }),
  };
}
