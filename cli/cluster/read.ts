/** Reads and patches what people see: sequences and their Pods. Errors are CommandErrors, in one line. */
import { GROUP, LABELS } from '../../shared/api/group.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { type ApiRequest, PATCH_TYPE, type Query } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, objectPath, PODS, type Resource, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { type StepPod, toStepPod } from '../status/step-pod.ts';
import { type Asked, CommandError, explain } from './command-error.ts';
import { type Connection, isPathSegment } from './connect.ts';

const PAGE = 500;
/** A hint is not worth a wait. */
const HINT_TIMEOUT_MS = 2_000;

/** The field manager of changes by people. */
export const FIELD_MANAGER = 'sequentialjob-cli';

/** What is asked of the API server in the namespace, about a resource of ours. */
export const asked = (
  { server, namespace }: Connection,
  verb: Asked['verb'],
  { plural }: Resource = SEQUENTIAL_JOBS,
): Asked => ({ verb, resource: `${plural}.${GROUP}`, namespace, server });

/** Of an unknown name, the error says whether the namespace exists, and where else there is one of that name. */
export async function getSequence(connection: Connection, name: string): Promise<SequentialJob> {
  const { client, namespace } = connection;
  if (!isPathSegment(name)) throw new CommandError('failed', `"${name}" is no name of a SequentialJob`);
  try {
    return await client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, namespace, name) });
  } catch (error) {
    const explained = explain(error, asked(connection, 'get'));
    // A path that is not served names no object.
    if (isApiError(error, 'NotFound') && error.message.includes(`"${name}"`)) throw await notFound(connection, name);
    throw explained;
  }
}

async function notFound(connection: Connection, name: string): Promise<CommandError> {
  const { namespace } = connection;
  const text = `sequentialjob "${name}" not found in namespace "${namespace}"`;
  const [hasNamespace, elsewhere] = await Promise.all([
    hint(connection, { method: 'GET', path: `/api/v1/namespaces/${encodeURIComponent(namespace)}` }),
    hint(connection, {
      method: 'GET',
      path: collectionPath(SEQUENTIAL_JOBS, undefined),
      query: { fieldSelector: `metadata.name=${name}`, limit: 2 },
    }),
  ]);
  const { items = [] } = (elsewhere ?? {}) as { readonly items?: readonly SequentialJob[] };
  const other = items[0]?.metadata.namespace;
  const reasons = [
    hasNamespace === null ? 'the namespace does not exist' : undefined,
    other === undefined ? undefined : `there is one in namespace "${other}"`,
  ].filter(Boolean);
  return new CommandError('failed', reasons.length === 0 ? text : `${text}: ${reasons.join('; ')}`);
}

/** The answer; null if the object does not exist, undefined if that is not known. */
async function hint({ client }: Connection, request: ApiRequest): Promise<unknown> {
  try {
    return await client.request({ ...request, timeoutMs: HINT_TIMEOUT_MS });
  } catch (error) {
    return isApiError(error, 'NotFound') ? null : undefined;
  }
}

/** The sequences of the namespace, or of all. */
export async function listSequences(connection: Connection, inAll: boolean): Promise<readonly SequentialJob[]> {
  const namespace = inAll ? undefined : connection.namespace;
  try {
    return await listAll(connection, SEQUENTIAL_JOBS, namespace, {});
  } catch (error) {
    throw explain(error, { ...asked(connection, 'list'), namespace });
  }
}

async function listAll<T>(
  { client }: Connection,
  resource: Resource,
  namespace: string | undefined,
  query: Query,
): Promise<readonly T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const { items, metadata } = await client.request<{
      readonly items?: readonly T[] | null;
      readonly metadata?: { readonly continue?: string };
    }>({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...query, limit: PAGE, continue: token },
    });
    for (const item of items ?? []) all.push(item);
    token = metadata?.continue === '' ? undefined : metadata?.continue;
  } while (token !== undefined);
  return all;
}

/** Those sequences of the namespace that have these labels. */
export async function listLabelled(connection: Connection, labelSelector: string): Promise<readonly SequentialJob[]> {
  try {
    return await listAll(connection, SEQUENTIAL_JOBS, connection.namespace, { labelSelector });
  } catch (error) {
    throw explain(error, asked(connection, 'list'));
  }
}

/** Selects the Pods of the sequences of this name; `ofSequence` leaves those of one. */
export const podSelector = (name: string): string => `${LABELS.name}=${name}`;

export const ofSequence = (pods: Iterable<StepPod>, uid: string): readonly StepPod[] =>
  [...pods].filter(({ sequenceUID }) => sequenceUID === uid);

/** The Pods of the sequences of this name. */
export async function listPods(connection: Connection, name: string): Promise<readonly StepPod[]> {
  try {
    const raw = await listAll<unknown>(connection, PODS, connection.namespace, { labelSelector: podSelector(name) });
    return raw.flatMap((one) => toStepPod(one) ?? []);
  } catch (error) {
    throw explain(error, { ...asked(connection, 'list'), resource: 'pods' });
  }
}

/** A merge patch. With `resourceVersion` it is refused with a Conflict, as ApiError, if the object has changed since. */
export async function patchObject<T>(
  connection: Connection,
  resource: Resource,
  name: string,
  body: object,
): Promise<T> {
  try {
    return await connection.client.request<T>({
      method: 'PATCH',
      path: objectPath(resource, connection.namespace, name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: PATCH_TYPE.merge,
      body,
    });
  } catch (error) {
    if (isApiError(error, 'Conflict')) throw error;
    throw explain(error, asked(connection, 'patch', resource));
  }
}
