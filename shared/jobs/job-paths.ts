/** Where in the SequentialJob a field of a Job comes from: the reverse of what the builder of Jobs does. Pure. */
import type { V1PodSpec } from '@kubernetes/client-node';
import type { ChildMetadata, SequentialJob, Step, StepPod } from '../api/types.ts';
import { isObject, isPresent } from '../json/untrusted.ts';
import { mergePod, mergeRule, replacesField } from './pod-settings.ts';
import { stepAt, stepPath, type StepPosition } from './position.ts';
import { usedClaims, usedVolumes } from './used-volumes.ts';

/** The steps whose containers a Job has, in the order of the Job's containers. */
export interface JobContents {
  readonly object: SequentialJob;
  readonly indices: readonly StepPosition[];
}

/** Where the user wrote a field. */
export interface ErrorLocation {
  /** The position of the step; undefined if it is a part that several steps have. */
  readonly index: StepPosition | undefined;
  /** The path in the SequentialJob. */
  readonly field: string;
}

/** A field of the Pod: its name, the index in its list, and the path below. */
const POD_FIELD = /^spec\.template\.spec\.(\w+)(?:\[(\d+)\])?(.*)$/s;
/** pkg/apis/core/validation ValidatePodTemplateSpec leaves `metadata` out of these paths; strict decoding does not. */
const POD_METADATA = /^spec\.template\.(?:metadata\.)?(annotations|labels)\b(.*)$/s;
/** The fields of a Job that a step or `spec.job` sets. */
const JOB_FIELD = /^spec\.(backoffLimit|activeDeadlineSeconds|podFailurePolicy)\b/;
const JOB_METADATA = /^metadata\.(annotations|labels)\b(.*)$/s;

/**
 * The field of the SequentialJob for a field of a Job. Settings of a step that the Job of several steps has are named by
 * the first of these, and belong to no single one. `value`: the one that the server complains about, in quotes: it tells
 * which map has it where the path names no key.
 */
export function locate(field: string, contents: JobContents, value?: string): ErrorLocation {
  const pod = POD_FIELD.exec(field);
  if (pod !== null) return locatePodField(field, pod, contents, value);
  const metadata = POD_METADATA.exec(field);
  if (metadata !== null) return locatePodMetadata(metadata, contents, value);
  const job = JOB_FIELD.exec(field);
  if (job !== null) return locateJobField(field, job[1] ?? '', contents);
  if (field.startsWith('spec.template.')) return { index: undefined, field };
  const ofJob = JOB_METADATA.exec(field);
  // The Job's name, labels and constant settings, which are nearly the same for every step.
  return (
    (ofJob === null ? undefined : locateJobMetadata(ofJob, contents, value)) ?? {
      index: undefined,
      field: `(Job) ${field}`,
    }
  );
}

/** The step whose settings the Job has. */
const firstStep = ({ object, indices }: JobContents): Step | undefined => stepAt(object.spec, indices[0] ?? 0);

/** A field below the first step, of that step if the Job is only its own. */
const ofStep = (below: string, { object, indices }: JobContents): ErrorLocation => ({
  index: indices.length === 1 ? indices[0] : undefined,
  field: `${stepPath(object.spec, indices[0] ?? 0)}.${below}`,
});

const ofAll = (field: string): ErrorLocation => ({ index: undefined, field });

function locatePodField(
  field: string,
  [, name = '', at, rest = '']: readonly (string | undefined)[],
  contents: JobContents,
  value: string | undefined,
): ErrorLocation {
  const { pod } = firstStep(contents) ?? {};
  const rule = mergeRule(name);
  if (at !== undefined && rule !== 'merge') return locateItem({ name, at: Number(at), rest }, contents);
  const below = `${at === undefined ? '' : `[${at}]`}${rest}`;
  const isOwn = {
    merge: () => hasEntry(ownField(pod, name), below, value),
    replace: () => replacesField(pod, name),
    append: () => lengthOf(ownField(pod, name)) > 0 && templateLength(name, contents) === 0,
  };
  return rule !== undefined && isOwn[rule]() ? ofStep(`pod.${name}${below}`, contents) : ofAll(field);
}

interface Item {
  readonly name: string;
  readonly at: number;
  readonly rest: string;
}

/** An item of a list of the Pod: of its containers, or of the template's list, to which the step's own is appended. */
function locateItem({ name, at, rest }: Item, contents: JobContents): ErrorLocation {
  const { spec } = contents.object;
  if (name === 'containers') {
    const index = contents.indices[at];
    return { index, field: `${index === undefined ? `spec.steps[${at}]` : stepPath(spec, index)}${rest}` };
  }
  const position = unfilteredIndex(name, at, contents);
  const count = templateLength(name, contents);
  // A list has other items as well if an admission webhook adds some.
  return position >= count && position - count < lengthOf(ownField(firstStep(contents)?.pod, name))
    ? ofStep(`pod.${name}[${position - count}]${rest}`, contents)
    : ofAll(`spec.template.spec.${name}[${position}]${rest}`);
}

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0);

/** The length of the template's list. */
const templateLength = (name: string, { object }: JobContents): number =>
  lengthOf(object.spec.template?.spec?.[name as keyof V1PodSpec]);

/** The index before the builder of the Job has removed the volumes and claims that no container of the Pod uses. */
function unfilteredIndex(name: string, at: number, contents: JobContents): number {
  if (name !== 'volumes' && name !== 'resourceClaims') return at;
  const { object, indices } = contents;
  const { spec } = mergePod(object.spec.template ?? {}, firstStep(contents)?.pod);
  const containers = [...(spec?.initContainers ?? []), ...indices.flatMap((index) => stepAt(object.spec, index) ?? [])];
  const used = name === 'volumes' ? usedVolumes(containers) : usedClaims(containers);
  const kept = [...(spec?.[name] ?? []).keys()].filter((i) => used.has(spec?.[name]?.[i]?.name));
  return kept[at] ?? at;
}

function locatePodMetadata(
  [, what = '', rest = '']: readonly (string | undefined)[],
  contents: JobContents,
  value: string | undefined,
): ErrorLocation {
  const path = `metadata.${what}${rest}`;
  return hasEntry(ownField(firstStep(contents)?.pod?.metadata, what), rest, value)
    ? ofStep(`pod.${path}`, contents)
    : ofAll(`spec.template.${path}`);
}

/** The field of `metadata` that the user wrote; undefined if it is one of the operator's own labels. */
function locateJobMetadata(
  [, what = '', rest = '']: readonly (string | undefined)[],
  contents: JobContents,
  value: string | undefined,
): ErrorLocation | undefined {
  const path = `job.metadata.${what}${rest}`;
  if (hasEntry(ownField(firstStep(contents)?.job?.metadata, what), rest, value)) return ofStep(path, contents);
  return hasEntry(ownField(contents.object.spec.job?.metadata, what), rest, value) ? ofAll(`spec.${path}`) : undefined;
}

const ownField = (parent: StepPod | ChildMetadata | null | undefined, name: string): unknown =>
  isObject(parent) ? parent[name] : undefined;

/**
 * Whether the complaint is about an entry of this map. Servers name the map, with the key or the value in the message, or the
 * map with the key (`labels[a]`), or nothing for the size of the whole map, which is then every map's.
 */
function hasEntry(map: unknown, rest: string, value: string | undefined): boolean {
  const entries = isObject(map) ? Object.entries(map) : [];
  if (rest !== '') return entries.some(([key]) => rest.startsWith(`[${key}]`));
  return value === undefined
    ? entries.length > 0
    : entries.some((entry) => entry.some((text) => JSON.stringify(text) === value));
}

/** A field that the step sets is the step's; any other is that of all steps, also where the Job's value is the default. */
function locateJobField(field: string, name: string, contents: JobContents): ErrorLocation {
  const { job } = firstStep(contents) ?? {};
  // Go clients send null for an unset field.
  const isOwn = isPresent((job as Readonly<Record<string, unknown>> | null | undefined)?.[name]);
  return isOwn ? ofStep(field.replace(/^spec\b/, 'job'), contents) : ofAll(field.replace(/^spec\b/, 'spec.job'));
}
