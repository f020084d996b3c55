/** Computes a container's environment from the ConfigMaps and Secrets that it references: pure. Errors have the kubelet's words. */
import { fieldValue } from './downward.ts';
import { expand } from './expansion.ts';
import type { Container, Content, Pod } from './objects.ts';

/** Default variables. HOME is root's, as in an image without a USER. */
const BASE = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' } as const;

export interface References {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

/** Contents by name; an absent name means that the object does not exist. */
export interface Sources {
  readonly configMaps: ReadonlyMap<string, Content>;
  readonly secrets: ReadonlyMap<string, Content>;
}

export type Environment =
  | { readonly ok: true; readonly values: Readonly<Record<string, string>> }
  /** The message becomes that of the waiting reason `CreateContainerConfigError`. */
  | { readonly ok: false; readonly message: string };

/** The ConfigMaps and Secrets that a container's environment references, without duplicates. */
export function referencesOf(container: Container): References {
  const from = container.envFrom ?? [];
  const values = (container.env ?? []).map((variable) => variable.valueFrom);
  const names = (list: readonly (string | undefined)[]): readonly string[] =>
    [...new Set(list)].filter((name) => name !== undefined);
  return {
    configMaps: names([
      ...from.map((source) => source.configMapRef?.name),
      ...values.map((value) => value?.configMapKeyRef?.name),
    ]),
    secrets: names([
      ...from.map((source) => source.secretRef?.name),
      ...values.map((value) => value?.secretKeyRef?.name),
    ]),
  };
}

type Value = { readonly value: string | undefined } | { readonly fault: string };

interface Reference {
  readonly kind: 'configmap' | 'secret';
  readonly name: string;
  readonly optional: boolean;
  readonly content: Content | undefined;
}

function notFound({ kind, name }: Reference): string {
  return `${kind} "${name}" not found`;
}

function keyValue(reference: Reference, key: string, namespace: string): Value {
  const value = reference.content?.[key];
  if (value !== undefined) return { value: value.toString('utf8') };
  if (reference.optional) return { value: undefined };
  if (reference.content === undefined) return { fault: notFound(reference) };
  const kind = reference.kind === 'secret' ? 'Secret' : 'ConfigMap';
  return { fault: `couldn't find key ${key} in ${kind} ${namespace}/${reference.name}` };
}

function valueFrom(
  source: NonNullable<NonNullable<Container['env']>[number]['valueFrom']>,
  pod: Pod,
  sources: Sources,
): Value {
  const { configMapKeyRef, secretKeyRef, fieldRef } = source;
  const { namespace } = pod.metadata;
  if (configMapKeyRef !== undefined) {
    const { name = '', key, optional = false } = configMapKeyRef;
    return keyValue({ kind: 'configmap', name, optional, content: sources.configMaps.get(name) }, key, namespace);
  }
  if (secretKeyRef !== undefined) {
    const { name = '', key, optional = false } = secretKeyRef;
    return keyValue({ kind: 'secret', name, optional, content: sources.secrets.get(name) }, key, namespace);
  }
  if (fieldRef !== undefined) {
    const value = fieldValue(pod, fieldRef.fieldPath);
    return value === undefined ? { fault: `unsupported fieldPath: ${fieldRef.fieldPath}` } : { value };
  }
  return { fault: 'the local node supports env values only from configMapKeyRef, secretKeyRef and fieldRef' };
}

function sourceContent(source: NonNullable<Container['envFrom']>[number], sources: Sources): Reference {
  const { configMapRef, secretRef } = source;
  const name = configMapRef?.name ?? secretRef?.name ?? '';
  const kind = configMapRef === undefined ? 'secret' : 'configmap';
  const content = (kind === 'secret' ? sources.secrets : sources.configMaps).get(name);
  return { kind, name, optional: (configMapRef ?? secretRef)?.optional ?? false, content };
}

/**
 * The environment: defaults, then `envFrom` in order, then `env` in order; later entries override earlier ones. `$(NAME)`
 * in a value refers to earlier entries. Returns the first error.
 */
export function resolveEnvironment(pod: Pod, container: Container, sources: Sources): Environment {
  const values: Record<string, string> = { ...BASE, HOSTNAME: pod.metadata.name };
  for (const source of container.envFrom ?? []) {
    const reference = sourceContent(source, sources);
    if (reference.content === undefined && !reference.optional) return { ok: false, message: notFound(reference) };
    for (const [name, value] of Object.entries(reference.content ?? {})) {
      values[`${source.prefix ?? ''}${name}`] = value.toString('utf8');
    }
  }
  for (const variable of container.env ?? []) {
    const value: Value =
      variable.valueFrom === undefined
        ? { value: expand(variable.value ?? '', values) }
        : valueFrom(variable.valueFrom, pod, sources);
    if ('fault' in value) return { ok: false, message: value.fault };
    if (value.value !== undefined) values[variable.name] = value.value;
  }
  return { ok: true, values };
}
