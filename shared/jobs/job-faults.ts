/**
 * What an API server says against a Job, in the terms of the SequentialJob that the Job was made of: the user has never
 * seen the Job, so `spec.template.spec.containers[0]` of a step's Job is `spec.containers[1]` of the sequence. Pure.
 */
import type { SequentialJob } from '../api/types.ts';

/** The parts of a refusal (metav1.Status) that say what is wrong. */
export interface JobRefusal {
  readonly message: string;
  readonly causes: readonly { readonly field?: string; readonly message?: string }[];
}

/** One fault of a Job. */
export interface JobFault {
  /** The step that it is about; undefined where it is about what all steps share. */
  readonly index: number | undefined;
  /** The path in the SequentialJob; empty where the server names none. */
  readonly field: string;
  /** What is wrong, in the server's words, without the path. */
  readonly message: string;
}

/** The steps whose containers the refused Job has, in the order of its containers. */
export interface JobContents {
  readonly object: SequentialJob;
  readonly indices: readonly number[];
}

/** Every fault that a refusal names, in the server's order. At least one: where it names no cause, its message is one. */
export function faultsOf(refusal: JobRefusal, contents: JobContents): readonly JobFault[] {
  const only = contents.indices.length === 1 ? contents.indices[0] : undefined;
  const named = refusal.causes.filter(({ message }) => message !== undefined && message !== '');
  if (named.length === 0) return [{ index: only, field: '', message: inText(refusal.message, contents) }];
  return named.map(({ field: inJob = '', message = '' }) => {
    const { index, field } = inJob === '' ? { index: only, field: '' } : placeOf(inJob, contents);
    return { index, field, message: inText(withoutStructure(message), contents) };
  });
}

/** `spec.containers[1].image: Invalid value: …`, as validation and `lint` say it. */
export const formatJobFault = ({ field, message }: JobFault): string =>
  field === '' ? message : `${field}: ${message}`;

/** What we set by ourselves, and can do without: no user has written it. */
const OURS: ReadonlySet<string> = new Set(['spec.podReplacementPolicy']);

/** The paths of fields that a server left out of a Job, in the SequentialJob; without those that we set ourselves. */
export const fieldsOf = (fields: readonly string[], contents: JobContents): readonly string[] =>
  fields.filter((field) => !OURS.has(field)).map((field) => placeOf(field, contents).field);

const CONTAINER = /^spec\.template\.spec\.containers\[(\d+)\]/;
const CONTAINERS = /\bspec\.template\.spec\.containers\[(\d+)\]/g;
/** pkg/apis/core/validation ValidatePodTemplateSpec leaves `metadata` out of these paths. */
const METADATA = /^spec\.template\.(annotations|labels)\b/;
/** What a step policy says of a Job. */
const POLICY = /^spec\.(backoffLimit|activeDeadlineSeconds|podFailurePolicy)\b/;

type Placed = Pick<JobFault, 'index' | 'field'>;

function placeOf(field: string, contents: JobContents): Placed {
  const container = CONTAINER.exec(field);
  if (container !== null) {
    const index = contents.indices[Number(container[1])];
    return { index, field: `spec.containers[${index ?? 0}]${field.slice(container[0].length)}` };
  }
  if (METADATA.test(field)) return { index: undefined, field: field.replace(METADATA, 'spec.template.metadata.$1') };
  const policy = POLICY.exec(field);
  if (policy !== null) return ofPolicy(field, policy[1] ?? '', contents);
  if (field.startsWith('spec.template.')) return { index: undefined, field };
  // The Job's name, labels and settings, which are much the same for every step.
  return { index: undefined, field: `(Job) ${field}` };
}

/**
 * What a step policy says, or may say, of the Job. `spec.backoffLimit` holds for the steps whose policies say nothing; the
 * other two mean something else, or nothing, outside of a policy.
 */
function ofPolicy(field: string, name: string, { object, indices }: JobContents): Placed {
  const index = indices.length === 1 ? indices[0] : undefined;
  const step = object.spec.containers[index ?? indices[0] ?? 0]?.name;
  const policies = object.spec.stepPolicies ?? [];
  const at = policies.findIndex((policy) => policy.name === step);
  const isSet = (policies[at] as Readonly<Record<string, unknown>> | undefined)?.[name] !== undefined;
  if (!isSet && name === 'backoffLimit') return { index: undefined, field };
  const policy = at === -1 ? `spec.stepPolicies[name=${step}]` : `spec.stepPolicies[${at}]`;
  return { index: isSet ? index : undefined, field: field.replace('spec', policy) };
}

/**
 * Servers show a value that is a whole structure as Go or as JSON prints it, with every field that is not set and, before 1.33 or so,
 * with addresses in memory that differ each time: what is wrong stands behind it.
 */
const withoutStructure = (message: string): string =>
  message.replace(/^([A-Z][a-z]+(?: [a-z]+)?: )[\w.*[\]]*\{.*\}: /s, '$1');

const inText = (text: string, { indices }: JobContents): string =>
  text.replaceAll(CONTAINERS, (_, at: string) => `spec.containers[${indices[Number(at)] ?? at}]`);
