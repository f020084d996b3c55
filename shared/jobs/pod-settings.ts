/**
 * The Pod template of one step: what the Pods of all steps share, with the step's `pod` settings. Pure; accepts untrusted
 * values: one of the wrong type is handed on as it is or, in a map or a list, counts as unset.
 */
import type { V1PodTemplateSpec } from '@kubernetes/client-node';
import type { ChildMetadata, StepPod } from '../api/types.ts';
import { asArray, asEntries, asObject, isObject, isPresent, type Untrusted } from '../json/untrusted.ts';

/** How a setting is combined with the template's field. */
type MergeRule = 'replace' | 'merge' | 'append';

type PodSpecSetting = Exclude<keyof StepPod, 'metadata'>;

/**
 * The rule of each field. `affinity` and `securityContext` are replaced as a whole: parts of two would be a third, which
 * nobody wrote.
 */
const RULES: Readonly<Record<PodSpecSetting, MergeRule>> = {
  serviceAccountName: 'replace',
  automountServiceAccountToken: 'replace',
  nodeSelector: 'merge',
  tolerations: 'append',
  affinity: 'replace',
  priorityClassName: 'replace',
  runtimeClassName: 'replace',
  restartPolicy: 'replace',
  terminationGracePeriodSeconds: 'replace',
  securityContext: 'replace',
  resourceClaims: 'append',
  initContainers: 'append',
};

/**
 * Fields of the template that are about the value that a setting replaces, and go with it:
 *
 * - An API server refuses a Pod whose `priority` or `preemptionPolicy` is not that of its priority class
 *   (plugin/pkg/admission/priority admitPod), and one whose `overhead` is not that of its runtime class
 *   (plugin/pkg/admission/runtimeclass validateOverhead). It sets all three itself. As it checks Pods and not Jobs, the step would
 *   wait for a Pod that is never created.
 * - `serviceAccount` is the deprecated name of `serviceAccountName`. An API server ignores it next to the other
 *   (pkg/apis/core/v1 Convert_v1_PodSpec_To_core_PodSpec), but policies may read it.
 */
const GO_WITH: Partial<Readonly<Record<PodSpecSetting, readonly string[]>>> = {
  priorityClassName: ['priority', 'preemptionPolicy'],
  runtimeClassName: ['overhead'],
  serviceAccountName: ['serviceAccount'],
};

/** The rule of a field of `pod`; undefined if a step cannot set it. */
export const mergeRule = (name: string): MergeRule | undefined =>
  Object.hasOwn(RULES, name) ? RULES[name as PodSpecSetting] : undefined;

/**
 * The template with the settings: maps are merged by key, lists are appended, other values replace those of the
 * template. `null`, the empty string, empty maps and empty lists count as unset, because Go clients write them. An empty
 * `affinity` or `securityContext` is a value: it removes the template's. The arguments are never changed; the template itself is
 * returned if nothing is set. Reserved labels and annotations are kept: the builder of the Job removes them.
 */
export function mergePod<T extends Untrusted<V1PodTemplateSpec>>(
  template: T,
  pod: Untrusted<StepPod> | null | undefined,
): T {
  if (!isPresent(pod)) return template;
  const [oldMetadata, oldSpec] = [asObject<Json>(template.metadata) ?? {}, asObject<Json>(template.spec) ?? {}];
  const metadata = mergeMaps(oldMetadata, asObject<ChildMetadata>(pod?.metadata) ?? {});
  const spec = mergeSpec(oldSpec, pod ?? {});
  if (metadata === oldMetadata && spec === oldSpec) return template;
  return {
    ...template,
    ...(metadata === oldMetadata ? {} : { metadata }),
    ...(spec === oldSpec ? {} : { spec }),
  };
}

/** The labels and annotations of `base` with those of `own`, which win by key; `base` itself if there are none. */
export function mergeMaps<T extends Untrusted<ChildMetadata>>(base: T, own: Untrusted<ChildMetadata>): T {
  const set = (['labels', 'annotations'] as const).filter((name) => isSet('merge', own[name]));
  const merged = set.map((name) => [name, combine('merge', base[name], own[name])] as const);
  return set.length === 0 ? base : Object.assign({ ...base }, Object.fromEntries(merged));
}

type Json = Readonly<Record<string, unknown>>;

function mergeSpec(spec: Json, pod: Untrusted<StepPod>): Json {
  const names = (Object.keys(RULES) as PodSpecSetting[]).filter((name) => isSet(RULES[name], pod[name]));
  if (names.length === 0) return spec;
  const replaced = new Set(names.flatMap((name) => GO_WITH[name] ?? []));
  return {
    ...Object.fromEntries(Object.entries(spec).filter(([name]) => !replaced.has(name))),
    ...Object.fromEntries(names.map((name) => [name, combine(RULES[name], spec[name], pod[name])])),
  };
}

function isSet(rule: MergeRule, value: unknown): boolean {
  if (rule === 'append') return asArray(value).length > 0;
  if (rule === 'merge') return asEntries(value).length > 0;
  return isPresent(value) && value !== '';
}

function combine(rule: MergeRule, base: unknown, own: unknown): unknown {
  if (rule === 'append') return [...asArray(base), ...asArray(own)];
  if (rule === 'merge' && isObject(own)) return { ...asObject<Json>(base), ...own };
  return own;
}

/** Whether the step sets the field of a Pod spec itself, so that it replaces the template's. */
export const replacesField = (pod: Untrusted<StepPod> | undefined, name: string): boolean =>
  mergeRule(name) === 'replace' && isSet('replace', asObject<Json>(pod)?.[name]);
